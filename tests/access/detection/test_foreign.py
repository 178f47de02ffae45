"""Files that are given for labels: those that no reader reads are named, with what to do; the others are left alone."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from wildtrack.access.detection.foreign import foreign_labels
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError

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


@pytest.mark.parametrize(
    ("form", "place", "data", "reason"),
    [
        ("md_1.6_speciesnet.json", "d.json", "d.json", BOXES),
        ("pw_detection.json", "annotations.json", "", BOXES),  # where a COCO file would lie
        ("labelstudio.json", "project-3.json", "project-3.json", "Label Studio, which is not read"),
        ("camtrap_dp.json", "datapackage.json", "", "a Camtrap DP package"),
        ("cvat_images.xml", "annotations.xml", "annotations.xml", COCO),
        ("cvat_images.xml", "annotations.xml", "", COCO),
        ("cvat_datumaro.json", "annotations/default.json", "", COCO),
        ("cvat_coco.json", "annotations/instances_default.json", "", None),
    ],
)
def test_labels_of_other_programs_beside_photos(
    tmp_path: Path, form: str, place: str, data: str, reason: str | None
) -> None:
    for name in ("images/station_07/RCNX0012.JPG", "images/station_07/RCNX0013.JPG", "images/station_12/RCNX0012.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("L", (1536, 2048) if name.endswith("3.JPG") else (2048, 1536)).save(tmp_path / name, format="JPEG")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    shutil.copy(FORMS / form, tmp_path / place)
    if reason is None:
        table = load_catalogue(tmp_path / data).table
        assert table.loc[table["identity"] == "Tala", "bbox"].tolist() == [(512, 384, 640, 480), (384, 512, 480, 640)]
    else:
        with pytest.raises(UserError, match=f"^.*: .*{reason}") as error:
            load_catalogue(tmp_path / data)
        assert "\n" not in str(error.value)


def test_a_catalogue_beside_such_a_file_is_read(tmp_path: Path) -> None:
    shutil.copy(FORMS / "camtrap_dp.json", tmp_path / "datapackage.json")
    Image.new("L", (8, 8)).save(tmp_path / "1.jpg")
    (tmp_path / "catalogue.csv").write_text("image_id,identity,path\n1,Tala,1.jpg\n", encoding="utf-8")
    assert load_catalogue(tmp_path).table["identity"].tolist() == ["Tala"]
