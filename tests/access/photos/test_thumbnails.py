from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.access.photos.reader import read_photo
from wildtrack.access.photos.thumbnails import thumbnail, thumbnail_reader


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [((10, 10), (10, 10)), ((640, 320), (320, 160)), ((320, 321), (319, 320)), ((1, 5000), (1, 320))],
)
def test_the_longer_side_is_bounded(
    tmp_path: Path, shape: tuple[int, int], expected: tuple[int, int], suffix: str
) -> None:
    path = tmp_path / f"größe{suffix}"
    Image.fromarray(np.zeros((*shape, 3), np.uint8)).save(path)
    assert thumbnail(path, None, 320).shape == (*expected, 3)


def test_a_box_is_cut_out_and_a_small_one_keeps_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(path)
    box = (4.0, 2.0, 10.0, 20.0)
    np.testing.assert_array_equal(thumbnail(path, box, 320), read_photo(path, bbox=box))
    assert thumbnail(path, box, 10).shape == (10, 5, 3)
    assert thumbnail(path, (90.0, 90.0, 4.0, 4.0), 8).shape == (6, 8, 3)  # outside the photo: a blank


@pytest.mark.parametrize("content", [None, b"no photo"])
@pytest.mark.parametrize("side", [1, 4, 320])
def test_a_photo_that_is_gone_is_a_blank(tmp_path: Path, content: bytes | None, side: int) -> None:
    path = tmp_path / "gone.png"
    if content is not None:
        path.write_bytes(content)
    blank = thumbnail(path, None, side)
    assert blank.dtype == np.uint8 and max(blank.shape[:2]) == side and len(np.unique(blank)) == 1


def test_a_photo_of_a_catalogue_is_cropped_to_its_box(photo_folder: Path, catalogue: pd.DataFrame) -> None:
    cells: list[Any] = [(4.0, 2.0, 10.0, 20.0), *[None] * 11]
    table = catalogue.assign(bbox=cells)
    read = thumbnail_reader(table, photo_folder, 320)
    assert [read(image_id).shape for image_id in table["image_id"][:2]] == [(20, 10, 3), (32, 32, 3)]
