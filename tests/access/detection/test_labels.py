"""The label files of annotation programs, in exactly the form of their writers: read, or refused with a true reason."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError

FORMS = Path(__file__).parent / "forms"


def beside_photos(root: Path, form: str, place: str, photos: str) -> Path:
    """The file of a form at `place`, and the photos that it names, of the size that it says, in the folder `photos`."""
    target = root / place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(FORMS / f"{form}.json", target)
    for image in json.loads(target.read_text(encoding="utf-8"))["images"]:
        path = root / photos / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (image.get("width", 2048), image.get("height", 1536))).save(path, format="JPEG")
    return target


@pytest.mark.parametrize(
    ("form", "place", "photos", "expected"),
    [
        (
            *("wildbook_coco", "coco/annotations/instances.json", "coco/images"),
            [("Tala", (512, 384, 640, 480)), ("Tala", (384, 512, 480, 640)), ("unknown", (256, 640, 512, 384))],
        ),
        (
            *("wbia_coco", "annotations/instances_train2022.json", "images/train2022"),
            [("Tala", (600, 450, 750, 562)), ("Tala", (450, 600, 562, 750)), ("unknown", None), ("unknown", None)],
        ),
        (
            *("cvat_coco", "annotations/instances_default.json", "images"),
            [("Tala", (512, 384, 640, 480)), ("unknown", (1536, 768, 256, 384)), ("Tala", (384, 512, 480, 640))],
        ),
    ],
)
def test_label_files_that_are_read(tmp_path: Path, form: str, place: str, photos: str, expected: list[Any]) -> None:
    table = load_catalogue(beside_photos(tmp_path, form, place, photos)).table
    found = list(zip(table["identity"], table["bbox"], strict=True))[: len(expected)]
    for (identity, box), (name, where) in zip(found, expected, strict=True):
        assert identity == name and (where is None or box == pytest.approx(where, abs=1))


@pytest.mark.parametrize(
    ("form", "place"),
    [("labelstudio_coco", "result.json"), ("cct_lila", "cct.json"), ("traptagger_coco", "traptagger.json")],
)
def test_label_files_without_names_are_refused(tmp_path: Path, form: str, place: str) -> None:
    with pytest.raises(UserError, match=r"^.*: no annotation names an individual; give it a field identity"):
        load_catalogue(beside_photos(tmp_path, form, place, ""))
