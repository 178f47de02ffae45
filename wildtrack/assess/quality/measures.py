"""What can be measured on one photo: uint8 RGB in, one number a measure out; docs/quality.md defines the measures.

All but the aspect ratio are taken on the photo resized to a longer side of `WORKING_SIDE`, about what a network sees.
"""

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from wildtrack.access.photos.reader import scaled_size

WORKING_SIDE = 256
MEASURES = (
    "aspect_ratio",
    "brightness",
    "contrast",
    "overexposed",
    "underexposed",
    "saturation",
    "vignetting",
    "blurriness",
    "entropy",
)
WHITE, BLACK = 250, 5  # JPEG seldom leaves pure 255 and 0
CORNER, CENTRE = 0.8, 0.4  # of the half diagonal
BLUR_PIXELS = 9
LEVEL = 1 / 255  # not counted: rounding to 256 grey values leaves steps of one, which would look sharp

Photo = npt.NDArray[np.uint8]


def measure(photo: Photo) -> dict[str, float]:
    """The `MEASURES` of a photo, uint8 RGB (H, W, 3); a ValueError for another shape or dtype, or no pixels."""
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(f"A photo is uint8 of shape (H, W, 3), not {photo.dtype} of shape {photo.shape}.")
    height, width = photo.shape[:2]
    rows, columns = scaled_size(height, width, WORKING_SIDE)
    if (rows, columns) != (height, width):  # as `read_photo` resizes
        photo = np.asarray(Image.fromarray(photo).resize((columns, rows), Image.Resampling.BICUBIC))
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)  # uint8 (H, W)
    histogram = np.bincount(grey.ravel(), minlength=256) / grey.size
    light = grey.astype(np.float32) / 255
    used = histogram[histogram > 0]
    values = {
        "aspect_ratio": width / height,
        "brightness": light.mean(dtype=np.float64),
        "contrast": light.std(dtype=np.float64),
        "overexposed": histogram[WHITE:].sum(),
        "underexposed": histogram[: BLACK + 1].sum(),
        "saturation": cv2.mean(cv2.cvtColor(photo, cv2.COLOR_RGB2HSV))[1] / 255,
        "vignetting": _vignetting(light),
        "blurriness": _blurriness(light),
        "entropy": max(0.0, -(used * np.log2(used)).sum()),
    }
    return {name: float(value) for name, value in values.items()}


def _vignetting(light: npt.NDArray[np.float32]) -> float:
    """The share of light that the brightest corner lost against the centre; 0 where either has no pixels."""
    height, width = light.shape
    down, right = np.indices((height, width), dtype=np.float32, sparse=True)
    down, right = down - (height - 1) / 2, right - (width - 1) / 2
    radius = np.hypot(down, right) / (np.hypot(height, width) / 2)  # (H, W), 1 in the corners of the outermost pixels
    centre = light[radius < CENTRE]
    halves = (down < 0, down > 0), (right < 0, right > 0)
    corners = [light[(radius > CORNER) & upper & left] for upper in halves[0] for left in halves[1]]
    if not centre.size or not centre.any() or not all(corner.size for corner in corners):
        return 0.0
    return max(0.0, 1 - float(max(corner.mean() for corner in corners) / centre.mean()))


def _blurriness(light: npt.NDArray[np.float32]) -> float:
    """The blur effect (Crété et al., SPIE 6492, 2007), the worse of the directions with any difference; 1 without."""
    blurs = []
    for axis, kernel in enumerate([(1, BLUR_PIXELS), (BLUR_PIXELS, 1)]):
        sharp = np.abs(np.diff(light, axis=axis))
        blurred = np.abs(np.diff(cv2.blur(light, kernel), axis=axis))
        total = float(sharp.sum())
        if total > 0:
            blurs.append(1 - float(np.maximum(sharp - blurred - LEVEL, 0).sum()) / total)
    return max(blurs, default=1.0)
