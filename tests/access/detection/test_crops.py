"""Crops: what is cut, how it is called, that nothing else leaves with it, and that a split holds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.marked import GPS_MARK, save_marked
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.detection.crops import crop_names, crops_in_words, write_crops
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.readers.table import write_table
from wildtrack.assess.encounters import photo_keys
from wildtrack.errors import UserError

BOX = (1.0, 2.0, 3.0, 4.0)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Two animals on one turned, GPS-tagged JPEG; a PNG without a box; a damaged photo."""
    root = tmp_path / "größe 1"
    save_marked(root / "a b/photo.JPG", orientation=6)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(root / "a b/plain.png")
    (root / "bad.jpg").write_bytes(b"\xff\xd8 no photo")
    rows = pd.DataFrame(
        {
            "image_id": ["1", "2", "3", "4"],
            "identity": ["Ana", "unknown", "Blå", "Blå"],
            "path": ["a b/photo.JPG", "a b/photo.JPG", "a b/plain.png", "bad.jpg"],
            "bbox": [(0.0, 0.0, 20.0, 30.0), (25.5, 50.0, 40.0, 40.0), None, None],
            "date": ["2024-05-31"] * 4,
        }
    )
    write_table(rows, root / "catalogue.csv")
    return load_catalogue(root / "catalogue.csv")


def test_the_crops_are_a_catalogue_of_their_own(catalogue: Catalogue, tmp_path: Path) -> None:
    folder = tmp_path / "crops ü"
    written = write_crops(catalogue, folder)
    crops = load_catalogue(folder)
    assert crops.table.astype(object).equals(written.astype(object))
    assert crops.problems.empty
    assert crops.table["path"].tolist() == ["a b_photo.jpg", "a b_photo_2.jpg", "a b_plain.png"]
    assert crops.table["identity"].tolist() == ["Ana", "unknown", "Blå"]
    assert "bbox" not in crops.table and crops.table["date"].tolist() == ["2024-05-31"] * 3
    assert crops.table[["width", "height"]].to_numpy().tolist() == [[20, 30], [35, 30], [30, 20]]  # 60 x 80 upright
    keys = photo_keys(crops.table)
    assert keys[0] == keys[1] != keys[2]
    assert 'bad.jpg,"its content is not one of' in (folder / "problems.csv").read_text()
    np.testing.assert_array_equal(Image.open(folder / "a b_plain.png"), Image.open(catalogue.root / "a b/plain.png"))
    (folder / "catalogue.csv").unlink()
    with pytest.raises(UserError, match="no photo in a folder of its identity"):  # no animal under another's name
        load_catalogue(folder)


def test_a_crop_is_the_box_of_the_upright_photo_and_nothing_else(catalogue: Catalogue, tmp_path: Path) -> None:
    source = catalogue.root / "a b/photo.JPG"
    assert GPS_MARK in source.read_bytes() and Image.open(source).getexif()
    write_crops(catalogue, tmp_path / "crops")
    red = np.asarray(Image.open(tmp_path / "crops/a b_photo.jpg")).reshape(-1, 3).mean(axis=0)
    assert red[0] > 200 and red[1] < 60  # the red corner of the upright photo
    crops = list((tmp_path / "crops").rglob("*.jpg"))
    assert len(crops) == 2
    for path in crops:
        assert GPS_MARK not in path.read_bytes() and b"Exif" not in path.read_bytes()
        assert set(Image.open(path).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([], []),
        (["a/1.JPG", "a/1.JPG", "a/1.webp", "b/2.png"], ["a_1.jpg", "a_1_2.jpg", "a_1_3.jpg", "b_2.png"]),
        (["a/1_2.jpg", "a/1.jpg", "a/1.jpg"], ["a_1_2.jpg", "a_1.jpg", "a_1_3.jpg"]),
        (["A/x.jpg", "a/X.jpg"], ["A_x.jpg", "a_X_2.jpg"]),
        (["x.png", "x.jpg"], ["x.png", "x_2.jpg"]),
        (["b.c/d.e.jpeg"], ["b.c_d.e.jpg"]),
        (["a/b.jpg", "a_b.jpg"], ["a_b.jpg", "a_b_2.jpg"]),
        (["ü" * 300 + "/1.jpg"], ["ü" * 58 + "_1.jpg"]),
    ],
)
def test_names(paths: list[str], names: list[str]) -> None:
    assert crop_names(paths) == names


def test_no_photo_can_be_read(catalogue: Catalogue, tmp_path: Path) -> None:
    bad = Catalogue(catalogue.root, catalogue.table.iloc[3:], catalogue.problems, "")
    with pytest.raises(UserError, match=r"none of the 1 photos can be read; the first: bad\.jpg"):
        write_crops(bad, tmp_path / "crops")
    assert not (tmp_path / "crops").exists()


@pytest.mark.parametrize(
    ("boxed", "kept", "expected"),
    [
        ([None, None], [0, 1], "Copied 2 photos whole into f: no box says where an animal is; --boxes gives boxes."),
        ([BOX, BOX], [0, 1], "Cropped 2 of 2 animals into f."),
        ([BOX, BOX], [1], "Cropped 1 of 2 animals into f."),
        ([BOX, None], [0, 1], "Cropped 1 of 1 animal into f; copied 1 photo without a box whole."),
        (None, [0], "Copied 1 photo whole into f: no box"),
    ],
)
def test_crops_and_whole_photos_are_counted(
    boxed: list[tuple[float, ...] | None] | None, kept: list[int], expected: str
) -> None:
    table = pd.DataFrame({"image_id": ["1", "2"]} | ({} if boxed is None else {"bbox": boxed}))
    assert crops_in_words(table, table.iloc[kept], Path("f")).startswith(expected)
