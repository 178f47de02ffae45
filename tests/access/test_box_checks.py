from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.exif import save
from wildtrack.access.box_checks import check_boxes
from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.photos.reader import read_photo
from wildtrack.access.reading import ReadConfig
from wildtrack.errors import UserError

ANIMAL = (400, 100, 300, 150)  # of an upright photo of 800 x 600 pixels: left, top, width, height
CORNERS = (400, 100, 700, 250)
AS_STORED = {
    1: ANIMAL,
    5: (100, 400, 150, 300),
    6: (100, 100, 150, 300),
    7: (350, 100, 150, 300),
    8: (350, 400, 150, 300),
}
_TURN = Image.Transpose
STORES = {3: _TURN.ROTATE_180, 5: _TURN.TRANSPOSE, 6: _TURN.ROTATE_90, 7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_270}


def photo(path: Path, orientation: int = 1, scale: float = 1) -> None:
    """A photo whose animal is red."""
    pixels = np.zeros((600, 800, 3), np.uint8)
    pixels[100:250, 400:700, 0] = 255
    image = Image.fromarray(pixels).resize((round(800 * scale), round(600 * scale)), Image.Resampling.NEAREST)
    save(path, np.array(image.transpose(STORES[orientation]) if orientation in STORES else image), orientation)


def checked(
    folder: Path, boxes: Sequence[Any], recorded: tuple[float, float] | None = None, box_form: Any = "auto", **how: Any
) -> Catalogue:
    """The result of a catalogue of these boxes, each on a photo of its own, drawn `how`."""
    names = [f"{row}.png" for row in range(len(boxes))]
    for name in names:
        photo(folder / name, **how)
    table = pd.DataFrame({"image_id": names, "identity": "a", "path": names})
    table["bbox"] = pd.Series([tuple(map(float, box)) for box in boxes], dtype="object")
    if recorded is not None:
        table[["width", "height"]] = np.array([recorded] * len(names), dtype=float)
    return check_boxes(Catalogue(folder, table, problem_table([]), "it"), ReadConfig(box_form=box_form))


def redness(catalogue: Catalogue, row: int = 0) -> float:
    """How much of the row's crop is red: 1 where it is the animal, and nothing else."""
    path, box = catalogue.table["path"].iloc[row], catalogue.table["bbox"].iloc[row]
    crop = read_photo(catalogue.root / path, None, box)
    assert crop.shape[1] == pytest.approx(2 * crop.shape[0], abs=4)  # all of it, upright
    return float(crop[..., 0].mean() / 255)


@pytest.mark.parametrize("scale", [1, 0.5, 0.25, 2])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_box_on_the_upright_photo_is_kept_or_scaled(tmp_path: Path, orientation: int, scale: float) -> None:
    found = checked(tmp_path, [ANIMAL], (800, 600), orientation=orientation, scale=scale)
    assert redness(found) > 0.95
    assert found.problems.empty
    assert found.understood == ("it" if scale == 1 else "it\nboxes scaled to photos of another size: 1")
    assert found.table[["width", "height"]].to_numpy().tolist() == [[800 * scale, 600 * scale]]


@pytest.mark.parametrize("scale", [1, 0.5])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_box_on_the_photo_as_it_is_stored_is_turned(tmp_path: Path, orientation: int, scale: float) -> None:
    found = checked(tmp_path, [AS_STORED[orientation]], (600, 800), orientation=orientation, scale=scale)
    assert redness(found) > 0.95
    assert found.understood == "it\nboxes turned with their photos: 1"
    again = check_boxes(found, ReadConfig())
    assert again.table.equals(found.table)  # what is saved is read as it is
    assert again.understood == found.understood


def test_boxes_decide_where_sizes_do_not(tmp_path: Path) -> None:
    """Label Studio records the stored size of a photo beside a box on the upright one; others record none."""
    upright = checked(tmp_path, [ANIMAL, (500, 100, 200, 100)], (600, 800), orientation=6)
    assert redness(upright) > 0.95
    low = (100, 400, 150, 380)
    stored = checked(tmp_path, [AS_STORED[6], low], orientation=6)
    assert redness(stored) > 0.95


@pytest.mark.parametrize("upright", [True, False])
def test_photos_whose_size_cannot_tell_are_as_the_others(tmp_path: Path, upright: bool) -> None:
    """A program that turns no photo, or every one, does so with a camera that hung upside down as well."""
    for name, orientation in (("0.png", 6), ("1.png", 3), ("2.png", 1)):
        photo(tmp_path / name, orientation)
    stored = [AS_STORED[6], (100, 350, 300, 150), ANIMAL]
    table = pd.DataFrame({"image_id": list("abc"), "identity": "a", "path": ["0.png", "1.png", "2.png"]})
    table["bbox"] = pd.Series([tuple(map(float, box)) for box in ([ANIMAL] * 3 if upright else stored)], dtype="object")
    table[["width", "height"]] = [(800.0, 600.0)] * 3 if upright else [(600.0, 800.0), (800.0, 600.0), (800.0, 600.0)]
    found = check_boxes(Catalogue(tmp_path, table, problem_table([]), "it"), ReadConfig())
    assert [redness(found, row) > 0.95 for row in range(3)] == [True] * 3
    assert found.understood == ("it" if upright else "it\nboxes turned with their photos: 2")


@pytest.mark.parametrize(
    ("recorded", "how", "reason"),
    [
        ((600, 800), {}, "drawn on a photo of 600 x 800 pixels, and this one has 800 x 600"),  # turned which way?
        ((800, 800), {}, "drawn on a photo of 800 x 800"),  # cropped
        ((4000, 2000), {"orientation": 6}, "drawn on a photo of 4000 x 2000"),
    ],
)
def test_a_box_on_another_photo_is_refused(tmp_path: Path, recorded: Any, how: Any, reason: str) -> None:
    with pytest.raises(UserError, match=f"none of the 1 boxes fits its photo; the first: 0.png: its box was {reason}"):
        checked(tmp_path, [ANIMAL], recorded, **how)


MANY = [(10, 20, 300, 150), ANIMAL, (50, 400, 200, 150), (600, 450, 190, 140), (420, 300, 350, 280)]


def as_form(form: str, boxes: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """These boxes of photos of 800 x 600 pixels in another form."""
    corners = [
        (x, y, x + width, y + height) if "corners" in form else (x, y, width, height) for x, y, width, height in boxes
    ]
    unit = {"percent": (8, 6, 8, 6), "xywh": (1,) * 4, "corners": (1,) * 4}.get(form, (800, 600, 800, 600))
    return [tuple(value / by for value, by in zip(box, unit, strict=True)) for box in corners]


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("form", ["xywh", "corners", "relative", "relative-corners"])
def test_the_form_of_a_column_is_recognised(tmp_path: Path, form: str, said: bool) -> None:
    found = checked(tmp_path, as_form(form, MANY), box_form=form if said else "auto")
    assert np.allclose(np.array(found.table["bbox"].tolist()), MANY, atol=0.01)
    assert found.understood == {"xywh": "it"}.get(form, f"it\nboxes read as {form.replace('-', ' ')}")
    assert found.problems.empty


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        (as_form("percent", MANY), "may be in percent or in pixels; say --box-form xywh"),
        ([(10, 20, 300, 150)] * 9 + [CORNERS], r"may be \[x, y, width, height\] or corners; say --box-form"),
        ([(10, 20, 300, 150), CORNERS], r"may be \[x, y, width, height\] or corners; say --box-form"),
        ([(1000, 700, 450, 300)], "1 of 1 boxes reach beyond their photos"),  # of a photo that was halved since
        ([(10, 20, 300, 150), (1000, 700, 450, 300)], "1 of 2 boxes reach beyond .* columns width and height"),
        (
            [tuple(2 * edge for edge in box) for box in MANY],
            "4 of 5 boxes reach beyond their photos.* columns width and",
        ),
    ],
)
def test_boxes_that_are_not_clear_are_asked_about(tmp_path: Path, boxes: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        checked(tmp_path, boxes)


def test_the_flag_decides(tmp_path: Path) -> None:
    percent = checked(tmp_path, as_form("percent", MANY), box_form="percent")
    assert np.allclose(np.array(percent.table["bbox"].tolist()), MANY, atol=0.01)
    kept = checked(tmp_path, [(10, 20, 300, 150), (700, 20, 150, 150)], box_form="xywh")
    assert kept.table["bbox"].tolist() == [(10, 20, 300, 150), (700, 20, 100, 150)]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((100, 100, 4, 90), "shows 4 x 90 pixels, too few"),
        ((0.2, 0.2, 0.5, 0.5), "shows 0.5 x 0.5 pixels, too few"),  # relative, among boxes in pixels
        ((790, 100, 300, 150), "most of its box .* is outside the photo of 800 x 600 pixels"),
        ((900, 100, 300, 150), "most of its box"),
    ],
)
def test_what_shows_no_animal_is_listed_and_left_out(tmp_path: Path, box: Any, reason: str) -> None:
    found = checked(tmp_path, [ANIMAL, (5, 5, 90, 60), box])
    assert found.table["image_id"].tolist() == ["0.png", "1.png"]
    assert found.problems["path"].tolist() == ["2.png"]
    assert found.problems["reason"].str.contains(reason, regex=True).all()
    assert found.understood == "it\nboxes that do not fit, left out: 1"


def test_a_box_that_reaches_a_little_beyond_is_kept(tmp_path: Path) -> None:
    found = checked(tmp_path, [ANIMAL, (600, 300, 225, 310), (700, 20, 160, 150)])
    assert len(found.table) == 3
    assert found.problems.to_numpy().tolist() == [["2.png", "its box reaches beyond it, and is cut off at its edge"]]


def test_photos_without_a_box_or_that_cannot_be_read_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    table = pd.DataFrame({"image_id": ["a", "b"], "identity": "x", "path": ["bad.jpg", "bad.jpg"]})
    table["bbox"] = pd.Series([(1.0, 2.0, 3.0, 4.0), None], dtype="object")
    catalogue = Catalogue(tmp_path, table, problem_table([]), "it")
    assert check_boxes(catalogue, ReadConfig()) is catalogue
