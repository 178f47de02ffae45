"""Small photos for people to look at: upright, cropped to their box; an unreadable one is a blank, not an error."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.photos.reader import PhotoError, photo_size, read_photo, scaled_size

Thumbnails = Callable[[str], npt.NDArray[np.uint8]]  # image_id -> uint8 (H, W, 3)


def thumbnail(path: Path, bbox: Sequence[float] | None, side: int) -> npt.NDArray[np.uint8]:
    """A photo or its box, uint8 (H, W, 3) RGB, with a longer side of at most `side` pixels; grey where it is gone."""
    try:
        height, width = photo_size(path, bbox)
        return read_photo(path, scaled_size(height, width, min(side, max(height, width))), bbox)
    except PhotoError:
        return np.full((max(1, 3 * side // 4), side, 3), 200, np.uint8)


def thumbnail_reader(table: pd.DataFrame, root: Path, side: int) -> Thumbnails:
    """A function from an image_id of a catalogue, whose paths are relative to `root`, to its thumbnail."""
    photos = dict(zip(table["image_id"], zip(table["path"], boxes(table), strict=True), strict=True))

    def read(image_id: str) -> npt.NDArray[np.uint8]:
        path, bbox = photos[image_id]
        return thumbnail(root / path, bbox, side)

    return read
