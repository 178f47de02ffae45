"""One side of a sea turtle's head, as textures: silhouette, beak and eye are the species', the mosaic the animal's."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from wildtrack.access.demo.drawing import Floats, Points, blur, crop, fixed, noise, paint, step
from wildtrack.access.demo.plates import BROWNS, CREAM, Plates, draw_mosaic
from wildtrack.access.demo.texture import BOTTOM, LEFT, PIXELS, SHEET, TOP, curve, fill, line, to_pixels

SHAPE_SPREAD = 0.008  # how much silhouettes differ, in head lengths

_DEPTH = 0.20  # how far the cheek stands out from the profile's plane, in head lengths
_SNOUT = [(0.028, 0.172), (0.004, 0.150), (-0.008, 0.075), (0.008, 0.000), (0.050, -0.065), (0.120, -0.140)]
_CROWN = [(0.230, -0.215), (0.350, -0.268), (0.550, -0.305), (0.760, -0.310), (0.940, -0.270), (1.100, -0.205)]
_NECK = [(1.300, -0.195), (2.000, -0.270), (2.000, 0.400), (1.300, 0.255), (1.120, 0.240)]
_JAW = [(0.980, 0.285), (0.860, 0.318), (0.640, 0.312), (0.400, 0.290), (0.210, 0.262), (0.110, 0.232), (0.062, 0.190)]
_SILHOUETTE = np.array([*_SNOUT, *_CROWN, *_NECK, *_JAW])
_MOUTH = np.array([(0.020, 0.168), (0.070, 0.138), (0.160, 0.128), (0.270, 0.140), (0.370, 0.162), (0.470, 0.172)])
_HORN_ABOVE = [(-0.06, 0.20), (-0.06, -0.04), (0.04, -0.06), (0.10, 0.00), (0.18, 0.045), (0.31, 0.085), (0.40, 0.165)]
_UPPER_BEAK = np.array([*_HORN_ABOVE, (0.20, 0.13)])
_LOWER_BEAK = np.array(
    [(0.0, 0.15), (0.20, 0.125), (0.36, 0.158), (0.31, 0.205), (0.21, 0.25), (0.10, 0.30), (0.0, 0.25)]
)
_EYE = np.array((0.335, -0.060))
_EYE_RADIUS = 0.062
_FLATNESS = 0.86  # height by width of the eye
_NOSTRIL = np.array([(0.062, -0.012), (0.078, -0.004)])
_HORN = np.array((0.70, 0.57, 0.36), np.float32)


@dataclass(frozen=True)
class Head:
    """One side of one animal's head, facing left."""

    colour: Floats  # (H, W, 3) in white light
    opacity: Floats  # (H, W): 0 off the animal, 1 on it
    surface: Floats  # (H, W, 3): the normal's x and y, and gloss
    relief: Floats  # (H, W): distance towards the camera from the profile's plane, in head lengths


def draw_head(plates: Plates, rng: Generator) -> Head:
    """Draw one side of an animal's head."""
    mask = fill(_SILHOUETTE + rng.normal(0, SHAPE_SPREAD, _SILHOUETTE.shape))
    colour, plate = draw_mosaic(plates, rng)
    y = np.linspace(TOP, BOTTOM, len(colour), dtype=np.float32)[:, None, None]
    colour *= 1 - 0.25 * step(-y, 0.08, 0.30)  # dark above and pale below, as most swimmers are
    colour += 0.45 * step(y, 0.10, 0.36) * (CREAM - colour)
    bump, gloss = plate * 0.012, 0.25 + 0.35 * plate
    for outline in (_LOWER_BEAK, _UPPER_BEAK):
        _horn(rng, outline, colour, bump, gloss)
    line(colour, curve(_MOUTH), (0.10, 0.06, 0.04), 0.010)
    line(colour, _NOSTRIL, (0.08, 0.05, 0.04), 0.014)
    _eye(colour, gloss, _EYE + rng.normal(0, SHAPE_SPREAD, 2), _EYE_RADIUS * rng.uniform(0.94, 1.06))
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / PIXELS
    rise = np.minimum(inside / 0.26, 1)
    relief = blur((_DEPTH * rise * (2 - rise)).astype(np.float32), 7)  # 0 at the edge of the silhouette
    slope_y, slope_x = np.gradient(relief + bump, 1 / PIXELS)
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    return Head(colour.clip(0, 1), mask, np.dstack([-slope_x / length, -slope_y / length, gloss]), relief)


def _horn(rng: Generator, outline: Points, colour: Floats, bump: Floats, gloss: Floats) -> None:
    """Cover part of the head with smooth horn, faintly streaked along the jaw and dark at its edge."""
    mask = blur(fill(outline), 1.5)
    front = np.s_[:, : int((outline[:, 0].max() + 0.05 - LEFT) * PIXELS)]  # the rest of the head has no horn
    mask = mask[front]
    streaks = cv2.resize(crop(rng, noise(1.6), (8, SHEET[1]), 1.0), mask.shape[::-1])
    colour[front] += mask[..., None] * (_HORN * (1 + 0.12 * streaks[..., None]) - colour[front])
    colour[front] *= 1 - 1.6 * (mask * (1 - mask))[..., None]
    bump[front] *= 1 - mask
    gloss[front] += mask * (0.75 - gloss[front])


def _eye(colour: Floats, gloss: Floats, middle: Points, radius: float) -> None:
    """Draw the eye: a lid of small scales, a dark ball, a glint."""
    _disc(colour, middle, radius * 1.50, CREAM * 0.62)
    for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False):
        spoke = radius * 1.26 * np.array((np.cos(angle), np.sin(angle) * _FLATNESS))
        _disc(colour, middle + spoke, radius * 0.22, BROWNS[0] * 1.15)
    _disc(colour, middle, radius * 1.06, (0.10, 0.07, 0.05))
    _disc(colour, middle, radius * 0.92, (0.22, 0.13, 0.07))
    _disc(colour, middle, radius * 0.66, (0.03, 0.03, 0.03))
    _disc(colour, middle + radius * np.array((-0.25, -0.35)), radius * 0.17, (0.95, 0.97, 1.0))
    _disc(gloss, middle, radius, (1.0,))


def _disc(picture: Floats, middle: Points, radius: float, colour: ArrayLike) -> None:
    """Fill a slightly flat disc given in head lengths."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    axes = fixed((radius * PIXELS, radius * _FLATNESS * PIXELS))
    cv2.ellipse(mask, fixed(to_pixels(middle)), axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
    paint(picture, mask, colour)
