"""COCO, Wild Me, SeaTurtleID2022 and SeaTurtleIDHeads on trees of exactly the published form."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.access.layouts import seaturtleid2022, seaturtleidheads, wildme, wildme_annotation, wildme_image
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError
from wildtrack.storage import json_files


def listed(catalogue: Catalogue) -> dict[str, str]:
    return dict(zip(catalogue.problems["path"], catalogue.problems["reason"], strict=True))


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def unpack(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write(source: Path, content: Any) -> Path:
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(json.dumps(content), encoding="utf-8")
    return source


def gzgc(root: Path, annotations: list[Any], images: list[Any]) -> Path:
    unpack(root, wildme("gzgc", 2020, annotations, images))
    return root / "gzgc.coco/annotations/instances_train2020.json"


def test_gzgc(tmp_path: Path) -> None:
    other = wildme_image(2, date_captured="NA", photographer="", gps_lat_captured=None, gps_lon_captured=None)
    gzgc(
        tmp_path,
        [
            wildme_annotation(1, 1),
            wildme_annotation(2, 2, name="____", individual_ids=[], bbox=None, viewpoint="frontleft"),
            wildme_annotation(3, 2, category_id=0, name="NNP_GIRM_0140"),
        ],
        [wildme_image(1), other],
    )
    catalogue = load_catalogue(tmp_path)
    table = catalogue.table
    assert table.iloc[0].to_dict() == {
        "image_id": "1",
        "identity": "IBEIS_PZ_1561",
        "path": "gzgc.coco/images/train2020/000000000001.jpg",
        "photo_id": "1",
        "bbox": (895.5, 437.0, 1221.0, 690.0),
        "date": "2015-03-01T14:53:46",
        "orientation": "left",
        "species": "zebra_plains",
        "license": "http://creativecommons.org/licenses/by-nc-nd/2.0/",
        "height": 2000.0,
        "width": 3000.0,
        "photographer": "NNP GZC Car '10WHITE', Person 'A', Image 0005",
        "latitude": -1.351341,
        "longitude": 36.800374,
        "secondary_identities": "[2, 1, 3, 3459]",
    }
    assert table["identity"].tolist() == ["IBEIS_PZ_1561", "unknown", "NNP_GIRM_0140"]
    assert table["bbox"][1] == (896.0, 437.0, 1220.0, 690.0)
    assert table["photo_id"].tolist() == ["1", "2", "2"]
    assert table["species"].tolist() == ["zebra_plains", "zebra_plains", "giraffe_masai"]
    absent = table.loc[1, ["date", "photographer", "latitude", "longitude", "secondary_identities"]]
    assert absent.isna().all()
    assert catalogue.problems.empty
    assert catalogue.root == tmp_path
    expected = (
        "the Wild Me file instances_train2020.json: 2 photos with 3 animals of 2 identities (1 animal unlabelled)"
    )
    assert catalogue.understood == expected


@pytest.mark.parametrize("setting", ["split_column", "part"])
def test_a_file_without_columns_or_parts(tmp_path: Path, setting: str) -> None:
    gzgc(tmp_path, [wildme_annotation(1, 1)], [wildme_image(1)])
    with pytest.raises(UserError, match=r" x says nothing here: .*2020\.json is a COCO file without"):
        load_catalogue(tmp_path, **{setting: "x"})  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["gzgc.coco", "gzgc.coco/annotations/instances_train2020.json"])
def test_gzgc_given_otherwise(tmp_path: Path, given: str) -> None:
    gzgc(tmp_path, [wildme_annotation(1, 1)], [wildme_image(1)])
    catalogue = load_catalogue(tmp_path / given)
    assert catalogue.root == tmp_path / "gzgc.coco"
    assert catalogue.table["path"].tolist() == ["images/train2020/000000000001.jpg"]


@pytest.mark.parametrize(
    ("annotation", "what", "reason"),
    [
        ("no object", "instances_train2020.json, annotations[1]", "not an object"),
        (wildme_annotation(2, 77), "instances_train2020.json, annotation 2", "no image has its image_id 77"),
        (
            wildme_annotation(2, 1, image_id=None),
            "instances_train2020.json, annotation 2",
            "no image has its image_id None",
        ),
        (
            wildme_annotation(2, 1, name={"a": 1}),
            "instances_train2020.json, annotation 2",
            "identity is a list or an object",
        ),
        (
            wildme_annotation(2, 1, viewpoint=["left"]),
            "instances_train2020.json, annotation 2",
            "orientation is a list",
        ),
        (wildme_annotation(1, 1), "gzgc.coco/images/train2020/000000000001.jpg", "image_id '1' is taken"),
        (wildme_annotation(2, 1, id=None), "gzgc.coco/images/train2020/000000000001.jpg", "image_id is empty"),
        (wildme_annotation(2, 1, bbox=[1, 2, 3]), "gzgc.coco/images/train2020/000000000001.jpg", "bbox not understood"),
        (wildme_annotation(2, 1, bbox=[1, 2, 0, 3]), "gzgc.coco/images/train2020/000000000001.jpg", "bbox is empty"),
        (
            wildme_annotation(2, 1, bbox=None, segmentation=[["a"]]),
            "gzgc.coco/images/train2020/000000000001.jpg",
            "no polygon",
        ),
        (
            wildme_annotation(2, 1, bbox=None, segmentation={"counts": [1], "size": [2, 3]}),
            "gzgc.coco/images/train2020/000000000001.jpg",
            "no polygon",
        ),
        (
            wildme_annotation(2, 1, bbox=None, segmentation=7),
            "gzgc.coco/images/train2020/000000000001.jpg",
            "no polygon",
        ),
    ],
)
def test_bad_annotation_is_listed(tmp_path: Path, annotation: Any, what: str, reason: str) -> None:
    gzgc(tmp_path, [wildme_annotation(1, 1), annotation], [wildme_image(1)])
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table["image_id"].tolist() == ["1"]
    assert list(listed(catalogue)) == [what]
    assert reason in listed(catalogue)[what]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"file_name": "../../../../elsewhere.jpg"}, "leads out of"),
        ({"file_name": "missing.jpg"}, "no such file"),
        ({"file_name": None}, "path is empty"),
        ({"id": None}, "it has no id"),
        ({"id": 1}, "taken by an image above"),
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON in UTF-8, or cut short"),
        (b'{"images": [{"id": 1', "cut short"),
        (b'{"images": [], "a": "\xff"}', "not JSON in UTF-8"),
        (b"[" * 100_000, "not JSON in UTF-8"),
        (b"[]", "not a COCO file"),
        (b"{}", "needs a list images with entries; it has nothing"),
        (b'{"images": [{"id": 1}], "boxes": []}', "needs a list annotations with entries; it has images, boxes"),
        (b'{"images": {"id": 1}, "annotations": [{"id": 1}]}', "needs a list images"),
        (b'{"images": [{"id": 1}], "annotations": [{"id": 1}], "categories": 7}', "needs a list categories"),
        (b'{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"id": 1, "name": "x"}]}', "none of its 1"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "annotations.json").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load_catalogue(tmp_path)
    assert str(tmp_path / "annotations.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gzgc(tmp_path, [wildme_annotation(1, 1)], [wildme_image(1)])
    monkeypatch.setattr(json_files, "MAX_JSON_BYTES", 100)
    with pytest.raises(UserError, match="too much; at most"):
        load_catalogue(tmp_path)


def test_several_coco_files_are_named(tmp_path: Path) -> None:
    for subset in ("train", "val"):
        touch(tmp_path, f"annotations/instances_{subset}.json")
    with pytest.raises(UserError, match=r"2 COCO files, annotations/instances_train.json, .*name one of them"):
        load_catalogue(tmp_path)


def coco(**more: Any) -> dict[str, Any]:
    return {
        "images": [{"id": "a", "file_name": "größe 1.jpg", "date_captured": 0, "width": 10, "height": 20}],
        "annotations": [{"id": 5, "image_id": "a", "category_id": 9, "bbox": [1, 2, 3, 4]} | more],
        "categories": [{"id": 9, "name": "seal"}],
    }


@pytest.mark.parametrize("folder", ["", "images", "images/annotations", "annotations"])
def test_generic_coco_finds_its_photos(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, Path(folder, "größe 1.jpg").as_posix())
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
    "more", [{"individual_id": 0}, {"name": "0"}, {"attributes": {"identity": 0}}, {"individual": "0", "name": "x"}]
)
def test_generic_coco_finds_the_individual(tmp_path: Path, more: dict[str, Any]) -> None:
    touch(tmp_path, "größe 1.jpg")
    write(tmp_path / "annotations.json", coco(**more))
    assert load_catalogue(tmp_path).table["identity"].tolist() == ["0"]


@pytest.mark.parametrize("more", [{}, {"attributes": None}, {"identity": ""}])
def test_generic_coco_without_individuals(tmp_path: Path, more: dict[str, Any]) -> None:
    touch(tmp_path, "größe 1.jpg")
    content = coco(**more)
    content["images"][0]["name"] = "the photo's, no animal's"
    write(tmp_path / "annotations.json", content)
    with pytest.raises(UserError, match="no annotation names an individual; give it a field identity or"):
        load_catalogue(tmp_path)


def test_generic_coco_with_the_individual_on_the_image(tmp_path: Path) -> None:
    touch(tmp_path, "größe 1.jpg")
    content = coco(bbox="[1.5, 2, 3, 4]")
    content["images"][0] |= {"identity": "t1", "name": "photo one"}
    write(tmp_path / "annotations.json", content)
    table = load_catalogue(tmp_path).table
    assert table["identity"].tolist() == ["t1"]
    assert table["bbox"].tolist() == [(1.5, 2.0, 3.0, 4.0)]


@pytest.fixture
def turtles(tmp_path: Path) -> Path:
    """Kaggle's tree of SeaTurtleID2022, three photos of it."""
    return unpack(tmp_path, seaturtleid2022())


@pytest.mark.parametrize("inside", ["", "turtles-data", "turtles-data/data", "turtles-data/data/annotations.json"])
def test_seaturtleid2022(turtles: Path, inside: str) -> None:
    catalogue = load_catalogue(turtles / inside)
    photos = turtles / "turtles-data/data/images"
    assert [catalogue.root / path for path in catalogue.table["path"]] == [
        photos / "t001/CAluWEgwPX.JPG",
        photos / "t001/EKyrFKHQzh.JPG",
    ]
    assert catalogue.table.drop(columns="path").to_dict("list") == {
        "image_id": ["1", "3"],
        "identity": ["t001", "t001"],
        "photo_id": ["1", "2"],
        "bbox": [(644.0, 441.0, 70.0, 78.0), (1.0, 2.0, 30.0, 40.0)],
        "date": ["2014-07-14T14:49:45", "2015-07-01"],
        "orientation": ["left", "topright"],
        "split": ["train", "valid"],
        "height": [1333.0, 1333.0],
        "width": [2000.0, 2000.0],
    }
    assert list(listed(catalogue).values()) == ["no head is annotated on this photo"]
    assert catalogue.understood == "SeaTurtleID2022, heads, split_closed: 2 photos of 1 identity"


def test_seaturtleid2022_with_options(turtles: Path) -> None:
    table = load_catalogue(turtles, split_column="split_open", part="flipper").table
    assert table["split"].tolist() == ["test", "test"]
    assert table["orientation"].tolist() == ["front_left", "front_right"]
    assert table["photo_id"].tolist() == ["3", "3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "fin"}, "--part fin is not annotated in .*; it has turtle, flipper, head"),
        ({"split_column": "year_split"}, "it has split_closed, split_closed_random, split_open"),
    ],
)
def test_seaturtleid2022_refuses(turtles: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_catalogue(turtles, **options)


@pytest.mark.parametrize("content", ["", "id,name\n1,2\n"])
def test_seaturtleid2022_with_a_damaged_table(turtles: Path, content: str) -> None:
    (turtles / "turtles-data/data/metadata_splits.csv").write_text(content)
    with pytest.raises(UserError, match=r"metadata_splits.csv: (the file is empty|no column identity, file_name)"):
        load_catalogue(turtles)


def test_seaturtleidheads(tmp_path: Path) -> None:
    unpack(tmp_path, seaturtleidheads())
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table.to_dict("list") == {
        "image_id": ["11", "12"],
        "identity": ["t001", "t002"],
        "path": ["images/t001/a.JPG", "images/t002/b.jpg"],
        "photo_id": ["1", "2"],
        "date": ["2014-07-14T14:49:45", "2012-08-01"],
        "orientation": ["topleft", "right"],
        "height": [200.0, 20.0],
        "width": [300.0, 30.0],
    }
    assert catalogue.problems.empty
    assert catalogue.understood.startswith("SeaTurtleIDHeads: 2 photos of 2 identities")


def test_a_large_file_is_read_in_seconds(tmp_path: Path) -> None:
    number = 20_000
    gzgc(
        tmp_path,
        [wildme_annotation(row, row % 100 + 1) for row in range(number)],
        [wildme_image(row + 1) for row in range(100)],
    )
    start = time.perf_counter()
    assert len(load_catalogue(tmp_path).table) == number
    assert time.perf_counter() - start < 30  # a pass for each row would take minutes
