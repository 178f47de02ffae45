from pathlib import Path
from typing import Any

import pytest

from tests.helpers.label_files import coco, fill, write
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError


@pytest.mark.parametrize("folder", ["", "images", "images/annotations", "annotations"])
def test_generic_coco_finds_its_photos(tmp_path: Path, folder: str) -> None:
    fill(tmp_path, Path(folder, "größe 1.jpg").as_posix())
    write(tmp_path / "annotations.json", coco(identity="Zoë", attributes={"orientation": "right"}))
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table.to_dict("list") == {
        "image_id": ["5"],
        "identity": ["Zoë"],
        "path": [Path(folder, "größe 1.jpg").as_posix()],
        "photo_id": ["a"],
        "bbox": [(1.0, 2.0, 3.0, 4.0)],
        "orientation": ["right"],
        "species": ["seal"],
        "height": [20.0],
        "width": [10.0],
    }
    assert catalogue.problems.empty


@pytest.mark.parametrize(
    "more",
    [
        *({"individual_id": 0}, {"name": "0"}, {"attributes": {"identity": 0}}, {"individual": "0", "name": "x"}),
        {"identity": "0", "viewpoint": "left", "individual_uuid": "0d9f8b7a-6c5d-4e3f-a2b1-c0d1e2f3a4b5"},
    ],
)
def test_generic_coco_finds_the_individual(tmp_path: Path, more: dict[str, Any]) -> None:
    fill(tmp_path, "größe 1.jpg")
    write(tmp_path / "annotations.json", coco(**more))
    assert load_catalogue(tmp_path).table["identity"].tolist() == ["0"]


@pytest.mark.parametrize("more", [{}, {"attributes": None}, {"identity": ""}])
def test_generic_coco_without_individuals(tmp_path: Path, more: dict[str, Any]) -> None:
    fill(tmp_path, "größe 1.jpg")
    content = coco(**more)
    content["images"][0]["name"] = "the photo's, no animal's"
    write(tmp_path / "annotations.json", content)
    with pytest.raises(UserError, match="no annotation names an individual; give it a field identity or"):
        load_catalogue(tmp_path)

    content = coco(bbox="[1.5, 2, 3, 4]")
    content["images"][0] |= {"identity": "t1", "name": "photo one"}
    write(tmp_path / "annotations.json", content)
    table = load_catalogue(tmp_path).table
    assert (table["identity"].tolist(), table["bbox"].tolist()) == (["t1"], [(1.5, 2.0, 3.0, 4.0)])
