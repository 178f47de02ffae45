"""Drawn sea turtles: one side of one head, and photos of it under water.

In: a random generator that stands for the animal, another for the day, another for the photo.
Out: RGB photos (HEIGHT, WIDTH, 3) uint8. What tells two animals apart is the mosaic of scutes on
the head; silhouette, eye and beak are the species' and vary little; water, light and viewpoint
belong to the day and the photo and say nothing about the animal.

Coordinates of the drawing are head lengths: x from the beak (0) over the back of the head (1)
into the neck, y downwards. Every head is drawn facing left; a right side is mirrored by the camera.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import splev, splprep
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

Floats = NDArray[np.float32]
Points = NDArray[np.float64]  # (N, 2), x then y

WIDTH, HEIGHT = 320, 240  # of a photo, in pixels

# What differs between animals: the mosaic itself and, as in life, the character of its plates.
SCUTE_SIZE = (0.105, 0.210)  # mean width of a scute on the face, in head lengths: smaller means more scutes
SCUTE_SIZE_SPREAD = 0.35  # sigma of the log size: how much scutes of one head differ
SUTURE = (0.006, 0.022)  # half the width of the pale line between scutes, in head lengths
LIGHTNESS = (0.65, 1.45)  # of an animal's plates as a whole
TONE_SPREAD = 0.22  # sigma of a plate's lightness within an animal
TONE_MIX = 0.5  # Dirichlet parameter of an animal's browns: small means that one or two of them prevail
CENTRES = (-0.45, 0.75)  # how much darker (below 0: paler) the middles of an animal's plates are
SHAPE_SPREAD = 0.008  # how much silhouettes differ, in head lengths

# How hard the photos are.
YAW, PITCH, ROLL = 18.0, 12.0, 10.0  # largest turn of the head away from a plain profile, in degrees
HEAD_SIZE = (0.68, 0.88)  # head length as a share of the photo's width
SHIFT = 0.04  # how far the head's middle leaves the photo's middle, as a share of the photo
TURBIDITY = (0.06, 0.32)  # share of the far water's colour that lies over the head
BRIGHTNESS = (0.85, 1.30)
CONTRAST = (0.80, 1.20)
CAUSTICS = (0.0, 0.55)  # strength of the net of light that waves throw
OCCLUDED = 0.30  # share of photos with a fish, a blade, bubbles or glare before the head
BLUR = 1.3  # largest defocus, sigma in pixels
MOTION = 6  # longest motion blur in pixels
NOISE = 0.035  # strongest sensor noise, sigma with white = 1
JPEG_QUALITY = (55, 92)  # half-open, as numpy draws integers

_PIXELS = 256  # of the texture, per head length
_LEFT, _TOP, _RIGHT, _BOTTOM = -0.10, -0.44, 1.65, 0.48  # what the texture covers, in head lengths
_TEXTURE_SIZE = (round((_RIGHT - _LEFT) * _PIXELS), round((_BOTTOM - _TOP) * _PIXELS))  # width, height
_BANK = 512  # side of the ready-made noise tiles
_CAMERA = 3.0  # distance of the camera, in head lengths
_DEPTH = 0.20  # how far the cheek stands out from the profile's plane, in head lengths
_STEP = 8  # the warp is computed at every eighth pixel: it is smooth

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
_TRIES = 600  # darts thrown for scutes: enough to leave no gaps

_CREAM = np.array((0.93, 0.85, 0.66), np.float32)
_BLACK = np.zeros(3, np.float32)
_NEGATIVE = np.array((-1, -1, -1), np.float32)
_SAND = np.array((0.75, 0.68, 0.50), np.float32)
_HORN = np.array((0.70, 0.57, 0.36), np.float32)
_TONES = np.array(
    [(0.33, 0.17, 0.09), (0.47, 0.26, 0.13), (0.42, 0.33, 0.16), (0.60, 0.42, 0.24), (0.25, 0.18, 0.11)], np.float32
)
_WATERS = np.array(
    [(0.05, 0.36, 0.58), (0.08, 0.46, 0.55), (0.12, 0.42, 0.34), (0.30, 0.42, 0.33), (0.04, 0.24, 0.42)], np.float32
)


@dataclass(frozen=True)
class Plates:
    """The character of one animal's plates, the same on both sides of its head."""

    size: float  # mean width on the face, in head lengths
    suture: float  # half the width of the line between them, in head lengths
    browns: Floats  # (len(_TONES),) how often each brown occurs
    lightness: float
    centre: float  # how much darker the middles are
    centre_share: float  # how many plates have such a middle


@dataclass(frozen=True)
class Head:
    """One side of one animal's head, facing left.

    Attributes:
        colour: (H, W, 3): its colour in white light.
        opacity: (H, W): 0 beside the animal, 1 on it.
        surface: (H, W, 3): the normal's x and y, and gloss.
        relief: (H, W): distance towards the camera from the profile's plane, in head lengths.
    """

    colour: Floats
    opacity: Floats
    surface: Floats
    relief: Floats


@dataclass(frozen=True)
class Water:
    """What photos of one day have in common."""

    bottom: str  # a key of _BOTTOMS, or "out of sight"
    tint: Floats  # (3,) colour of far water
    turbidity: float
    brightness: float
    contrast: float
    sun: float  # where the light comes from, in radians from straight above
    caustics: float
    noise: float


def draw_water(rng: Generator) -> Water:
    """Draw a day's water and light."""
    first, second = rng.integers(len(_WATERS), size=2)
    return Water(
        bottom=str(rng.choice([*_BOTTOMS, "out of sight"])),
        tint=_mix(_WATERS[first], _WATERS[second], rng.uniform()) * rng.uniform(0.8, 1.3),
        turbidity=rng.uniform(*TURBIDITY),
        brightness=rng.uniform(*BRIGHTNESS),
        contrast=rng.uniform(*CONTRAST),
        sun=rng.uniform(-0.9, 0.9),
        caustics=rng.uniform(*CAUSTICS),
        noise=rng.uniform(0.2, 1.0) * NOISE,
    )


# --- the animal ---------------------------------------------------------------------------------


def draw_plates(rng: Generator) -> Plates:
    """Draw a new animal's character."""
    return Plates(
        size=math.exp(rng.uniform(*np.log(SCUTE_SIZE))),
        suture=rng.uniform(*SUTURE),
        browns=rng.dirichlet(np.full(len(_TONES), TONE_MIX)),
        lightness=rng.uniform(*LIGHTNESS),
        centre=rng.uniform(*CENTRES),
        centre_share=rng.uniform(),
    )


def draw_head(plates: Plates, rng: Generator) -> Head:
    """Draw one side of an animal's head."""
    mask = _fill(_SILHOUETTE + rng.normal(0, SHAPE_SPREAD, _SILHOUETTE.shape))
    colour, plate = _scutes(plates, rng)
    _countershade(colour)
    bump, gloss = plate * 0.012, 0.25 + 0.35 * plate
    for outline in (_LOWER_BEAK, _UPPER_BEAK):
        _horn(rng, outline, colour, bump, gloss)
    _line(colour, _curve(_MOUTH), (0.10, 0.06, 0.04), 0.010)
    _line(colour, _NOSTRIL, (0.08, 0.05, 0.04), 0.014)
    _eye(colour, gloss, _EYE + rng.normal(0, SHAPE_SPREAD, 2), _EYE_RADIUS * rng.uniform(0.94, 1.06))
    relief = _relief(mask)
    return Head(
        colour=colour.clip(0, 1),
        opacity=mask,
        surface=np.dstack([*_normal(relief + bump), gloss]),
        relief=relief,
    )


def _scutes(plates: Plates, rng: Generator) -> tuple[Floats, Floats]:
    """Colour (H, W, 3) of the mosaic and, per pixel, how far inside a plate it lies (0 suture, 1 plate)."""
    seeds, sizes = _seeds(plates.size, rng)
    width, height = _TEXTURE_SIZE[0] // 2, _TEXTURE_SIZE[1] // 2  # enough: sutures cover the steps between plates
    points = _grid(width, height) + 0.022 * _wobble(rng, width, height)
    # A power diagram is a plain nearest-neighbour search with the weight as one more dimension.
    lift = 0.45 * np.sqrt(sizes.max() ** 2 - sizes**2)
    tree = cKDTree(np.column_stack([seeds, lift]))
    distance, nearest = tree.query(np.column_stack([points, np.zeros(len(points))]), k=2)
    between = np.linalg.norm(seeds[nearest[:, 0]] - seeds[nearest[:, 1]], axis=1)
    border = (distance[:, 1] ** 2 - distance[:, 0] ** 2) / (2 * between)
    border = _enlarge(_blur(border.reshape(height, width).astype(np.float32), 1.0))
    size = _enlarge(_size_at(points, plates.size).reshape(height, width).astype(np.float32))
    label = cv2.resize(
        nearest[:, 0].reshape(height, width).astype(np.uint16), _TEXTURE_SIZE, interpolation=cv2.INTER_NEAREST
    )

    plate = _step(border - plates.suture * np.clip(size / plates.size, 0.65, 1), -0.004, 0.005)
    centre = np.where(rng.uniform(size=len(seeds)) < plates.centre_share, plates.centre, 0).astype(np.float32)
    inside = _step(border / sizes.astype(np.float32)[label], 0.12, 0.34)
    grain = 1 + 0.16 * _crop(rng, _noise(1.2), _TEXTURE_SIZE, 1.0)
    colour = _tones(plates, rng, len(seeds))[label] * _rgb(1 - centre[label] * inside)
    return _mix(np.broadcast_to(_CREAM, colour.shape), colour, _rgb(plate)) * _rgb(grain), plate


def _seeds(mean_size: float, rng: Generator) -> tuple[Points, Points]:
    """Scatter scutes: their middles (N, 2) and sizes (N,), large on the face, small on the neck."""
    middles = rng.uniform((_LEFT, _TOP), (_RIGHT, _BOTTOM), (_TRIES, 2))
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
    size: Points = mean_size * jaw * (1 - 0.6 * neck)
    return size


def _tones(plates: Plates, rng: Generator, count: int) -> Floats:
    """A colour (count, 3) per scute: the animal's browns, lighter here and darker there."""
    own = _TONES[rng.choice(len(_TONES), size=count, p=plates.browns)]
    light = plates.lightness * rng.lognormal(0, TONE_SPREAD, (count, 1)).clip(0.5, 1.7)
    tones: Floats = (own * light).astype(np.float32)
    return tones


def _countershade(colour: Floats) -> None:
    """Darken the upper side and pale the lower one, as on most swimmers."""
    y = np.linspace(_TOP, _BOTTOM, len(colour), dtype=np.float32)[:, None, None]
    colour *= 1 - 0.25 * _step(-y, 0.08, 0.30)
    colour += 0.45 * _step(y, 0.10, 0.36) * (_CREAM - colour)


def _horn(rng: Generator, outline: Points, colour: Floats, bump: Floats, gloss: Floats) -> None:
    """Cover part of the head with smooth horn, faintly streaked along the jaw and dark at its edge."""
    mask = _blur(_fill(outline), 1.5)
    front = np.s_[:, : int((outline[:, 0].max() + 0.05 - _LEFT) * _PIXELS)]  # the rest of the head has no horn
    mask = mask[front]
    streaks = cv2.resize(_crop(rng, _noise(1.6), (8, _TEXTURE_SIZE[1]), 1.0), mask.shape[::-1])
    colour[front] += mask[..., None] * (_HORN * (1 + 0.12 * streaks[..., None]) - colour[front])
    colour[front] *= 1 - 1.6 * (mask * (1 - mask))[..., None]
    bump[front] *= 1 - mask
    gloss[front] += mask * (0.75 - gloss[front])


def _eye(colour: Floats, gloss: Floats, middle: Points, radius: float) -> None:
    """Draw the eye: a lid of small scales, a dark ball, a glint."""
    _disc(colour, middle, radius * 1.50, _CREAM * 0.62)
    for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False):
        spoke = radius * 1.26 * np.array((np.cos(angle), np.sin(angle) * _FLATNESS))
        _disc(colour, middle + spoke, radius * 0.22, _TONES[0] * 1.15)
    _disc(colour, middle, radius * 1.06, (0.10, 0.07, 0.05))
    _disc(colour, middle, radius * 0.92, (0.22, 0.13, 0.07))
    _disc(colour, middle, radius * 0.66, (0.03, 0.03, 0.03))
    _disc(colour, middle + radius * np.array((-0.25, -0.35)), radius * 0.17, (0.95, 0.97, 1.0))
    _disc(gloss, middle, radius, (1.0,))


def _relief(mask: Floats) -> Floats:
    """A rounded body over the silhouette: nought at the edge, _DEPTH along the middle."""
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / _PIXELS
    rise = np.minimum(inside / 0.26, 1)
    return _blur((_DEPTH * rise * (2 - rise)).astype(np.float32), 7)


def _normal(height: Floats) -> tuple[Floats, Floats]:
    """The x and y of the unit normal of a height field in head lengths."""
    slope_y, slope_x = np.gradient(height, 1 / _PIXELS)
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    return -slope_x / length, -slope_y / length


# --- the photo ----------------------------------------------------------------------------------


def photograph(head: Head, water: Water, mirrored: bool, rng: Generator) -> NDArray[np.uint8]:
    """Take one photo of a head, facing right when `mirrored`: (HEIGHT, WIDTH, 3) uint8 RGB."""
    picture = _open_water(water, rng)
    if water.bottom in _BOTTOMS:
        picture = _BOTTOMS[water.bottom](picture, water, rng)
    _place_head(picture, head, water, mirrored, rng)
    if rng.uniform() < OCCLUDED:
        _OCCLUSIONS[rng.integers(len(_OCCLUSIONS))](picture, water, rng)
    _particles(picture, water, rng)
    return _develop(picture, water, rng)


def _place_head(picture: Floats, head: Head, water: Water, mirrored: bool, rng: Generator) -> None:
    """Lay the head over the background, turned, lit and veiled by the water before it."""
    warp, roll = _viewpoint(head.relief, mirrored, rng)
    # Past the texture the neck goes on as at its right edge; above, below and before it nothing is opaque.
    layer, opacity, surface = (
        cv2.remap(texture, warp, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for texture in (head.colour, head.opacity, head.surface)
    )
    sun = water.sun + rng.normal(0, 0.15)
    shade, shine = _light(surface, (-sun if mirrored else sun) - roll)
    net = _crop(rng, _caustics(), (WIDTH, HEIGHT), rng.uniform(0.6, 1.1))
    shade *= 1 + water.caustics * (net - 0.3)
    lit = layer * _rgb(shade) + _rgb(shine)
    veil = water.turbidity * rng.uniform(0.8, 1.2)
    lit = _balance(lit, (1 - veil) * _filtered(water), veil * water.tint)
    picture += _rgb(opacity) * (lit - picture)


def _light(surface: Floats, sun: float) -> tuple[Floats, Floats]:
    """How much light (H, W) a surface throws back in its own colour, and how much as a mirror."""
    x, y, gloss = surface[..., 0], surface[..., 1], surface[..., 2]
    z = np.sqrt(np.maximum(0, 1 - x * x - y * y))
    facing = x * math.sin(sun) - y * math.cos(sun)  # +1 where the surface looks at the sun
    shade: Floats = np.clip(0.45 + 0.45 * z + 0.50 * facing, 0.08, 1.6)
    mirror: Floats = np.clip(0.62 * facing + 0.74 * z, 0, 1)
    for _ in range(4):  # to the power of 16: far cheaper than a power of floats
        mirror *= mirror
    return shade, 0.28 * mirror * gloss


def _filtered(water: Water) -> Floats:
    """What is left of white light (3,): water swallows what is not its own colour."""
    own: Floats = water.tint / water.tint.max()
    return 0.55 + 0.45 * own


def _viewpoint(relief: Floats, mirrored: bool, rng: Generator) -> tuple[Floats, float]:
    """Draw a viewpoint: for each photo pixel its place in the texture (HEIGHT, WIDTH, 2), and the roll in radians."""
    yaw, pitch, roll = np.radians(rng.uniform(-1, 1, 3) * (YAW, PITCH, ROLL))
    turn = _rotation(yaw, pitch, roll)
    scale = rng.uniform(*HEAD_SIZE) * WIDTH * _CAMERA
    shift = np.array((WIDTH, HEIGHT)) * (0.5 + rng.uniform(-SHIFT, SHIFT, 2))

    coarse = _STEP * (np.mgrid[: HEIGHT // _STEP, : WIDTH // _STEP][::-1].reshape(2, -1).T + 0.5) - 0.5
    screen = coarse - shift
    if mirrored:
        screen[:, 0] = (WIDTH - 1 - coarse[:, 0]) - shift[0]
    rays = np.column_stack([screen / scale, np.ones(len(screen))])
    height = np.zeros(len(screen))
    for _ in range(4):  # the head is not flat: find where each line of sight meets it
        points = _meet(rays, height, turn)
        column, row = (points - (_LEFT, _TOP)).T * _PIXELS
        height = relief[
            np.clip(row, 0, relief.shape[0] - 1).astype(int), np.clip(column, 0, relief.shape[1] - 1).astype(int)
        ]
    warp = ((points - (_LEFT, _TOP)) * _PIXELS).reshape(HEIGHT // _STEP, WIDTH // _STEP, 2).astype(np.float32)
    warp = cv2.GaussianBlur(warp, None, 0.7, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(warp, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), float(roll)


def _meet(rays: Points, height: Points, turn: Points) -> Points:
    """Where lines of sight (N, 3) cross the turned head's plane lifted by `height` (N,): (N, 2) in head lengths."""
    normal = turn[:, 2]
    camera = np.array((0.0, 0.0, -_CAMERA))  # the head's middle is the origin, z points away from the camera
    along = (-height - camera @ normal) / (rays @ normal)
    place = (camera + along[:, None] * rays) @ turn
    return place[:, :2] + (0.5, 0.0)


def _rotation(yaw: float, pitch: float, roll: float) -> Points:
    """The 3 x 3 matrix that turns the head: yaw first, then pitch, then roll."""
    about_y = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    about_x = np.array([(1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))])
    about_z = np.array([(np.cos(roll), -np.sin(roll), 0), (np.sin(roll), np.cos(roll), 0), (0, 0, 1)])
    turn: Points = about_z @ about_x @ about_y
    return turn


def _open_water(water: Water, rng: Generator) -> Floats:
    """Nothing but water, darker with depth, and the sun's rays in it."""
    depth = _down()
    rays = cv2.resize(_crop(rng, _noise(1.5), (WIDTH, 12), 1.5), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    light: Floats = 1.35 - 0.75 * depth + 0.12 * rays * (1 - depth)
    return _balance(_rgb(light), water.tint)


def _sand(picture: Floats, water: Water, rng: Generator) -> Floats:
    """A sandy bottom below a horizon, with the sun's net of light on it."""
    down = _down() - rng.uniform(0.35, 0.75)
    ripple = _crop(rng, _noise(1.1), (WIDTH, HEIGHT), rng.uniform(0.8, 1.6))
    net = _crop(rng, _caustics(), (WIDTH, HEIGHT), rng.uniform(0.8, 1.6))
    light = 0.75 + 0.16 * ripple + 0.6 * water.caustics * net
    near = _step(down, -0.05, 0.12) * (0.45 + 0.4 * np.maximum(down, 0))
    return _mix(picture, _balance(_rgb(light), _SAND * _filtered(water)), _rgb(near))


def _reef(picture: Floats, water: Water, rng: Generator) -> Floats:
    """Coral heads as blurred blobs of dull colours, thicker towards the bottom."""
    grain = 1 + 0.3 * _rgb(_crop(rng, _noise(1.0), (WIDTH, HEIGHT), 1.0))
    for _ in range(2):
        floor = rng.uniform(0.45, 0.85)
        shape = _crop(rng, _noise(1.9), (WIDTH, HEIGHT), rng.uniform(1.0, 2.2)) + 3 * (_down() - floor)
        coral = rng.uniform((0.30, 0.28, 0.18), (0.60, 0.45, 0.38)).astype(np.float32) * _filtered(water)
        picture = _mix(picture, _balance(grain, coral), _rgb(0.65 * _step(shape, -0.1, 0.4)))
    return _blur(picture, rng.uniform(1.0, 3.0))


def _meadow(picture: Floats, water: Water, rng: Generator) -> Floats:
    """Seagrass standing behind the animal, out of focus."""
    for _ in range(30):
        green = rng.uniform((0.10, 0.22, 0.08), (0.30, 0.45, 0.18)) * _filtered(water)
        colour = 0.55 * green + 0.45 * water.tint
        _blade(picture, rng, rng.uniform(0, WIDTH), rng.uniform(0.25, 0.75) * HEIGHT, rng.uniform(3, 8), colour)
    return _blur(picture, rng.uniform(1.5, 3.0))


def _blade(picture: Floats, rng: Generator, foot: float, length: float, width: float, colour: Points) -> None:
    """Draw one blade of seagrass from the photo's lower edge upwards."""
    along = np.linspace(0, 1, 9)
    bend = rng.normal(0, 0.35) * length
    middle = np.column_stack([foot + bend * along**2, HEIGHT + 4 - length * along])
    half = np.column_stack([width / 2 * (1 - along**3), np.zeros(9)])
    _polygon(picture, np.concatenate([middle - half, (middle + half)[::-1]]), colour)


def _blades(picture: Floats, water: Water, rng: Generator) -> None:
    """A few blades of seagrass before the head."""
    for _ in range(rng.integers(1, 4)):
        colour = rng.uniform((0.08, 0.20, 0.06), (0.30, 0.42, 0.15)) * 0.8 + 0.2 * water.tint
        _blade(picture, rng, rng.uniform(0, WIDTH), rng.uniform(0.5, 1.1) * HEIGHT, rng.uniform(8, 20), colour)


def _fish(picture: Floats, water: Water, rng: Generator) -> None:
    """One to three small fish of a kind before the head."""
    colours = rng.uniform(0.15, 0.95, (2, 3)) * 0.8 + 0.2 * water.tint
    heading = rng.choice([-1.0, 1.0])
    for _ in range(rng.integers(1, 4)):
        middle = rng.uniform(0.15, 0.85, 2) * (WIDTH, HEIGHT)
        size = rng.uniform(14, 30)
        angle = np.linspace(0, 2 * np.pi, 25)
        body = np.column_stack([np.cos(angle), 0.42 * np.sin(angle)])
        tail = np.array([(0.8, 0.0), (1.45, -0.40), (1.30, 0.0), (1.45, 0.40)])
        stripe = np.array([(-0.45, -0.35), (-0.25, -0.38), (-0.25, 0.38), (-0.45, 0.35)])
        for part, colour in ((tail, colours[1]), (body, colours[0]), (stripe, colours[1])):
            _polygon(picture, middle + size * part * (heading, 1.0), colour)
        _dot(picture, middle + size * np.array((-0.68 * heading, -0.08)), size * 0.07, (0.02, 0.02, 0.02))


def _bubbles(picture: Floats, water: Water, rng: Generator) -> None:
    """A rising string of bubbles."""
    foot = rng.uniform(0.2, 0.8) * WIDTH
    for _ in range(rng.integers(8, 22)):
        middle = np.array((foot + rng.normal(0, 16), rng.uniform(0, HEIGHT)))
        radius = rng.uniform(2, 9)
        _dot(picture, middle, radius, 0.4 * water.tint + 0.6, opacity=0.6)
        _dot(picture, middle, radius - 1, 0.7 * water.tint + 0.2, opacity=0.6)
        _dot(picture, middle - radius * 0.35, radius * 0.22, (1.0, 1.0, 1.0))


def _glare(picture: Floats, water: Water, rng: Generator) -> None:
    """Sunlight scattered in the water before the lens."""
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    middle = rng.uniform((0, -0.1), (1, 0.5)) * (WIDTH, HEIGHT)
    spread = rng.uniform(35, 80)
    square = (x - float(middle[0])) ** 2 + (y - float(middle[1])) ** 2
    glow = (rng.uniform(0.35, 0.75) * np.exp(-square / (2 * spread**2))).astype(np.float32)
    picture += _rgb(glow) * _balance(picture, _NEGATIVE, 0.85 + 0.15 * water.tint)


def _particles(picture: Floats, water: Water, rng: Generator) -> None:
    """Marine snow: more of it in turbid water."""
    snow = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x, y, size in rng.uniform((0, 0, 0.5), (WIDTH, HEIGHT, 1.6), (round(90 * water.turbidity), 3)):
        cv2.circle(snow, _fixed((x, y)), round(size * 16), 255, -1, cv2.LINE_AA, 4)
    flakes = 0.6 / 255 * cv2.GaussianBlur(snow, None, 0.9).astype(np.float32)
    picture += _rgb(flakes) * _balance(picture, _NEGATIVE, 0.6 + 0.4 * water.tint)


_BOTTOMS: dict[str, Callable[[Floats, Water, Generator], Floats]] = {"sand": _sand, "reef": _reef, "seagrass": _meadow}
_OCCLUSIONS: tuple[Callable[[Floats, Water, Generator], None], ...] = (_fish, _blades, _bubbles, _glare)


def _develop(picture: Floats, water: Water, rng: Generator) -> NDArray[np.uint8]:
    """What the camera adds: blur, exposure, uneven light, noise."""
    chance = rng.uniform()
    if chance < 0.5:
        picture = _blur(picture, rng.uniform(0.3, BLUR))
    elif chance < 0.7:
        picture = _shake(picture, rng.uniform(2, MOTION), rng.uniform(0, np.pi))
    picture = _balance(picture, water.contrast * rng.normal(1, 0.03, 3), np.full(3, 0.45 * (1 - water.contrast)))
    slope = rng.uniform(-0.25, 0.25)
    across = np.tile(np.linspace(1 - slope, 1 + slope, WIDTH, dtype=np.float32), (HEIGHT, 1))
    exposure = across * (water.brightness * rng.uniform(0.88, 1.12))
    noise = water.noise * rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32)
    return _to_uint8(picture * _rgb(exposure) + _rgb(noise))


def _shake(picture: Floats, length: float, angle: float) -> Floats:
    """Blur along a line of `length` pixels."""
    kernel = np.zeros((MOTION * 2 + 1, MOTION * 2 + 1), np.float32)
    half = np.array((np.cos(angle), np.sin(angle))) * length / 2
    cv2.line(kernel, _fixed(MOTION - half), _fixed(MOTION + half), 1.0, 1, cv2.LINE_AA, 4)
    shaken: Floats = cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    return shaken


# --- drawing ------------------------------------------------------------------------------------


@cache
def _noise(roughness: float) -> Floats:
    """A tile of fractal noise (_BANK, _BANK), mean 0 and deviation 1; a higher exponent is smoother."""
    frequency = np.hypot(np.fft.fftfreq(_BANK)[:, None], np.fft.rfftfreq(_BANK))
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(np.random.default_rng(round(roughness * 100)).standard_normal((_BANK, _BANK)))
    tile = np.fft.irfft2(white / frequency**roughness)
    normed: Floats = (tile / tile.std()).astype(np.float32)
    return normed


@cache
def _caustics() -> Floats:
    """A tile (_BANK, _BANK) of the bright net that waves throw on what lies below, from 0 to 1."""
    field = np.random.default_rng(1).uniform(0, _BANK, (260, 2))
    # Between two cells of a mosaic, as between scutes: where the two nearest points are equally far.
    distance, _ = cKDTree(field, boxsize=_BANK).query(np.mgrid[:_BANK, :_BANK].reshape(2, -1).T, k=2)
    net = np.exp(-(distance[:, 1] - distance[:, 0]) / 3.5).reshape(_BANK, _BANK).astype(np.float32)
    wave = np.dstack([_noise(2.0), _noise(2.1)]) * 6 + np.mgrid[:_BANK, :_BANK][::-1].transpose(1, 2, 0)
    bent: Floats = cv2.remap(net, wave.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return bent


def _crop(rng: Generator, tile: Floats, size: tuple[int, int], scale: float) -> Floats:
    """A random piece of a tile, (height, width) of `size` (width, height), magnified by `scale`."""
    angle = rng.uniform(-0.3, 0.3)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))]) / scale
    place = np.column_stack([turn, rng.uniform(0, _BANK, 2)])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    piece: Floats = cv2.warpAffine(tile, place, size, flags=flags, borderMode=cv2.BORDER_WRAP)
    return piece


def _wobble(rng: Generator, width: int, height: int) -> Points:
    """A smooth random displacement (width * height, 2) for borders that are not ruler-straight."""
    pieces = [_crop(rng, _noise(2.0), (width, height), 0.35) for _ in range(2)]
    return np.stack(pieces, axis=-1).reshape(-1, 2).astype(np.float64)


def _grid(width: int, height: int) -> Points:
    """The head-length coordinates (width * height, 2) of a grid over the texture, row by row."""
    x = _LEFT + (np.arange(width) + 0.5) / width * (_RIGHT - _LEFT)
    y = _TOP + (np.arange(height) + 0.5) / height * (_BOTTOM - _TOP)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def _curve(points: Points, closed: bool = False) -> Points:
    """A smooth curve (240, 2) through points."""
    if closed:
        points = np.concatenate([points, points[:1]])
    knots, _ = splprep(points.T, s=0, per=closed)
    return np.column_stack(splev(np.linspace(0, 1, 240), knots))


def _fill(outline: Points) -> Floats:
    """A mask (H, W) of a smooth closed outline given in head lengths."""
    mask = np.zeros(_TEXTURE_SIZE[::-1], np.float32)
    _polygon(mask, _texture_pixels(_curve(outline, closed=True)), (1.0,))
    return mask


def _line(picture: Floats, curve: Points, colour: ArrayLike, width: float) -> None:
    """Draw an open curve given in head lengths."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.polylines(mask, [_fixed_array(_texture_pixels(curve))], False, 255, round(width * _PIXELS), cv2.LINE_AA, 4)
    _paint(picture, mask, colour)


def _disc(picture: Floats, middle: Points, radius: float, colour: ArrayLike) -> None:
    """Fill a slightly flat disc given in head lengths."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    axes = _fixed((radius * _PIXELS, radius * _FLATNESS * _PIXELS))
    cv2.ellipse(mask, _fixed(_texture_pixels(middle)), axes, 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
    _paint(picture, mask, colour)


def _polygon(picture: Floats, outline: Points, colour: ArrayLike) -> None:
    """Fill a polygon given in pixels."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_fixed_array(outline)], 255, cv2.LINE_AA, 4)
    _paint(picture, mask, colour)


def _dot(picture: Floats, middle: ArrayLike, radius: float, colour: ArrayLike, opacity: float = 1.0) -> None:
    """Fill a circle given in pixels."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(mask, _fixed(middle), round(radius * 16), 255, -1, cv2.LINE_AA, 4)
    _paint(picture, mask, colour, opacity)


def _paint(picture: Floats, mask: NDArray[np.uint8], colour: ArrayLike, opacity: float = 1.0) -> None:
    """Colour a picture where a mask is set. OpenCV antialiases in uint8 only, hence the mask."""
    x, y, width, height = cv2.boundingRect(mask)
    window = picture[y : y + height, x : x + width]
    alpha = mask[y : y + height, x : x + width].astype(np.float32) * (opacity / 255)
    window += alpha.reshape(alpha.shape + (1,) * (picture.ndim - 2)) * (np.asarray(colour, np.float32) - window)


def _texture_pixels(points: Points) -> Points:
    """From head lengths to pixels of the texture."""
    return (points - (_LEFT, _TOP)) * _PIXELS


def _fixed(pair: ArrayLike) -> tuple[int, int]:
    """Two numbers of pixels in OpenCV's fixed point of 1/16."""
    first, second = np.asarray(pair, np.float64)
    return round(first * 16), round(second * 16)


def _fixed_array(points: Points) -> NDArray[np.int32]:
    """Points in pixels in OpenCV's fixed point of 1/16."""
    return np.round(points * 16).astype(np.int32)


def _down() -> Floats:
    """How far down the photo each pixel is (HEIGHT, WIDTH), from 0 to 1."""
    return np.repeat(np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None], WIDTH, axis=1)


def _mix(first: Floats, second: Floats, share: Floats | float) -> Floats:
    """`first` where `share` is 0, `second` where it is 1."""
    return first + share * (second - first)


def _rgb(field: Floats) -> Floats:
    """Repeat a field (H, W) for three channels. Many times faster than broadcasting over so short an axis."""
    repeated: Floats = cv2.merge((field, field, field))
    return repeated


def _balance(picture: Floats, gain: NDArray[np.floating], offset: NDArray[np.floating] = _BLACK) -> Floats:
    """Multiply each colour channel and add to it; fast for the same reason as `_rgb`."""
    balanced: Floats = cv2.transform(picture, np.column_stack([np.diag(gain), offset]))
    return balanced


def _step(values: Floats, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    t: Floats = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _blur(picture: Floats, sigma: float) -> Floats:
    blurred: Floats = cv2.GaussianBlur(picture, None, sigma)
    return blurred


def _enlarge(field: Floats) -> Floats:
    """Stretch a field to the texture's size."""
    stretched: Floats = cv2.resize(field, _TEXTURE_SIZE, interpolation=cv2.INTER_LINEAR)
    return stretched


def _to_uint8(picture: Floats) -> NDArray[np.uint8]:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
