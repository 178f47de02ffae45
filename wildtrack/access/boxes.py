"""Boxes [x, y, width, height], in pixels of the upright photo (as in the catalogue) or relative to its size."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.photos.reader import MIRRORED_X, MIRRORED_Y, SWAPPED, PhotoError, or_error, photo_size
from wildtrack.console import track
from wildtrack.storage.threads import in_threads

Box = tuple[float, float, float, float]
Size = tuple[int, int]  # width, height
N = TypeVar("N", float, npt.NDArray[np.float64])


def boxes(table: pd.DataFrame) -> list[Box | None]:
    """Each row's bbox, None where it has none (a table that was joined from others has NaN there); shape (N,)."""
    found = table["bbox"] if "bbox" in table else [None] * len(table)
    return [box if isinstance(box, tuple) else None for box in found]


def in_pixels(box: Box, size: Size) -> Box:
    """A relative box in pixels, rounded to hundredths."""
    (x, y, box_width, box_height), (width, height) = box, size
    sides = round(box_width * width, 2), round(box_height * height, 2)
    return round(x * width, 2), round(y * height, 2), max(sides[0], 0.01), max(sides[1], 0.01)  # never empty


def relative(box: Box, size: Size) -> Box | None:
    """A box in pixels as parts of the photo's width and height, cut off at its edges; None when it misses the photo."""
    (x, y, box_width, box_height), (width, height) = box, size
    left, right = max(x, 0) / width, min(x + box_width, width) / width
    top, bottom = max(y, 0) / height, min(y + box_height, height) / height
    parts = round(left, 6), round(top, 6), round(right - left, 6), round(bottom - top, 6)
    return parts if left < right and top < bottom else None


def turned_upright(box: tuple[N, N, N, N], orientation: int) -> tuple[N, N, N, N]:
    """A relative box of a photo as it is stored, turned and mirrored the way its EXIF orientation turns the photo.

    Each of the four is a number, or an array with one for each box.
    """
    x, y, width, height = box
    if orientation in SWAPPED:
        x, y, width, height = y, x, height, width
    x = 1 - x - width if orientation in MIRRORED_X else x
    y = 1 - y - height if orientation in MIRRORED_Y else y
    return x, y, width, height


def upright_sizes(paths: Sequence[Path]) -> Iterator[Size | PhotoError]:
    """(width, height) of each upright photo, or the error of reading it, with a progress bar."""
    sizes = in_threads(or_error(lambda path: photo_size(path)[::-1]), paths)
    return track(sizes, "Reading photos", total=len(paths)) if paths else sizes
