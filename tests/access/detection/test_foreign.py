"""Files that are given for labels: those that no reader reads are named, with what to do; the others are left alone."""

import shutil
from pathlib import Path

import pytest

from wildtrack.access.detection.foreign import foreign_labels

FORMS = Path(__file__).parent / "forms"
COCO = "in CVAT, export the task as COCO 1.0"
BOXES = "the boxes of a detector, which name no animal; wildtrack access --root PHOTOS --boxes"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("cvat_coco.json", None),
        ("cvat_images.xml", COCO),
        ("cvat_datumaro.json", COCO),
        ("labelstudio.json", "Label Studio, which is not read"),
        ("labelstudio_min.json", "Label Studio, which is not read"),
        ("camtrap_dp.json", "from observations.csv and media.csv"),
        *((f"{form}.json", BOXES) for form in ("md_1.0_local", "md_1.6_speciesnet", "speciesnet_ensemble_predictions")),
        *((f"{form}.json", BOXES) for form in ("pw_detection", "ms_megadetector_cli", "addaxai7_addaxai-recognitions")),
        ("catalogue.csv", None),
    ],
)
def test_what_no_reader_reads_is_named(form: str, expected: str | None) -> None:
    found = foreign_labels(FORMS / form)
    assert found is None if expected is None else found is not None and expected in found


@pytest.mark.parametrize("text", ["{", "[]", "7", "{}", '{"images": 7, "annotations": 7}'])
def test_what_is_not_known_is_left_to_the_readers(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.json").write_text(text, encoding="utf-8")
    assert foreign_labels(tmp_path / "labels.json") is None
    (tmp_path / "labels.xml").write_text("<annotation/>", encoding="utf-8")
    assert foreign_labels(tmp_path / "labels.xml") is None


@pytest.mark.parametrize(
    ("form", "place", "expected"),
    [
        ("camtrap_dp.json", "datapackage.json", "a Camtrap DP package"),
        ("cvat_images.xml", "annotations.xml", "an export of CVAT as XML"),
        ("cvat_datumaro.json", "annotations/default.json", "an export of CVAT as Datumaro"),
        ("cvat_coco.json", "annotations/instances_default.json", None),
    ],
)
def test_a_folder_of_such_files(tmp_path: Path, form: str, place: str, expected: str | None) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    shutil.copy(FORMS / form, tmp_path / place)
    found = foreign_labels(tmp_path)
    assert found is None if expected is None else found is not None and f"{tmp_path / place}: {expected}" in found
