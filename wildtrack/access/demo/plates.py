"""The mosaic of scutes on a turtle's head, which tells animals apart: their colours, and where the sutures run."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from wildtrack.access.demo.drawing import Floats, Points, blur, crop, mix, noise, rgb, step
from wildtrack.access.demo.texture import BOTTOM, LEFT, RIGHT, SHEET, TOP, enlarge, grid

# What differs between animals: the mosaic itself and, as in life, the character of its plates.
SCUTE_SIZE = (0.105, 0.210)  # mean width of a scute on the face, in head lengths: smaller means more scutes
SCUTE_SIZE_SPREAD = 0.35  # sigma of the log size: how much scutes of one head differ
SUTURE = (0.006, 0.022)  # half the width of the pale line between scutes, in head lengths
LIGHTNESS = (0.65, 1.45)  # of an animal's plates as a whole
TONE_SPREAD = 0.22  # sigma of a plate's lightness within an animal
TONE_MIX = 0.5  # Dirichlet parameter of an animal's browns: small means that one or two of them prevail
CENTRES = (-0.45, 0.75)  # how much darker (below 0: paler) the middles of an animal's plates are

CREAM = np.array((0.93, 0.85, 0.66), np.float32)
BROWNS = np.array(
    [(0.33, 0.17, 0.09), (0.47, 0.26, 0.13), (0.42, 0.33, 0.16), (0.60, 0.42, 0.24), (0.25, 0.18, 0.11)], np.float32
)
_TRIES = 600  # darts thrown for scutes: enough to leave no gaps


@dataclass(frozen=True)
class Plates:
    """The character of one animal's plates, the same on both sides of its head."""

    size: float  # mean width on the face, in head lengths
    suture: float  # half the width of the line between them, in head lengths
    browns: NDArray[np.float64]  # (len(BROWNS),) how often each brown occurs
    lightness: float
    centre: float  # how much darker the middles are
    centre_share: float  # how many plates have such a middle


def draw_plates(rng: Generator) -> Plates:
    """Draw a new animal's character."""
    return Plates(
        size=math.exp(rng.uniform(*np.log(SCUTE_SIZE))),
        suture=rng.uniform(*SUTURE),
        browns=rng.dirichlet(np.full(len(BROWNS), TONE_MIX)),
        lightness=rng.uniform(*LIGHTNESS),
        centre=rng.uniform(*CENTRES),
        centre_share=rng.uniform(),
    )


def draw_mosaic(plates: Plates, rng: Generator) -> tuple[Floats, Floats]:
    """Colour (H, W, 3) of the mosaic and, per pixel, how far inside a plate it lies (0 suture, 1 plate)."""
    seeds, sizes = _seeds(plates.size, rng)
    width, height = SHEET[0] // 2, SHEET[1] // 2  # enough: sutures cover the steps between plates
    wobble = np.dstack([crop(rng, noise(2.0), (width, height), 0.35) for _ in range(2)])  # no border is ruler-straight
    points = grid(width, height) + 0.022 * wobble.reshape(-1, 2).astype(np.float64)
    # A power diagram is a plain nearest-neighbour search with the weight as one more dimension.
    lift = 0.45 * np.sqrt(sizes.max() ** 2 - sizes**2)
    tree = cKDTree(np.column_stack([seeds, lift]))
    distance, nearest = tree.query(np.column_stack([points, np.zeros(len(points))]), k=2)
    between = np.linalg.norm(seeds[nearest[:, 0]] - seeds[nearest[:, 1]], axis=1)
    border = (distance[:, 1] ** 2 - distance[:, 0] ** 2) / (2 * between)
    border = enlarge(blur(border.reshape(height, width).astype(np.float32), 1.0))
    size = enlarge(_size_at(points, plates.size).reshape(height, width).astype(np.float32))
    label = cv2.resize(nearest[:, :1].reshape(height, width).astype(np.uint16), SHEET, interpolation=cv2.INTER_NEAREST)
    plate = step(border - plates.suture * np.clip(size / plates.size, 0.65, 1), -0.004, 0.005)
    centre = np.where(rng.uniform(size=len(seeds)) < plates.centre_share, plates.centre, 0).astype(np.float32)
    inside = step(border / sizes.astype(np.float32)[label], 0.12, 0.34)
    grain = 1 + 0.16 * crop(rng, noise(1.2), SHEET, 1.0)
    browns = BROWNS[rng.choice(len(BROWNS), size=len(seeds), p=plates.browns)]
    light = plates.lightness * rng.lognormal(0, TONE_SPREAD, (len(seeds), 1)).clip(0.5, 1.7)
    colour = (browns * light).astype(np.float32)[label] * rgb(1 - centre[label] * inside)
    return mix(np.broadcast_to(CREAM, colour.shape), colour, rgb(plate)) * rgb(grain), plate


def _seeds(mean_size: float, rng: Generator) -> tuple[Points, Points]:
    """Scatter scutes: their middles (N, 2) and sizes (N,), large on the face, small on the neck."""
    middles = rng.uniform((LEFT, TOP), (RIGHT, BOTTOM), (_TRIES, 2))
    sizes = _size_at(middles, mean_size) * rng.lognormal(0, SCUTE_SIZE_SPREAD, _TRIES)
    clash = cdist(middles, middles) < 0.45 * (sizes[:, None] + sizes)
    kept: list[int] = []
    for index in range(_TRIES):
        if not clash[index, kept].any():
            kept.append(index)
    return middles[kept], sizes[kept]


def _size_at(points: Points, mean_size: float) -> Points:
    """The animal's mean scute size at each point: the neck's scales are small, the jaw's a little smaller."""
    neck = np.interp(points[:, 0], (0.85, 1.08), (0.0, 1.0))
    jaw = np.interp(points[:, 1], (0.12, 0.25), (1.0, 0.8))
    return mean_size * jaw * (1 - 0.6 * neck)
