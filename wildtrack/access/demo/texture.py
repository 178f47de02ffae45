"""Shapes on the sheet of a head that faces left, in head lengths: x from the beak (0) to the nape (1), y downwards."""

import cv2
import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import splev, splprep

from wildtrack.access.demo.drawing import Floats, Points, fixed_array, paint, polygon

PIXELS = 256  # of the sheet, per head length
LEFT, TOP, RIGHT, BOTTOM = -0.10, -0.44, 1.65, 0.48  # what the sheet covers, in head lengths
SHEET = (round((RIGHT - LEFT) * PIXELS), round((BOTTOM - TOP) * PIXELS))  # width, height


def to_pixels(points: Points) -> Points:
    """From head lengths to pixels of the sheet."""
    return (points - (LEFT, TOP)) * PIXELS


def grid(width: int, height: int) -> Points:
    """The head-length coordinates (width * height, 2) of a grid over the sheet, row by row."""
    x = LEFT + (np.arange(width) + 0.5) / width * (RIGHT - LEFT)
    y = TOP + (np.arange(height) + 0.5) / height * (BOTTOM - TOP)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def enlarge(field: Floats) -> Floats:
    """Stretch a field to the size of the sheet."""
    return cv2.resize(field, SHEET, interpolation=cv2.INTER_LINEAR)


def curve(points: Points, closed: bool = False) -> Points:
    """A smooth curve (240, 2) through points."""
    if closed:
        points = np.concatenate([points, points[:1]])
    knots, _ = splprep(points.T, s=0, per=closed)
    return np.column_stack(splev(np.linspace(0, 1, 240), knots))


def fill(outline: Points) -> Floats:
    """A mask (H, W) of a smooth closed outline given in head lengths."""
    mask = np.zeros(SHEET[::-1], np.float32)
    polygon(mask, to_pixels(curve(outline, closed=True)), (1.0,))
    return mask


def line(picture: Floats, points: Points, colour: ArrayLike, width: float) -> None:
    """Draw an open curve given in head lengths."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.polylines(mask, [fixed_array(to_pixels(points))], False, 255, round(width * PIXELS), cv2.LINE_AA, 4)
    paint(picture, mask, colour)
