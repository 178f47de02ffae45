"""Boxes of photos that are stored turned and mirrored, against what Pillow makes of the pixels."""

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from wildtrack.access.boxes import Box, turned_upright
from wildtrack.access.detection.frames import OutsideError, inside, upright_boxes
from wildtrack.access.detection.output import MIRRORED, TURNED, Output

SIZE = (60, 80)  # upright


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_as_the_photo_is(orientation: int) -> None:
    stored = np.zeros((40, 80), np.uint8)
    stored[5:15, 20:60] = 255
    image = Image.fromarray(stored)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    upright = np.asarray(ImageOps.exif_transpose(image))
    x, y, width, height = turned_upright((20 / 80, 5 / 40, 40 / 80, 10 / 40), orientation)
    rows, columns = np.nonzero(upright)
    found = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
    across, down = upright.shape[1], upright.shape[0]
    assert (x * across, y * down, width * across, height * down) == pytest.approx(found)


STORED, UPRIGHT = (0.25, 0.25, 0.5, 0.125), (0.625, 0.25, 0.125, 0.5)  # orientation 6


@pytest.mark.parametrize(
    ("as_stored", "pixels", "box", "orientation", "expected"),
    [
        (MIRRORED, False, UPRIGHT, 6, UPRIGHT),
        (TURNED, False, STORED, 6, UPRIGHT),
        (frozenset(), False, UPRIGHT, 7, UPRIGHT),
        (None, False, UPRIGHT, 1, UPRIGHT),
        (None, False, UPRIGHT, 6, None),
        (TURNED, True, (20, 15, 40, 7.5), 6, UPRIGHT),
        (TURNED, True, (5, 65, 50, 10), 6, (5 / 60, 65 / 80, 50 / 60, 10 / 80)),  # fits the upright photo only
        (None, True, (5, 15, 70, 10), 6, (35 / 60, 5 / 80, 10 / 60, 70 / 80)),  # fits the photo as stored only
        (None, True, (5, 5, 10, 10), 6, None),
        (None, True, (6, 8, 12, 16), 1, (0.1, 0.1, 0.2, 0.2)),
    ],
)
def test_the_frame(
    as_stored: frozenset[int] | None, pixels: bool, box: Box, orientation: int, expected: Box | None
) -> None:
    output = Output("a program", [], [], pixels, as_stored)
    if expected is None:
        with pytest.raises(ValueError, match="boxes of a program may fit it upright or as stored"):
            upright_boxes([box], output, None, SIZE, orientation)
    else:
        assert upright_boxes([box], output, None, SIZE, orientation) == [pytest.approx(expected)]


def test_boxes_in_pixels_have_to_fit() -> None:
    output = Output("a program", [], [], pixels=True, as_stored=TURNED)
    with pytest.raises(OutsideError, match="leaves the photo of 60 x 80"):
        upright_boxes([(5, 5, 90, 10)], output, None, SIZE, 1)


@pytest.mark.parametrize("box", [(0.5, 0.5, 0.6, 0.1), (0.5, 0.5, 0, 0.1), (float("nan"), 0, 1, 1), (10, 10, 20, 20)])
def test_what_is_no_relative_box(box: Box) -> None:
    with pytest.raises(ValueError, match="bbox is empty, or not relative"):
        inside(box)
