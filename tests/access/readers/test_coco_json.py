import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.exif import save
from tests.helpers.label_files import gzgc, listed, write
from tests.helpers.layouts import wildme_annotation, wildme_image
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError

NAN = float("nan")


@pytest.mark.parametrize(
    ("annotation", "what", "reason"),
    [
        ("no object", "annotations[1]", "not an object"),
        (wildme_annotation(2, 77), "annotation 2", "no image has its image_id 77"),
        (wildme_annotation(2, 1, image_id=None), "annotation 2", "no image has its image_id None"),
        (wildme_annotation(2, 1, name={"a": 1}), "annotation 2", "identity is a list or an object"),
        (wildme_annotation(2, 1, viewpoint=["left"]), "annotation 2", "orientation is a list"),
        (wildme_annotation(1, 1), None, "image_id '1' is taken"),
        (wildme_annotation(2, 1, id=None), None, "image_id is empty"),
        (wildme_annotation(2, 1, bbox=[1, 2, 3]), None, "bbox not understood"),
        (wildme_annotation(2, 1, bbox=[1, 2, 0, 3], segmentation=[]), None, "bbox is empty"),
        (wildme_annotation(2, 1, bbox=None, segmentation={"counts": [6], "size": [2, 3]}), None, "no polygon"),
        (wildme_annotation(2, 1, bbox=None, segmentation=[["a"]]), None, "no polygon"),
        (wildme_annotation(2, 1, bbox=None, segmentation={"counts": [1], "size": [2, 3]}), None, "no polygon"),
        (wildme_annotation(2, 1, bbox=None, segmentation=7), None, "no polygon"),
        (wildme_annotation(2, 1, bbox=None, segmentation=[[1, 2, NAN, 4, 5, 6]]), None, "no polygon"),
        (wildme_annotation(2, 1, bbox=None, segmentation=[[NAN] * 6]), None, "no polygon"),
        (wildme_annotation(2, 1, bbox=None, segmentation=[], box={"x": 1}), None, "bbox not understood"),
    ],
)
def test_bad_annotation_is_listed(tmp_path: Path, annotation: Any, what: str | None, reason: str) -> None:
    gzgc(tmp_path, [wildme_annotation(1, 1), annotation], [wildme_image(1)])
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table["image_id"].tolist() == ["1"]
    ((name, found),) = listed(catalogue).items()
    assert name == (f"instances_train2020.json, {what}" if what else "gzgc.coco/images/train2020/000000000001.jpg")
    assert reason in found


@pytest.mark.parametrize(
    ("fields", "box"),
    [
        ({"box": [10, 20, 30, 40]}, (10, 20, 30, 40)),
        ({"bounding_box": [10, 20, 30, 40]}, (10, 20, 30, 40)),
        ({"bbox": [10, 20, 30, 40], "box": 7}, (10, 20, 30, 40)),  # such as the number of a nest box
        ({"bbox": NAN, "segmentation": [[10, 20, 30, 20, 30, 60]]}, (10, 20, 20, 40)),  # of pandas
        ({"bbox": NAN, "box": [10, 20, 30, 40]}, (10, 20, 30, 40)),
        ({"bbox": NAN}, None),
    ],
)
def test_where_a_box_is_written(tmp_path: Path, fields: dict[str, Any], box: tuple[float, ...] | None) -> None:
    gzgc(
        tmp_path,
        [wildme_annotation(1, 1), wildme_annotation(2, 1, **({"bbox": None, "segmentation": []} | fields))],
        [wildme_image(1)],
    )
    found = load_catalogue(tmp_path)
    assert found.table["bbox"].tolist()[1] == box
    assert found.problems.empty


@pytest.mark.parametrize(
    ("mask", "box"),
    [
        ([[10, 20, 30, 20, 30, 60]], (10, 20, 20, 40)),
        (
            [[10, 20, 30, 20, 30, 60], [100, 5, 140, 5, 140, 15.5]],
            (10, 5, 130, 55),
        ),  # the tree before it parts the animal
        ([[[10, 20], [30, 20], [30, 60]]], (10, 20, 20, 40)),
        ([10, 20, 30, 20, 30, 60], (10, 20, 20, 40)),
        ({"size": [2000, 3000], "counts": [20010, 40000, 5939990]}, (10, 0, 21, 2000)),
        ({"size": [50, 70], "counts": f"n?:X1{'0' * 37}Vn1"}, (10, 10, 20, 10)),  # of pycocotools
        (
            [{"size": [50, 70], "counts": [510, 10, 2980]}, {"size": [50, 70], "counts": [1500, 50, 1950]}],
            (10, 0, 21, 50),
        ),
    ],
)
def test_a_mask_is_all_its_parts(tmp_path: Path, mask: Any, box: tuple[float, ...]) -> None:
    gzgc(tmp_path, [wildme_annotation(2, 1, bbox=[0, 0, 0, 0], segmentation=mask)], [wildme_image(1)])
    if "50, 70" in str(mask):
        save(tmp_path / "gzgc.coco/images/train2020/000000000001.jpg", np.zeros((50, 70, 3), np.uint8))
    assert load_catalogue(tmp_path).table["bbox"].tolist() == [box]


def test_a_mask_of_a_smaller_copy_is_scaled(tmp_path: Path) -> None:
    mask = {"size": [1000, 1500], "counts": [20010, 40000, 1439990]}
    gzgc(tmp_path, [wildme_annotation(2, 1, bbox=None, segmentation=mask)], [wildme_image(1)])
    found = load_catalogue(tmp_path)
    assert found.table["bbox"].tolist() == [(40, 0, 82, 2000)]
    assert "boxes scaled to photos of another size: 1" in found.understood


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"file_name": "../../../../elsewhere.jpg"}, "leads out of"),
        ({"file_name": "missing.jpg"}, "no such file"),
        ({"file_name": None}, "path is empty"),
        ({"id": None}, "it has no id"),
        ({"id": 0}, "no image has its image_id 2"),
    ],
)
def test_bad_image_is_listed(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    source = gzgc(tmp_path, [wildme_annotation(1, 1)], [wildme_image(1)])
    content = json.loads(source.read_text())
    content["images"].append(wildme_image(2, **more))
    content["annotations"].append(wildme_annotation(2, 2))
    write(source, content)
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table["image_id"].tolist() == ["1"]
    assert any(reason in found for found in listed(catalogue).values())


def test_annotations_of_an_id_that_two_images_have_are_left_out(tmp_path: Path) -> None:
    """Two exports put together: each counts its images from 1."""
    source = gzgc(tmp_path, [wildme_annotation(1, 1), wildme_annotation(2, 2)], [wildme_image(1), wildme_image(2)])
    content = json.loads(source.read_text())
    content["images"] += [wildme_image(3, id=1), content["images"][1]]  # the same image twice is no other one
    write(source, content)
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table["image_id"].tolist() == ["2"]
    assert set(listed(catalogue).values()) == {
        "another image has its id 1 as well",
        "several images have its image_id 1",
    }
    content["images"].append(wildme_image(4, id=2))
    write(source, content)
    with pytest.raises(UserError, match="each id is that of several images"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"images": [{"id": 1', "not JSON in UTF-8, or cut short"),
        (b"[]", "not a COCO file"),
        (b"{}", "missing required field `images`"),
        (b'{"images": [{"id": 1}], "boxes": []}', "missing required field `annotations`"),
        (b'{"images": [], "annotations": [{"id": 1}]}', r"length >= 1 - at `\$.images`"),
        (b'{"images": {"id": 1}, "annotations": [{"id": 1}]}', r"Expected `array`, got `object` - at `\$.images`"),
        (b'{"images": [{"id": 1}], "annotations": [{"id": 1}], "categories": 7}', r"got `int` - at `\$.categories`"),
        (b'{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"id": 1, "name": "x"}]}', "none of its 1"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "annotations.json").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load_catalogue(tmp_path)
    assert str(tmp_path / "annotations.json") in str(caught.value)
    assert "\n" not in str(caught.value)
