"""The sea of a day around a turtle: what is behind its head, and what drifts before it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.random import Generator
from scipy.spatial import cKDTree

from wildtrack.access.demo import drawing
from wildtrack.access.demo.drawing import Floats, Points, balance, blur, crop, fixed, mix, noise, polygon, rgb, step

WIDTH, HEIGHT = 320, 240  # of a photo, in pixels

# How hard water, light and weather make the photos.
TURBIDITY = (0.05, 0.28)  # share of the far water's colour that lies over the head
BRIGHTNESS = (0.85, 1.30)
CONTRAST = (0.80, 1.20)
CAUSTICS = (0.0, 0.55)  # strength of the net of light that waves throw
NOISE = 0.035  # strongest sensor noise, sigma with white = 1
OCCLUDED = 0.30  # share of photos with a fish, a blade, bubbles or glare before the head

_SAND = np.array((0.75, 0.68, 0.50), np.float32)
_WATERS = np.array(
    [(0.05, 0.36, 0.58), (0.08, 0.46, 0.55), (0.12, 0.42, 0.34), (0.30, 0.42, 0.33), (0.04, 0.24, 0.42)], np.float32
)


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
        tint=mix(_WATERS[first], _WATERS[second], rng.uniform()) * rng.uniform(0.8, 1.3),
        turbidity=rng.uniform(*TURBIDITY),
        brightness=rng.uniform(*BRIGHTNESS),
        contrast=rng.uniform(*CONTRAST),
        sun=rng.uniform(-0.9, 0.9),
        caustics=rng.uniform(*CAUSTICS),
        noise=rng.uniform(0.2, 1.0) * NOISE,
    )


def draw_background(water: Water, rng: Generator) -> Floats:
    """Draw what is behind the head: water, darker with depth, the sun's rays in it, and the bottom."""
    depth = _down()
    rays = cv2.resize(crop(rng, noise(1.5), (WIDTH, 12), 1.5), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    light: Floats = 1.35 - 0.75 * depth + 0.12 * rays * (1 - depth)
    picture = balance(rgb(light), water.tint)
    return _BOTTOMS[water.bottom](picture, water, rng) if water.bottom in _BOTTOMS else picture


def draw_foreground(picture: Floats, water: Water, rng: Generator) -> None:
    """Draw what drifts before the head, over the picture, and marine snow: more of it in turbid water."""
    if rng.uniform() < OCCLUDED:
        _OCCLUSIONS[rng.integers(len(_OCCLUSIONS))](picture, water, rng)
    snow = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x, y, size in rng.uniform((0, 0, 0.5), (WIDTH, HEIGHT, 1.6), (round(90 * water.turbidity), 3)):
        cv2.circle(snow, fixed((x, y)), round(size * 16), 255, -1, cv2.LINE_AA, 4)
    _blend(picture, 0.6 + 0.4 * water.tint, 0.6 / 255 * cv2.GaussianBlur(snow, None, 0.9).astype(np.float32))


def filtered(water: Water) -> Floats:
    """What is left of white light (3,): water swallows what is not its own colour."""
    return 0.55 + 0.45 * (water.tint / water.tint.max())


@cache
def caustics() -> Floats:
    """A tile (TILE_SIZE, TILE_SIZE) of the bright net that waves throw on what lies below, from 0 to 1."""
    side = drawing.TILE_SIZE
    field, grid = np.random.default_rng(1).uniform(0, side, (260, 2)), np.mgrid[:side, :side]
    # As between two scutes: where the two nearest points are equally far.
    distance, _ = cKDTree(field, boxsize=side).query(grid.reshape(2, -1).T, k=2)
    net = np.exp(-(distance[:, 1] - distance[:, 0]) / 3.5).reshape(side, side).astype(np.float32)
    wave = np.dstack([noise(2.0), noise(2.1)]) * 6 + grid[::-1].transpose(1, 2, 0)
    return cv2.remap(net, wave.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _sand(picture: Floats, water: Water, rng: Generator) -> Floats:
    """A sandy bottom below a horizon, with the sun's net of light on it."""
    down = _down() - rng.uniform(0.35, 0.75)
    ripple = crop(rng, noise(1.1), (WIDTH, HEIGHT), rng.uniform(0.8, 1.6))
    net = crop(rng, caustics(), (WIDTH, HEIGHT), rng.uniform(0.8, 1.6))
    light = 0.75 + 0.16 * ripple + 0.6 * water.caustics * net
    near = step(down, -0.05, 0.12) * (0.45 + 0.4 * np.maximum(down, 0))
    return mix(picture, balance(rgb(light), _SAND * filtered(water)), rgb(near))


def _reef(picture: Floats, water: Water, rng: Generator) -> Floats:
    """Coral heads as blurred blobs of dull colours, thicker towards the bottom."""
    grain = 1 + 0.3 * rgb(crop(rng, noise(1.0), (WIDTH, HEIGHT), 1.0))
    for _ in range(2):
        floor = rng.uniform(0.45, 0.85)
        shape = crop(rng, noise(1.9), (WIDTH, HEIGHT), rng.uniform(1.0, 2.2)) + 3 * (_down() - floor)
        coral = rng.uniform((0.30, 0.28, 0.18), (0.60, 0.45, 0.38)).astype(np.float32) * filtered(water)
        picture = mix(picture, balance(grain, coral), rgb(0.65 * step(shape, -0.1, 0.4)))
    return blur(picture, rng.uniform(1.0, 3.0))


def _meadow(picture: Floats, water: Water, rng: Generator) -> Floats:
    """Seagrass standing behind the animal, out of focus."""
    for _ in range(30):
        green = rng.uniform((0.10, 0.22, 0.08), (0.30, 0.45, 0.18)) * filtered(water)
        colour = 0.55 * green + 0.45 * water.tint
        _blade(picture, rng, rng.uniform(0, WIDTH), rng.uniform(0.25, 0.75) * HEIGHT, rng.uniform(3, 8), colour)
    return blur(picture, rng.uniform(1.5, 3.0))


def _blade(picture: Floats, rng: Generator, foot: float, length: float, width: float, colour: Points) -> None:
    """Draw one blade of seagrass from the photo's lower edge upwards."""
    along = np.linspace(0, 1, 9)
    bend = rng.normal(0, 0.35) * length
    middle = np.column_stack([foot + bend * along**2, HEIGHT + 4 - length * along])
    half = np.column_stack([width / 2 * (1 - along**3), np.zeros(9)])
    polygon(picture, np.concatenate([middle - half, (middle + half)[::-1]]), colour)


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
            polygon(picture, middle + size * part * (heading, 1.0), colour)
        drawing.dot(picture, middle + size * np.array((-0.68 * heading, -0.08)), size * 0.07, (0.02, 0.02, 0.02))


def _blades(picture: Floats, water: Water, rng: Generator) -> None:
    """A few blades of seagrass before the head."""
    for _ in range(rng.integers(1, 4)):
        colour = rng.uniform((0.08, 0.20, 0.06), (0.30, 0.42, 0.15)) * 0.8 + 0.2 * water.tint
        _blade(picture, rng, rng.uniform(0, WIDTH), rng.uniform(0.5, 1.1) * HEIGHT, rng.uniform(8, 20), colour)


def _bubbles(picture: Floats, water: Water, rng: Generator) -> None:
    """A rising string of bubbles."""
    foot = rng.uniform(0.2, 0.8) * WIDTH
    for _ in range(rng.integers(8, 22)):
        middle = np.array((foot + rng.normal(0, 16), rng.uniform(0, HEIGHT)))
        radius = rng.uniform(2, 9)
        drawing.dot(picture, middle, radius, 0.4 * water.tint + 0.6, opacity=0.6)
        drawing.dot(picture, middle, radius - 1, 0.7 * water.tint + 0.2, opacity=0.6)
        drawing.dot(picture, middle - radius * 0.35, radius * 0.22, (1.0, 1.0, 1.0))


def _glare(picture: Floats, water: Water, rng: Generator) -> None:
    """Sunlight scattered in the water before the lens."""
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    middle = rng.uniform((0, -0.1), (1, 0.5)) * (WIDTH, HEIGHT)
    spread = rng.uniform(35, 80)
    square = (x - float(middle[0])) ** 2 + (y - float(middle[1])) ** 2
    glow = (rng.uniform(0.35, 0.75) * np.exp(-square / (2 * spread**2))).astype(np.float32)
    _blend(picture, 0.85 + 0.15 * water.tint, glow)


def _blend(picture: Floats, colour: Floats, share: Floats) -> None:
    """Bring a picture closer to one colour, by a share (H, W)."""
    picture += rgb(share) * balance(picture, np.full(3, -1.0), colour)


def _down() -> Floats:
    """How far down the photo each pixel is (HEIGHT, WIDTH), from 0 to 1."""
    return np.repeat(np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None], WIDTH, axis=1)


_BOTTOMS: dict[str, Callable[[Floats, Water, Generator], Floats]] = {"sand": _sand, "reef": _reef, "seagrass": _meadow}
_OCCLUSIONS: tuple[Callable[[Floats, Water, Generator], None], ...] = (_fish, _blades, _bubbles, _glare)
