"""The files of detectors, in exactly the form of their writers: the same animals on the same photos from each."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.detection.boxed import catalogue_of_detections
from wildtrack.access.detection.detections import read_detections
from wildtrack.errors import UserError

FORMS = Path(__file__).parent / "forms"
TALA, TURNED, EMPTY, BROKEN, OTHER = PHOTOS = (
    *("station_07/RCNX0012.JPG", "station_07/RCNX0013.JPG", "station_09/IMG_0450.jpg", "station_09/IMG_0451.jpg"),
    "station_12/RCNX0012.JPG",
)
BOXES = {  # of the upright photo
    TALA: (512, 384, 640, 480),
    TURNED: (384, 512, 480, 640),
    OTHER: (256, 640, 512, 384),
}
NONE, FAILED, ABSENT = "has no detection", "the detector could not read it", "no entry in"
THREE = {photo: BOXES[photo] for photo in (TALA, TURNED, OTHER)} | {EMPTY: NONE}
ALL = THREE | {BROKEN: FAILED}
TWO = {TALA: BOXES[TALA], OTHER: BOXES[OTHER], TURNED: ABSENT, EMPTY: NONE, BROKEN: ABSENT}
ONE = {TALA: BOXES[TALA], TURNED: ABSENT, OTHER: ABSENT, EMPTY: ABSENT, BROKEN: ABSENT}
REMOVED = "removed as repeated detection"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five photos that the files are of; the second is turned by EXIF, the fourth is damaged."""
    root = tmp_path_factory.mktemp("photos")
    for name in PHOTOS:
        (root / name).parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6 if name == TURNED else 1
        Image.new("L", (2048, 1536)).save(root / name, format="JPEG", exif=exif)
    (root / BROKEN).write_bytes(b"\xff\xd8 no photo")
    return root


def seen(catalogue: Catalogue) -> dict[str, Any]:
    """Path -> the box, or the reason why there is none."""
    assert catalogue.table["path"].is_unique
    boxes = dict(zip(catalogue.table["path"], catalogue.table["bbox"], strict=True))
    return boxes | dict(zip(catalogue.problems["path"], catalogue.problems["reason"], strict=True))


def check(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for path, what in expected.items():
        if isinstance(what, str):
            assert what in found[path], path
        else:
            assert found[path] == pytest.approx(what, abs=2), path


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("md_pre1.0_api_2019", ONE),
        ("md_1.0_api", TWO),
        ("md_1.0_local", ALL | {OTHER: ABSENT}),
        ("md_1.2", ALL),
        ("md_1.2_after_subset_conf", ONE | {EMPTY: NONE, BROKEN: FAILED, "station_07/RCNX0020.JPG": "is not there"}),
        ("md_1.3", ALL),
        ("md_1.4", ALL | {"station_09/VID_0003.MP4": "extract frames"}),
        ("md_1.5", ALL | {"station_09/VID_0004.MP4": "extract frames"}),
        (
            "md_1.5_after_rde",
            {TURNED: BOXES[TURNED], TALA: f"the surest has 0.061; 1 animal {REMOVED}", OTHER: REMOVED}
            | {EMPTY: NONE, BROKEN: FAILED, "station_09/VID_0003.MP4": "extract frames"},
        ),
        ("md_1.6_custom_categories", ONE | {EMPTY: NONE}),
        ("md_1.6_speciesnet", ALL),  # the classifier failed on the last photo, the detector did not
        ("addaxai6_image_recognition_file", THREE | {BROKEN: ABSENT}),
        ("addaxai6_image_recognition_file_original", THREE | {BROKEN: ABSENT}),
        ("addaxai6_image_recognition_file_verified", THREE | {BROKEN: ABSENT}),
        ("addaxai6_speciesnet_image_recognition_file", ONE | {BROKEN: FAILED}),
        ("addaxai6_timelapse_recognition_file", THREE | {"station_09/VID_0003.MP4": "extract frames"}),
        ("addaxai7_addaxai-recognitions", ONE | {TURNED: BOXES[TURNED]}),
        ("pw_detection", TWO),
        ("pw_detection_classification", TWO),
        ("pw_detection_timelapse", TWO),
        ("pw_detection_classification_timelapse", ONE | {TALA: ABSENT, OTHER: BOXES[OTHER]}),
        ("ms_megadetector_cli", THREE | {BROKEN: ABSENT}),  # boxes of the turned photo as it is stored
        ("speciesnet_ensemble_predictions", ALL),
        ("speciesnet_detector_only", ONE | {BROKEN: FAILED}),
    ],
)
def test_the_animals_of_each_form(photos: Path, form: str, expected: dict[str, Any]) -> None:
    catalogue = catalogue_of_detections(read_detections(FORMS / f"{form}.json", 0.2), photos)
    found = seen(catalogue)
    check(found, expected)
    assert set(PHOTOS) <= found.keys()


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("addaxai6_video_recognition_file", r"it names no photo in .*; its first name is station_09/VID_0003\.MP4"),
        ("pw_detection_dots", "points, not boxes"),
        ("speciesnet_classifier_only", "without any boxes; run its detector"),
        ("cvat_coco", "a COCO file, which is labels: leave --boxes out"),
        ("cvat_datumaro", "an export of CVAT as Datumaro; in CVAT, export the task as COCO 1.0"),
        ("labelstudio", "an export of Label Studio, which is not read"),
        ("labelstudio_min", "an export of Label Studio, which is not read"),
        ("camtrap_dp", "a Camtrap DP package"),
    ],
)
def test_a_form_without_boxes_of_animals_is_named(photos: Path, form: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        catalogue_of_detections(read_detections(FORMS / f"{form}.json", 0.2), photos)
    assert "\n" not in str(error.value) and str(error.value).startswith(f"--boxes {FORMS / form}.json: ")


def changed(target: Path, form: str, **more: Any) -> Path:
    """A form with other top-level parts."""
    content = json.loads((FORMS / f"{form}.json").read_text(encoding="utf-8")) | more
    target.write_text(json.dumps(content), encoding="utf-8")
    return target


@pytest.mark.parametrize(
    ("form", "more", "expected"),
    [
        ("md_1.3", {"info": {"format_version": "1.0", "detection_completion_time": "2021-03-31 10:00:00"}}, "stored"),
        ("md_1.3", {"info": {"format_version": "1.0", "detection_completion_time": "2021-05-01 10:00:00"}}, "upright"),
        ("md_1.3", {"info": 7}, "upright"),
        (
            "md_1.3",
            {"info": {"detector": "megadetector_v5"}, "detection_categories": {"0": "animal", "1": "animal"}},
            "",
        ),
    ],
)
def test_the_frame_of_a_turned_photo(photos: Path, tmp_path: Path, form: str, more: Any, expected: str) -> None:
    found = seen(catalogue_of_detections(read_detections(changed(tmp_path / "d.json", form, **more), 0.2), photos))
    of_frame = {"stored": (672, 512, 480, 640), "upright": BOXES[TURNED], "": "may fit it upright or as stored"}
    check(found, {TALA: BOXES[TALA], TURNED: of_frame[expected]})


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1536, 2048), BOXES[TURNED]),
        ((768, 1024), BOXES[TURNED]),  # the detector saw a smaller copy
        ((2048, 1536), (672, 512, 480, 640)),  # it saw the photo as stored
        ((1000, 1000), "the detector saw 1000 x 1000 pixels, and the photo has 1536 x 2048"),
    ],
)
def test_the_size_that_the_detector_saw(photos: Path, tmp_path: Path, size: tuple[int, int], expected: Any) -> None:
    box = {"category": "1", "conf": 0.9, "bbox": [0.25, 0.25, 0.3125, 0.3125]}
    images = [{"file": TURNED, "width": size[0], "height": size[1], "detections": [box]}]
    images.append({"file": TALA, "detections": [box]})
    source = changed(tmp_path / "d.json", "md_1.6_speciesnet", images=images)
    check(seen(catalogue_of_detections(read_detections(source, 0.2), photos)), {TALA: BOXES[TALA], TURNED: expected})


def test_the_confidence_of_a_species_is_not_that_of_the_detector(photos: Path, tmp_path: Path) -> None:
    box = {"category": "4", "conf": 0.99, "bbox": [0.25, 0.25, 0.3125, 0.3125], "prev_conf": 0.15, "prev_category": "1"}
    images = [{"file": TALA, "detections": [box]}, {"file": OTHER, "detections": [box | {"category": "2"}]}]
    source = changed(tmp_path / "d.json", "addaxai6_image_recognition_file", images=images)
    check(
        seen(catalogue_of_detections(read_detections(source, 0.1), photos)),
        {TALA: BOXES[TALA], OTHER: "only person (1)"},
    )
    with pytest.raises(UserError, match=r"the surest has 0\.15"):
        catalogue_of_detections(read_detections(source, 0.2), photos)


@pytest.mark.parametrize(
    ("form", "more", "reason"),
    [
        ("pw_detection", {"categories": None}, "no names in categories say which boxes are animals; write it again"),
        ("pw_detection_timelapse", {"detection_categories": None}, "no names in detection_categories say which boxes"),
        ("pw_detection", {"categories": {"0": "deer"}}, "no detection called animal, only deer"),
    ],
)
def test_boxes_that_nothing_calls_animals(photos: Path, tmp_path: Path, form: str, more: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        catalogue_of_detections(read_detections(changed(tmp_path / "d.json", form, **more), 0.2), photos)


@pytest.mark.parametrize(
    ("form", "entry", "reason"),
    [
        (
            "pw_detection",
            {"img_id": f"./demo/{TURNED}", "bbox": [[1, 2, 3, 4]]},
            "gave no boxes: its lists differ in length",
        ),
        ("pw_detection", {"img_id": 7}, r"left out: Expected `str`, got `int`"),
        (
            "pw_detection",
            {"img_id": f"./demo/{TURNED}", "bbox": [[9, 9, 3, 4]], "category": [0], "confidence": [1]},
            "none of its",
        ),
        ("ms_megadetector_cli", {"file": TURNED, "detections": None, "failure": "damaged"}, "gave no boxes: damaged"),
        ("ms_megadetector_cli", {"file": "a.avi", "detections": []}, "extract frames"),
        ("speciesnet_detector_only", {"filepath": TURNED, "detections": ["x"]}, "none of its detections can be used"),
        ("speciesnet_detector_only", {"filepath": TURNED, "classifications": {}}, "no list detections"),
        ("speciesnet_detector_only", "x", r"left out: Expected `str`, got `null` - at `\$.file`"),
    ],
)
def test_malformed_entries_of_other_forms(photos: Path, tmp_path: Path, form: str, entry: Any, reason: str) -> None:
    content = json.loads((FORMS / f"{form}.json").read_text(encoding="utf-8"))
    entries = content if isinstance(content, list) else content.get("annotations", content.get("predictions"))
    entries[:] = [entries[0], entry]
    (tmp_path / "d.json").write_text(json.dumps(content), encoding="utf-8")
    shutil.copytree(photos, tmp_path / "images")
    catalogue = catalogue_of_detections(read_detections(tmp_path / "d.json", 0.2), tmp_path / "images")
    check(seen(catalogue), {TALA: BOXES[TALA]})
    assert catalogue.problems["reason"].str.contains(reason).sum() == 1


@pytest.mark.parametrize("name", ["person ", "Human", "vehicle ", "Blank", "empty"])
def test_what_the_classifier_called_no_animal_is_none(photos: Path, tmp_path: Path, name: str) -> None:
    categories = {"2": "person", "4": name, "1": "unidentified animal"}
    source = changed(tmp_path / "d.json", "addaxai6_image_recognition_file", detection_categories=categories)
    found = seen(catalogue_of_detections(read_detections(source, 0.2), photos))
    check(found, {TURNED: BOXES[TURNED], OTHER: name.strip().casefold()})


def test_corners_are_refused_as_sizes(tmp_path: Path) -> None:
    corners = [{"category": "1", "conf": 0.9, "bbox": box} for box in ([0.25, 0.25, 0.5, 0.5], [0.6, 0.5, 0.9, 0.8])]
    source = changed(tmp_path / "d.json", "md_1.3", images=[{"file": TALA, "detections": corners}])
    with pytest.raises(UserError, match=r"boxes such as \[0\.6, 0\.5, 0\.9, 0\.8\] are corners"):
        read_detections(source, 0.2)


def test_boxes_in_pixels_of_larger_photos_are_refused(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "small")
    Image.new("L", (1024, 768)).save(tmp_path / "small" / TALA, format="JPEG")
    with pytest.raises(
        UserError, match=r"RCNX0012\.JPG: a box in pixels leaves the photo of 1024 x 768; were photos m"
    ):
        catalogue_of_detections(read_detections(FORMS / "pw_detection.json", 0.2), tmp_path / "small")


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
def test_a_table_is_no_json(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match="boxes are read from the JSON that a detector writes"):
        read_detections(tmp_path / f"md_converted{suffix}", 0.2)
