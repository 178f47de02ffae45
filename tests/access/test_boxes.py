from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.marked import save_marked
from wildtrack.access.boxes import Box, boxes, in_pixels, relative, upright_sizes
from wildtrack.access.photos.reader import PhotoError


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (pd.DataFrame({"path": ["a", "b"]}), [None, None]),
        (pd.DataFrame({"path": ["a", "b"], "bbox": [(1.0, 2.0, 3.0, 4.0), None]}), [(1, 2, 3, 4), None]),
        (pd.DataFrame({"bbox": [float("nan"), (1.0, 2.0, 3.0, 4.0)]}), [None, (1, 2, 3, 4)]),  # joined from others
        (pd.DataFrame({"bbox": []}), []),
    ],
)
def test_boxes(table: pd.DataFrame, expected: list[Box | None]) -> None:
    assert boxes(table) == expected


@pytest.mark.parametrize(
    ("pixels", "parts"),
    [
        ((0, 0, 200, 100), (0, 0, 1, 1)),
        ((20, 50, 100, 25), (0.1, 0.5, 0.5, 0.25)),
        ((-20, -10, 40, 20), (0, 0, 0.1, 0.1)),  # cut off at the edges
        ((190, 90, 40, 20), (0.95, 0.9, 0.05, 0.1)),
        ((200, 0, 10, 10), None),  # beside the photo
        ((0, -10, 10, 10), None),
    ],
)
def test_relative(pixels: Box, parts: Box | None) -> None:
    assert relative(pixels, (200, 100)) == parts


@pytest.mark.parametrize("box", [(0, 0, 200, 100), (20.25, 50.5, 100.13, 25.01), (199.5, 99.5, 0.5, 0.5)])
def test_there_and_back(box: Box) -> None:
    parts = relative(box, (200, 100))
    assert parts is not None and in_pixels(parts, (200, 100)) == box


def test_sizes_are_those_of_the_upright_photo(tmp_path: Path) -> None:
    names = [save_marked(tmp_path / "turned.jpg", orientation=6), save_marked(tmp_path / "a.jpg")]
    turned, plain, gone = upright_sizes([*names, tmp_path / "gone.jpg"])
    assert (turned, plain) == ((60, 80), (80, 60))
    assert isinstance(gone, PhotoError)
