"""Noise, shapes and blends; pictures are float32, (H, W, 3) with white = 1, or (H, W), and shapes are in pixels."""

from functools import cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Points = NDArray[np.float64]  # (N, 2), x then y

TILE_SIZE = 512  # side of the ready-made noise tiles
_BLACK = np.zeros(3, np.float32)


@cache
def noise(roughness: float) -> Floats:
    """A tile of fractal noise (TILE_SIZE, TILE_SIZE), mean 0 and deviation 1; a higher exponent is smoother."""
    frequency = np.hypot(np.fft.fftfreq(TILE_SIZE)[:, None], np.fft.rfftfreq(TILE_SIZE))
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(np.random.default_rng(round(roughness * 100)).standard_normal((TILE_SIZE, TILE_SIZE)))
    tile = np.fft.irfft2(white / frequency**roughness)
    return (tile / tile.std()).astype(np.float32)


def crop(rng: Generator, tile: Floats, size: tuple[int, int], scale: float) -> Floats:
    """A random piece of a tile, (height, width) of `size` (width, height), magnified by `scale`."""
    angle = rng.uniform(-0.3, 0.3)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))]) / scale
    place = np.column_stack([turn, rng.uniform(0, TILE_SIZE, 2)])
    return cv2.warpAffine(tile, place, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_WRAP)


def polygon(picture: Floats, outline: Points, colour: ArrayLike) -> None:
    """Fill a polygon given in pixels."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [fixed_array(outline)], 255, cv2.LINE_AA, 4)
    paint(picture, mask, colour)


def dot(picture: Floats, middle: ArrayLike, radius: float, colour: ArrayLike, opacity: float = 1.0) -> None:
    """Fill a circle given in pixels."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(mask, fixed(middle), round(radius * 16), 255, -1, cv2.LINE_AA, 4)
    paint(picture, mask, colour, opacity)


def paint(picture: Floats, mask: NDArray[np.uint8], colour: ArrayLike, opacity: float = 1.0) -> None:
    """Colour a picture where a mask is set. OpenCV antialiases in uint8 only, hence the mask."""
    x, y, width, height = cv2.boundingRect(mask)
    window = picture[y : y + height, x : x + width]
    alpha = mask[y : y + height, x : x + width].astype(np.float32) * (opacity / 255)
    window += alpha.reshape(alpha.shape + (1,) * (picture.ndim - 2)) * (np.asarray(colour, np.float32) - window)


def fixed(pair: ArrayLike) -> tuple[int, int]:
    """Two numbers of pixels in OpenCV's fixed point of 1/16."""
    first, second = np.asarray(pair, np.float64)
    return round(first * 16), round(second * 16)


def fixed_array(points: Points) -> NDArray[np.int32]:
    """Points in pixels in OpenCV's fixed point of 1/16."""
    return np.round(points * 16).astype(np.int32)


def mix(first: Floats, second: Floats, share: Floats | float) -> Floats:
    """`first` where `share` is 0, `second` where it is 1."""
    return first + share * (second - first)


def rgb(field: Floats) -> Floats:
    """Repeat a field (H, W) for three channels. Many times faster than broadcasting over so short an axis."""
    return cv2.merge((field, field, field))


def balance(picture: Floats, gain: NDArray[np.floating], offset: NDArray[np.floating] = _BLACK) -> Floats:
    """Multiply each colour channel and add to it; fast for the same reason as `rgb`."""
    return cv2.transform(picture, np.column_stack([np.diag(gain), offset]))


def step(values: Floats, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between."""
    t: Floats = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blur(picture: Floats, sigma: float) -> Floats:
    """Blur a picture or field; `sigma` is in pixels."""
    return cv2.GaussianBlur(picture, None, sigma)
