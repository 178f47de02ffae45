"""A photo of a head under water: a viewpoint, the light on the head, and what the camera adds."""

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from wildtrack.access.demo.drawing import Floats, Points, balance, blur, crop, fixed, rgb
from wildtrack.access.demo.texture import to_pixels
from wildtrack.access.demo.turtle import Head
from wildtrack.access.demo.water import HEIGHT, WIDTH, Water, caustics, draw_background, draw_foreground, filtered

# How hard viewpoint and camera make the photos.
YAW, PITCH, ROLL = 13.0, 9.0, 8.0  # largest turn of the head away from a plain profile, in degrees
HEAD_SIZE = (0.72, 0.88)  # head length as a share of the photo's width
SHIFT = 0.04  # how far the head's middle leaves the photo's middle, as a share of the photo
BLUR = 1.3  # largest defocus, sigma in pixels
MOTION = 6  # longest motion blur in pixels
JPEG_QUALITY = (55, 92)  # half-open, as numpy draws integers

_CAMERA = 3.0  # distance of the camera, in head lengths
_STEP = 8  # the warp is computed at every eighth pixel: it is smooth


def photograph(head: Head, water: Water, mirrored: bool, rng: Generator) -> NDArray[np.uint8]:
    """Take one photo of a head, facing right when `mirrored`: (HEIGHT, WIDTH, 3) uint8 RGB."""
    picture = draw_background(water, rng)
    _place_head(picture, head, water, mirrored, rng)
    draw_foreground(picture, water, rng)
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
    net = crop(rng, caustics(), (WIDTH, HEIGHT), rng.uniform(0.6, 1.1))
    shade *= 1 + water.caustics * (net - 0.3)
    lit = layer * rgb(shade) + rgb(shine)
    veil = water.turbidity * rng.uniform(0.8, 1.2)
    lit = balance(lit, (1 - veil) * filtered(water), veil * water.tint)
    picture += rgb(opacity) * (lit - picture)


def _viewpoint(relief: Floats, mirrored: bool, rng: Generator) -> tuple[Floats, float]:
    """Draw a viewpoint: for each photo pixel its place in the texture (HEIGHT, WIDTH, 2), and the roll in radians."""
    yaw, pitch, roll = np.radians(rng.uniform(-1, 1, 3) * (YAW, PITCH, ROLL))
    turn = _rotation(yaw, pitch, roll)
    scale = rng.uniform(*HEAD_SIZE) * WIDTH * _CAMERA
    shift = np.array((WIDTH, HEIGHT)) * (0.5 + rng.uniform(-SHIFT, SHIFT, 2))

    coarse = _STEP * (np.mgrid[: HEIGHT // _STEP, : WIDTH // _STEP][::-1].reshape(2, -1).T + 0.5) - 0.5
    if mirrored:
        coarse[:, 0] = WIDTH - 1 - coarse[:, 0]
    screen = coarse - shift
    rays = np.column_stack([screen / scale, np.ones(len(screen))])
    height = np.zeros(len(screen))
    camera = np.array((0.0, 0.0, -_CAMERA))  # the head's middle is the origin, z points away from the camera
    normal = turn[:, 2]
    for _ in range(4):  # the head is not flat: find where each line of sight meets its plane lifted by the height there
        along = (-height - camera @ normal) / (rays @ normal)
        points = ((camera + along[:, None] * rays) @ turn)[:, :2] + (0.5, 0.0)
        column, row = to_pixels(points).T
        place = ((row, relief.shape[0]), (column, relief.shape[1]))
        height = relief[tuple(np.clip(at, 0, size - 1).astype(int) for at, size in place)]
    warp = to_pixels(points).reshape(HEIGHT // _STEP, WIDTH // _STEP, 2).astype(np.float32)
    warp = cv2.GaussianBlur(warp, None, 0.7, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(warp, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), float(roll)


def _rotation(yaw: float, pitch: float, roll: float) -> Points:
    """The 3 x 3 matrix that turns the head: yaw first, then pitch, then roll."""
    about_y = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    about_x = np.array([(1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))])
    about_z = np.array([(np.cos(roll), -np.sin(roll), 0), (np.sin(roll), np.cos(roll), 0), (0, 0, 1)])
    return about_z @ about_x @ about_y


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


def _develop(picture: Floats, water: Water, rng: Generator) -> NDArray[np.uint8]:
    """What the camera adds: blur or shake, exposure, uneven light, noise."""
    chance = rng.uniform()
    if chance < 0.5:
        picture = blur(picture, rng.uniform(0.3, BLUR))
    elif chance < 0.7:
        length, angle = rng.uniform(2, MOTION), rng.uniform(0, np.pi)
        kernel = np.zeros((MOTION * 2 + 1, MOTION * 2 + 1), np.float32)
        half = np.array((np.cos(angle), np.sin(angle))) * length / 2
        cv2.line(kernel, fixed(MOTION - half), fixed(MOTION + half), 1.0, 1, cv2.LINE_AA, 4)
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    picture = balance(picture, water.contrast * rng.normal(1, 0.03, 3), np.full(3, 0.45 * (1 - water.contrast)))
    slope = rng.uniform(-0.25, 0.25)
    across = np.tile(np.linspace(1 - slope, 1 + slope, WIDTH, dtype=np.float32), (HEIGHT, 1))
    exposure = across * (water.brightness * rng.uniform(0.88, 1.12))
    noise = water.noise * rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32)
    return (np.clip(picture * rgb(exposure) + rgb(noise), 0, 1) * 255 + 0.5).astype(np.uint8)
