"""What can be measured on one photo: uint8 RGB in, one number a measure out.

Every measure but the aspect ratio is taken on the photo resized to a longer side of `WORKING_SIDE` = 256 pixels, up or
down, aspect kept. So photos of all sizes compare, and what is judged is about what a network sees (224 to 384 pixels):
a blur that vanishes at that size does no harm, and a crop of 40 pixels is blurry however sharp its file. g is the grey
value, 0.299 R + 0.587 G + 0.114 B, divided by 255.

| measure | definition | unit | range |
|---|---|---|---|
| aspect_ratio | width / height | - | above 0; 1 is square, above 1 is wide |
| brightness | mean of g | share of white | 0 to 1 |
| contrast | standard deviation of g (RMS contrast, Peli 1990) | share of white | 0 to 0.5 |
| overexposed | pixels with g of 250/255 or more | share of pixels | 0 to 1 |
| underexposed | pixels with g of 5/255 or less | share of pixels | 0 to 1 |
| saturation | mean of (max - min) / max of R, G, B (the S of HSV), black counting as 0 | - | 0 (grey) to 1 |
| vignetting | 1 - mean g of the brightest corner / mean g of the centre, not below 0 | share of light lost | 0 to 1 |
| blurriness | blur effect of Crété et al. 2007 on g, 9-pixel filter, the worse direction | - | 0 (sharp) to 1 |
| entropy | Shannon entropy of the histogram of 256 grey values | bits | 0 to 8 |

Corners are the pixels farther than 0.8 of the half diagonal from the middle, in each quarter of the photo; the centre
is within 0.4. A lens darkens all four corners, while sky, ground or a shadow leave one bright: hence the brightest. A
dark animal in the middle hides a vignette, and a box cut out of a photo has none: a high value is a dark surrounding.

The blur effect asks how much of the difference between neighbouring pixels goes when the photo is blurred once more (F.
Crété, T. Dolmiere, P. Ladret, M. Nicolas, "The blur effect: perception and estimation with a new no-reference
perceptual blur metric", SPIE 6492, 2007). Taking the worse of the two directions finds motion blur too. Unlike there,
the first grey level of what goes is not counted: rounding to 256 levels leaves steps of one, which would make a very
blurred photo look sharp. So a photo without contrast counts as blurred as well, and one without any difference is 1.
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
LEVEL = 1 / 255

Photo = npt.NDArray[np.uint8]


def measure(photo: Photo) -> dict[str, float]:
    """Measure a photo.

    Args:
        photo: uint8 RGB, shape (H, W, 3), H and W at least 1.

    Returns:
        The measures in the order of `MEASURES`, as the module defines them.

    Raises:
        ValueError: another shape or dtype, or no pixels.

    Examples:
        >>> white = np.full((20, 40, 3), 255, np.uint8)
        >>> measure(white)["aspect_ratio"], measure(white)["brightness"], measure(white)["overexposed"]
        (2.0, 1.0, 1.0)
    """
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(f"A photo is uint8 of shape (H, W, 3), not {photo.dtype} of shape {photo.shape}.")
    height, width = photo.shape[:2]
    rows, columns = scaled_size(height, width, WORKING_SIDE)
    if (rows, columns) != (height, width):  # as `read_photo` resizes
        photo = np.asarray(Image.fromarray(photo).resize((columns, rows), Image.Resampling.BICUBIC))
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)  # uint8 (H, W)
    histogram = np.bincount(grey.ravel(), minlength=256) / grey.size
    light = grey.astype(np.float32) / 255
    values = (
        width / height,
        light.mean(dtype=np.float64),
        light.std(dtype=np.float64),
        histogram[WHITE:].sum(),
        histogram[: BLACK + 1].sum(),
        cv2.mean(cv2.cvtColor(photo, cv2.COLOR_RGB2HSV))[1] / 255,
        _vignetting(light),
        _blurriness(light),
        _entropy(histogram),
    )
    return dict(zip(MEASURES, map(float, values), strict=True))


def _vignetting(light: npt.NDArray[np.float32]) -> float:
    """The share of light that the brightest corner lost against the centre; 0 where either has no pixels."""
    height, width = light.shape
    down, right = np.indices((height, width), dtype=np.float32, sparse=True)
    down, right = down - (height - 1) / 2, right - (width - 1) / 2
    radius = np.hypot(down, right) / (np.hypot(height, width) / 2)  # (H, W), 1 in the corners of the outermost pixels
    centre = light[radius < CENTRE]
    sides = [(down < 0, right < 0), (down < 0, right > 0), (down > 0, right < 0), (down > 0, right > 0)]
    corners = [light[(radius > CORNER) & vertical & horizontal] for vertical, horizontal in sides]
    if not centre.size or not centre.any() or not all(corner.size for corner in corners):
        return 0.0
    return max(0.0, 1 - float(max(corner.mean() for corner in corners) / centre.mean()))


def _blurriness(light: npt.NDArray[np.float32]) -> float:
    """Crété's blur effect, the larger one of the two directions that have any difference; 1 when neither has."""
    blurs = []
    for axis, kernel in enumerate([(1, BLUR_PIXELS), (BLUR_PIXELS, 1)]):
        sharp = np.abs(np.diff(light, axis=axis))
        blurred = np.abs(np.diff(cv2.blur(light, kernel), axis=axis))
        total = float(sharp.sum())
        if total > 0:
            blurs.append(1 - float(np.maximum(sharp - blurred - LEVEL, 0).sum()) / total)
    return max(blurs, default=1.0)


def _entropy(histogram: npt.NDArray[np.float64]) -> float:
    used = histogram[histogram > 0]
    return max(0.0, float(-(used * np.log2(used)).sum()))
