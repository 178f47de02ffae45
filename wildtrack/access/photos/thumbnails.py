"""Photos for people to look at: small, upright, cropped to their box, and never an error."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.photos.reader import PhotoError, photo_size, read_photo, scaled_size

BLANK_SHAPE = (3, 4)  # of what stands for a photo that is gone, height to width
BLANK_GREY = 200

Thumbnails = Callable[[str], npt.NDArray[np.uint8]]  # image_id -> uint8 (H, W, 3)


def thumbnail(path: Path, bbox: Sequence[float] | None, side: int) -> npt.NDArray[np.uint8]:
    """A photo as a person wants to see it.

    Args:
        path: The photo.
        bbox: [x, y, width, height] in pixels of the upright photo; None is the whole photo.
        side: The longer side in pixels; a smaller photo keeps its size.

    Returns:
        uint8 (H, W, 3) RGB, aspect ratio kept. A grey blank where the photo cannot be read: it may have gone bad, or
        away, since the catalogue was read.
    """
    try:
        height, width = photo_size(path, bbox)
        return read_photo(path, scaled_size(height, width, min(side, max(height, width))), bbox)
    except PhotoError:
        rows, columns = (max(1, part * side // max(BLANK_SHAPE)) for part in BLANK_SHAPE)
        return np.full((rows, columns, 3), BLANK_GREY, np.uint8)


def thumbnail_reader(table: pd.DataFrame, root: Path, side: int) -> Thumbnails:
    """A function from an image_id of a catalogue to its photo or box, as `thumbnail` shows it.

    Args:
        table: A catalogue.
        root: What its paths are relative to.
        side: The longer side in pixels.
    """
    photos = {
        image_id: (root / path, box)
        for image_id, path, box in zip(table["image_id"], table["path"], boxes(table), strict=True)
    }
    return lambda image_id: thumbnail(*photos[image_id], side)
