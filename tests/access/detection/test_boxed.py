"""A detector's boxes: as a catalogue of unlabelled animals, as boxes for a catalogue, and malformed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.marked import save_marked
from wildtrack.access.detection.boxed import catalogue_of_detections, with_boxes
from wildtrack.access.detection.detections import Detections, read_detections
from wildtrack.access.photos.reader import read_photo
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError

CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}


def detection(bbox: object, conf: object = 0.9, category: object = "1") -> dict[str, Any]:
    return {"category": category, "conf": conf, "bbox": bbox, "classifications": [["3", 0.9]]}


def write_json(path: Path, *images: Any, **more: Any) -> Path:
    info = {"format_version": "1.6", "detector": "MDV5A"}
    content = {"info": info, "detection_categories": CATEGORIES, "images": list(images)} | more
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    """Photos of two cameras, at different depths, one of them turned by EXIF."""
    root = tmp_path / "cámaras 1"
    save_marked(root / "north/100RECNX/IMG 1.JPG", orientation=6)
    save_marked(root / "north/100RECNX/IMG 2.JPG")
    save_marked(root / "süd/IMG 1.JPG")
    save_marked(root / "loose.jpg")
    return root


def detect(root: Path, *images: Any, **more: Any) -> Detections:
    return read_detections(write_json(root.parent / "detections.json", *images, **more), 0.2)


def test_raw_photos_become_unlabelled_animals(traps: Path) -> None:
    found = detect(
        traps,
        {"file": "north/100RECNX/IMG 1.JPG", "detections": [detection([0, 0, 0.3333, 0.375]), detection([0.5] * 4)]},
        {"file": "north\\100RECNX\\IMG 2.JPG", "detections": [detection([0, 0, 1, 1], category="2")]},
        {"file": (traps / "süd/IMG 1.JPG").as_posix(), "detections": [detection([0.1, 0.1, 0.9, 0.9], 0.2)]},
        {"file": "gone.jpg", "detections": [detection([0, 0, 1, 1])]},
    )
    catalogue = catalogue_of_detections(found, traps)
    table = catalogue.table
    assert table["image_id"].tolist() == ["north/100RECNX/IMG 1.JPG#1", "north/100RECNX/IMG 1.JPG#2", "süd/IMG 1.JPG#1"]
    assert table["photo_id"].tolist() == table["path"].tolist() == [name[:-2] for name in table["image_id"]]
    assert table["bbox"].tolist() == [(0, 0, 20.0, 30.0), (30, 40, 30, 40), (8, 6, 72, 54)]
    assert set(table["identity"]) == {"unknown"} and set(table["date"]) == {"2024-05-31T17:45:00"}
    assert table[["width", "height"]].to_numpy().tolist() == [[60, 80], [60, 80], [80, 60]]
    assert table["latitude"].round(2).tolist() == [-24.99] * 3
    assert catalogue.problems.to_numpy().tolist() == [
        ["gone.jpg", "the detector lists it, but it is not there"],
        ["loose.jpg", "no entry in detections.json"],
        ["north/100RECNX/IMG 2.JPG", "no detection called animal, only person (1)"],
    ]
    pixels = read_photo(traps / table["path"][0], bbox=table["bbox"][0])
    assert pixels[..., 0].mean() > 200 and pixels[..., 2].mean() < 60  # the red corner of a photo stored on its side


def test_the_threshold_counts(traps: Path) -> None:
    source = write_json(traps.parent / "d.json", {"file": "loose.jpg", "detections": [detection([0, 0, 1, 1], 0.9)]})
    assert len(catalogue_of_detections(read_detections(source, 0.9), traps).table) == 1
    with pytest.raises(
        UserError, match=r"no animal detected on any of the 4 photos .* is --min-confidence 0\.95 too high"
    ):
        catalogue_of_detections(read_detections(source, 0.95), traps)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "no entry in detections.json"),
        ([], "its entry in detections.json has no detection"),
        ([("2", 0.9), ("2", 0.8), ("3", 0.9)], "no detection called animal, only person (2), vehicle (1)"),
        ([("1", 0.1), ("1", 0.15)], "no animal detected with a confidence of 0.2 or more, the surest has 0.15"),
        ([("1", 0.1), ("2", 0.9)], "no animal detected with a confidence of 0.2 or more, the surest has 0.1"),
        ([("1", -0.9)], "1 animal removed as repeated detection, by a confidence below 0"),
        ([("1", -0.9), ("1", 0.1)], "the surest has 0.1; 1 animal removed as repeated detection, by"),
        ([("7", 0.9)], "no detection called animal, only category 7 (1)"),
    ],
)
def test_the_reason_why_a_photo_has_no_animal(traps: Path, found: list[tuple[str, float]] | None, reason: str) -> None:
    images = [{"file": "süd/IMG 1.JPG", "detections": [detection([0, 0, 1, 1])]}]
    if found is not None:
        boxes = [detection([0, 0, 1, 1], conf, category) for category, conf in found]
        images.append({"file": "loose.jpg", "detections": boxes})
    catalogue = catalogue_of_detections(detect(traps, *images), traps)
    reasons = dict(catalogue.problems.to_numpy().tolist())
    assert catalogue.table["path"].tolist() == ["süd/IMG 1.JPG"] and reason in reasons["loose.jpg"]


def test_what_is_left_out_of_the_whole_file_is_said(traps: Path) -> None:
    boxes = [detection([0, 0, 1, 1]), detection([0, 0, 0.5, 0.5], -0.9)]
    about = {"detector_metadata": {"typical_detection_threshold": 0.8}}
    found = detect(traps, {"file": "loose.jpg", "detections": boxes}, info=about)
    said = catalogue_of_detections(found, traps).understood
    left_out = ["1 repeated detection is left out", "its detector recommends --min-confidence 0.8, not 0.2"]
    assert said.splitlines()[1:] == left_out


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"file": "loose.jpg", "detections": None, "failure": "Failure image access"}, "could not read it: Failure"),
        ({"file": "loose.jpg"}, "no list detections"),
        ({"file": "film.mp4", "detections": [], "frame_rate": 20}, "extract frames"),
        ({"file": "film", "detections": [detection([0, 0, 1, 1]) | {"frame_number": 0}]}, "extract frames"),
        ({"file": "loose.jpg", "detections": 7}, r"Expected `array \| null`, got `int` - at `\$.detections`"),
        ({"file": "loose.jpg", "detections": ["x"]}, "detection left out: Expected `object`, got `str`: 'x'"),
        ({"file": "loose.jpg", "detections": [detection([0, 0, 1, 1], "high")]}, r"at `\$.conf`: .*'high'"),
        ({"file": "loose.jpg", "detections": [detection([0, 0, 1, 1], float("nan"))]}, r"at `\$.conf`: .*nan"),
        ({"file": "loose.jpg", "detections": [detection([0, 0, 1])]}, r"length 4, got 3 - at `\$.bbox`: .*\[0, 0, 1\]"),
        ({"file": "loose.jpg", "detections": [detection(None)]}, r"got `null` - at `\$.bbox`"),
        ({"file": "loose.jpg", "detections": [detection([10, 20, 300, 400])]}, "not relative"),
        ({"file": "loose.jpg", "detections": [detection([0.5, 0.5, 0, 0.1])]}, "is empty"),
        ({"file": "loose.jpg", "detections": [detection([float("nan"), 0, 1, 1])]}, "not relative"),
        ({"detections": []}, "missing required field `file`"),
        ({"file": 7, "detections": []}, r"got `int` - at `\$.file`"),
        ({"file": "", "detections": []}, r"length >= 1 - at `\$.file`"),
        ("loose.jpg", "Expected `object`, got `str`: 'loose.jpg'"),
    ],
)
def test_malformed_entries_are_listed(traps: Path, image: Any, reason: str) -> None:
    good = {"file": "süd/IMG 1.JPG", "detections": [detection([0, 0, 1, 1])]}
    catalogue = catalogue_of_detections(detect(traps, image, good), traps)
    assert catalogue.table["path"].tolist() == ["süd/IMG 1.JPG"]
    assert catalogue.problems["reason"].str.contains(reason).sum() == 1


def test_rounding_over_the_edge_is_cut_off(traps: Path) -> None:
    found = detect(traps, {"file": "loose.jpg", "detections": [detection([-0.001, 0.5, 0.5, 0.5003])]})
    (box,) = catalogue_of_detections(found, traps).table["bbox"]
    assert box == (0, 30, 39.92, 30)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not MegaDetector's format"),
        ('{"images": []}', "not MegaDetector's format"),
        ('{"images": {}, "detection_categories": {}}', "not MegaDetector's format"),
        ('{"images": [], "detection_categories": {"0": "deer"}}', 'no detection category is "animal"; it has deer'),
        (
            '{"images": [], "detection_categories": null}',
            "no names in detection_categories say which boxes are animals",
        ),
        ("[" * 100_000, "not JSON"),
        (None, "no such file"),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, text: str | None, reason: str) -> None:
    source = tmp_path / "detections.json"
    if text is not None:
        source.write_text(text)
    with pytest.raises(UserError, match=reason) as error:
        read_detections(source, 0.2)
    assert str(error.value).startswith(f"--boxes {source}") and "\n" not in str(error.value)


def test_boxes_join_a_catalogue_where_there_is_no_doubt(tmp_path: Path) -> None:
    root = tmp_path / "ids"
    for name in ("Ana/one.jpg", "Ana/none.jpg", "Blå/two.jpg", "Blå/missing.jpg", "Blå/failed.jpg"):
        save_marked(root / name)
    found = detect(
        root,
        {"file": "Ana/one.jpg", "detections": [detection([0, 0, 0.5, 0.5]), detection([0, 0, 1, 1], category="3")]},
        {"file": "Ana/none.jpg", "detections": [detection([0, 0, 1, 1], 0.1)]},
        {"file": "Blå/two.jpg", "detections": [detection([0, 0, 0.5, 0.5]), detection([0.5, 0.5, 0.5, 0.5])]},
        {"file": "Blå/failed.jpg", "failure": "Failure image access"},
    )
    catalogue = with_boxes(load_catalogue(root), found)
    given = dict(zip(catalogue.table["path"], catalogue.table["bbox"], strict=True))
    assert given.pop("Ana/one.jpg") == (0, 0, 40, 30)
    assert list(given.values()) == [None] * 4
    reasons = catalogue.problems.groupby("path")["reason"].agg(" ".join)
    assert "the surest has 0.1" in reasons["Ana/none.jpg"] and "2 animals detected for 1 row" in reasons["Blå/two.jpg"]
    assert "no entry in detections.json" in reasons["Blå/missing.jpg"] and "Failure image" in reasons["Blå/failed.jpg"]
    assert all("the whole photo is used" in reason for reason in reasons)
    assert catalogue.understood.endswith("1 of 5 animals with a box of detections.json")


@pytest.mark.parametrize(
    ("images", "first"),
    [
        ([{"file": "cámaras 1/Ana/one.jpg", "detections": []}, {"file": "two.jpg", "detections": []}], "cámaras 1/Ana"),
        ([{"file": "film.mp4", "detections": []}], "film.mp4"),
        ([], "missing"),
    ],
)
def test_the_json_of_other_photos_is_refused(tmp_path: Path, images: list[Any], first: str) -> None:
    save_marked(tmp_path / "ids/Ana/one.jpg")
    found, root = detect(tmp_path / "ids", *images), tmp_path / "ids"
    message = rf"--boxes .*it names no photo in .*ids; its first name is {first}.* photo is Ana/one\.jpg; nam"
    with pytest.raises(UserError, match=message):
        with_boxes(load_catalogue(root), found)
    with pytest.raises(UserError, match=message):
        catalogue_of_detections(found, root)

    failed = detect(root, {"file": "Ana/one.jpg", "failure": "Failure image access"})
    assert "could not read it" in with_boxes(load_catalogue(root), failed).problems["reason"][0]


def test_a_box_that_is_there_stays_and_shared_photos_are_left_alone(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        save_marked(tmp_path / "photos" / name)
    rows = 'image_id,identity,path,bbox\n1,Ana,a.jpg,"[1, 2, 30, 40]"\n2,Blå,b.jpg,\n3,Cleo,b.jpg,\n'
    (tmp_path / "photos/catalogue.csv").write_text(rows, encoding="utf-8")
    whole = [{"file": name, "detections": [detection([0, 0, 1, 1])]} for name in ("a.jpg", "b.jpg")]
    catalogue = with_boxes(load_catalogue(tmp_path / "photos/catalogue.csv"), detect(tmp_path / "photos", *whole))
    assert catalogue.table["bbox"].tolist() == [(1, 2, 30, 40), None, None]
    assert catalogue.problems["reason"].tolist() == ["1 animal detected for 2 rows: the whole photo is used"] * 2


def test_the_example_in_the_guide(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs/camera_traps.md").read_text(encoding="utf-8")
    (tmp_path / "d.json").write_text(guide.partition("```json\n")[2].partition("```")[0], encoding="utf-8")
    found = read_detections(tmp_path / "d.json", 0.2)
    one, two, failed = found.output.photos
    assert [animal.box for animal in found.animals(one)] == [(0.25, 0.3, 0.4, 0.5)] and not found.animals(two)
    assert "Failure image access" in found.why_none(failed)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"detections": [detection([0, 0, 1, 1], 0.1)]}, r"surest has 0.1; is --min-confidence 0\.2 too high\?$"),
        ({"detections": [detection([0, 0, 1, 1], 0.9, "2")]}, r"only person \(1\)$"),
        ({"detections": [detection([0, 0, 1, 1], -0.9)]}, "by a confidence below 0$"),
        ({"detections": [detection([5, 5, 40, 40])]}, "not relative to the size of the photo .*40\\], .*}$"),
        (
            {"detections": [detection([0.5, 0.5, 0.01, 0.01])]},
            "no box can be used; the first: loose.jpg: its box shows",
        ),
        (
            {"detections": [detection([0, 0, 1, 1])], "width": 9, "height": 9},
            "no box can be used; .*: the detector saw",
        ),
    ],
)
def test_the_advice_fits_the_reason(traps: Path, image: dict[str, Any], message: str) -> None:
    for path in traps.glob("*/**/*.JPG"):
        path.unlink()
    with pytest.raises(UserError, match=message):
        catalogue_of_detections(detect(traps, {"file": "loose.jpg"} | image), traps)


def test_a_box_of_a_few_pixels_is_no_animal(traps: Path) -> None:
    tiny, whole = [0.5, 0.5, 0.01, 0.01], [0, 0, 1, 1]
    images = [{"file": "loose.jpg", "detections": [detection(tiny), detection(whole)]}]
    found = catalogue_of_detections(detect(traps, *images), traps)
    assert found.table["image_id"].tolist() == ["loose.jpg#2"]
    assert "too few for an animal" in dict(found.problems.to_numpy().tolist())["loose.jpg"]


def test_what_else_lies_in_the_folder_is_counted(traps: Path) -> None:
    """By the one walk that all readers share; the detector's own file needs no word."""
    for name in ("north/VID_1.MP4", "notes.txt", ".hidden.jpg"):
        (traps / name).write_bytes(b"")
    source = write_json(traps / "d.json", {"file": "loose.jpg", "detections": [detection([0, 0, 1, 1])]})
    found = catalogue_of_detections(read_detections(source, 0.2), traps)
    assert "video" in dict(found.problems.to_numpy().tolist())["north/VID_1.MP4"]
    assert found.understood.endswith("\npassed over: hidden: 1 (.hidden.jpg); no photo: 1 (.txt)")
