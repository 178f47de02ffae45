"""Random changes a field photo could have had: framing, tilt, light, colour, blur.

A photo of an animal's left side is never mirrored: the right side carries another pattern.
"""

import cv2
import numpy as np

CROP_AREA = (0.5, 1.0)  # share of the photo that stays
GRID_CROP_AREA = (0.7, 1.0)  # the same for grid pooling, which goes by where things are in the photo
ASPECT = 0.15  # the crop's height / width changes by up to this factor, either way
ROTATION = 12.0  # degrees, either way
BRIGHTNESS = 0.25  # of full scale
CONTRAST = 0.35
CHANNEL_GAIN = 0.12  # white balance and water tint: each colour on its own
GAMMA = 0.3
BLUR_SHARE = 0.2  # of photos
BLUR_SIGMA = 0.012  # of the photo's width, at most
ERASE_SHARE = 0.2
ERASE_AREA = (0.02, 0.15)


def augment(
    photo: np.ndarray, size: tuple[int, int], rng: np.random.Generator, crop_area: tuple[float, float] = CROP_AREA
) -> np.ndarray:
    """One random variation of a photo, uint8 (H, W, 3) RGB, resized to `size` (height, width) in the same step.

    `crop_area` is the smallest and the largest share of the photo that stays.
    """
    framing = _random_framing(photo.shape[:2], size, rng, crop_area)
    framed = cv2.warpAffine(photo, framing, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    lit = cv2.LUT(framed, _random_light(rng))
    if rng.random() < BLUR_SHARE:
        sigma = rng.uniform(0.2, 1.0) * BLUR_SIGMA * size[1]
        lit = cv2.GaussianBlur(lit, (0, 0), max(sigma, 0.1))
    if rng.random() < ERASE_SHARE:
        _erase(lit, rng)
    return np.asarray(lit, dtype=np.uint8)


def _random_framing(
    shape: tuple[int, ...], size: tuple[int, int], rng: np.random.Generator, crop_area: tuple[float, float]
) -> np.ndarray:
    """The 2 x 3 matrix that rotates, crops and resizes in one interpolation."""
    height, width = shape
    area = rng.uniform(*crop_area)
    stretch = np.exp(rng.uniform(-ASPECT, ASPECT))
    crop_height = min(1.0, np.sqrt(area * stretch)) * height
    crop_width = min(1.0, np.sqrt(area / stretch)) * width
    centre_y = rng.uniform(crop_height / 2, height - crop_height / 2)
    centre_x = rng.uniform(crop_width / 2, width - crop_width / 2)
    angle = np.deg2rad(rng.uniform(-ROTATION, ROTATION))
    scale_y, scale_x = size[0] / crop_height, size[1] / crop_width
    linear = np.diag([scale_x, scale_y]) @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = np.array([size[1] / 2, size[0] / 2]) - linear @ np.array([centre_x, centre_y])
    return np.column_stack([linear, offset])


def _random_light(rng: np.random.Generator) -> np.ndarray:
    """A lookup table uint8 (1, 256, 3) of gamma, contrast, brightness and one gain a channel."""
    tone = np.linspace(0.0, 1.0, 256) ** np.exp(rng.uniform(-GAMMA, GAMMA))
    tone = (tone - 0.5) * np.exp(rng.uniform(-CONTRAST, CONTRAST)) + 0.5 + rng.uniform(-BRIGHTNESS, BRIGHTNESS)
    gains = np.exp(rng.uniform(-CHANNEL_GAIN, CHANNEL_GAIN, size=3))
    return np.asarray(np.rint(255 * np.clip(tone[None, :, None] * gains, 0.0, 1.0)), dtype=np.uint8)


def _erase(photo: np.ndarray, rng: np.random.Generator) -> None:
    """Cover a random box with one colour, in place: grass, a fish, a finger before the lens."""
    height, width = photo.shape[:2]
    side = np.sqrt(rng.uniform(*ERASE_AREA))
    stretch = np.exp(rng.uniform(-0.7, 0.7))
    box_height, box_width = max(1, int(side * stretch * height)), max(1, int(side / stretch * width))
    top, left = rng.integers(0, max(1, height - box_height)), rng.integers(0, max(1, width - box_width))
    box = photo[top : top + box_height, left : left + box_width]
    box[:] = rng.integers(0, 256, size=3, dtype=np.uint8)
