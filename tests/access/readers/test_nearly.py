"""Folders that are nearly a known layout: read as what they are, pointed out, or refused with the flag that decides."""

import json
from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, coco, fill, listed, write
from tests.helpers.layouts import wildme_annotation, wildme_image
from wildtrack.access.readers.folder_names import is_nearly_subset, not_animals
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import ReadConfig
from wildtrack.errors import UserError

ANIMALS = ReadConfig(folders="animals")
TWO = ("Ana/1.jpg", "Ana/2.jpg", "Bo/1.jpg")
DETECTED = {"images": [{"file": "Ana/1.jpg", "detections": []}], "detection_categories": {"1": "animal"}}
LABEL_STUDIO = [{"data": {"image": f"/data/upload/{name}"}, "note": ""} for name in ("1.jpg", "2.jpg")]
SPECIES_ONLY = coco() | {"images": [{"id": "a", "file_name": "Ana/1.jpg"}, {"id": "b", "file_name": "Ana/2.jpg"}]}


@pytest.mark.parametrize("given", [".", "coco"])
@pytest.mark.parametrize("place", ["coco/annotations/instances.json", "coco/annotations/instances_default.json"])
def test_a_wildbook_export_is_read_from_its_file(tmp_path: Path, given: str, place: str) -> None:
    fill(tmp_path, "coco/images/000000000001.jpg", "coco/images/000000000002.jpg")
    animals = [wildme_annotation(1, 1, name="Tala"), wildme_annotation(2, 2, name="Zuri")]
    write(tmp_path / place, {"images": [wildme_image(1), wildme_image(2)], "annotations": animals, "categories": []})
    assert load_catalogue(tmp_path / given).table["identity"].tolist() == ["Tala", "Zuri"]


@pytest.mark.parametrize(
    ("folders", "kind"),
    [
        (["camA", "camB"], "cameras or places"),
        (["Camera 1", "Camera 2", "Ana"], "cameras or places"),
        (["station_07", "station_09"], "cameras or places"),
        (["trap5_north", "trap6_south"], "cameras or places"),
        (["100MEDIA", "101MEDIA"], "card folders"),
        (["Ana", "Bo", "100RECNX"], "card folders"),
        (["100EK113", "101EK113"], "card folders"),
        (["Ana", "DCIM"], "kinds of files"),
        (["2023-05-01", "2023-05-02"], "dates"),
        (["Ana", "01.05.2023"], "dates"),
        (["2019", "2020"], "years or days"),
        (["20230501", "20230502"], "years or days"),
        (["day 1", "day 2"], "times"),
        (["images"], "kinds of files"),
        (["animals", "crops"], "kinds of files"),
        (["New photos", "JPEGImages"], "kinds of files"),
        (["CT01", "CT02"], "cameras or places"),
        (["Cam-Nord", "Cam-Süd"], "cameras or places"),
        (["CAM_A1", "CAM_B4"], "cameras or places"),
        (["Wildkamera 5", "cámara 3", "caméra 2"], "cameras or places"),
        (["fotopułapka 1", "фотоловушка 2", "Fotofalle 3"], "cameras or places"),
        (["Bushnell_1", "RECONYX-5", "SD2"], "cameras or places"),
        (["101D3100", "102_0523"], "card folders"),
        (["24-05-31", "24-06-01"], "times"),
        (["2023_Q3", "Mai 2023", "may_2023", "1 May 2024", "2023-W05", "Sommer 2023"], "times"),
        (["Woche 3", "Trip 4", "Year1", "2019-2020", "wet season"], "times"),
        (["2022-23", "2023-24"], "times"),
        (["Monday", "Dienstag", "Miércoles"], "months, weekdays or seasons"),
        (["links", "Right flank", "head"], "viewpoints"),
        (["deer", "Fuchs", "badgers"], "species"),
        (["left", "right"], "viewpoints, parts, sexes or ages"),
        (["male", "adult_female"], "viewpoints, parts, sexes or ages"),
        (["trainset", "testset"], "subsets"),
        (["bounding_box_train", "bounding_box_test"], "subsets"),
        (["Ana", "results"], "WildTrack's own folders"),
    ],
)
def test_folders_that_are_not_called_like_animals(tmp_path: Path, folders: list[str], kind: str) -> None:
    fill(tmp_path, *(f"{folder}/1.jpg" for folder in folders))
    with pytest.raises(
        UserError, match=f"called like .*{kind}.*, not like animals.* --folders animals; if not"
    ) as error:
        load_catalogue(tmp_path)
    assert "\n" not in str(error.value)
    assert set(load_catalogue(tmp_path, config=ANIMALS).table["identity"]) == set(folders)


@pytest.mark.parametrize(
    "folders",
    [
        ["7", "012", "998230000006455"],
        ["z1", "nyala_001", "cow002", "os0001"],
        ["animal_01", "animal_02", "animal 3", "id_7", "tag 12"],
        ["Camel", "Camilla", "Camomile", "Stationmaster"],
        ["20230599", "20231301", "18450101"],
        ["Dev", "Tester", "Trainer", "Valentina", "Queryna"],
        ["A", "B", "C12", "M1", "F2"],
        ["Lockie", "Diana", "Dayna", "Campo", "Cami", "Karta"],
        ["Maria 2019", "Julia 2020", "2019_M3", "M001_2019"],
        ["1990", "2001", "345"],
        ["Cam", "Site Bertha", "Ct", "Right Ear Torn", "Fallon"],
    ],
)
def test_ordinary_names_of_animals(tmp_path: Path, folders: list[str]) -> None:
    catalogue = load_catalogue(fill(tmp_path, *(f"{folder}/1.jpg" for folder in folders)))
    assert set(catalogue.table["identity"]) == set(folders)
    assert "\n" not in catalogue.understood


def test_folders_that_the_user_calls_animals_or_nobodys(tmp_path: Path) -> None:
    fill(tmp_path, "CT01/1.jpg", "CT02/1.jpg", "Ana/1.jpg")
    assert set(load_catalogue(tmp_path, config=ReadConfig(animals=("CT*",))).table["identity"]) == {
        "CT01",
        "CT02",
        "Ana",
    }
    assert set(load_catalogue(tmp_path, config=ReadConfig(nobody=("CT*",))).table["identity"]) == {"unknown", "Ana"}
    fill(tmp_path, "empty/1.jpg", "NA/1.jpg")  # nobody's folders are not counted
    with pytest.raises(UserError, match="2 of 3 folders called like cameras or places"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize("name", ["CamA", "2019", "day 3"])
def test_one_odd_name_among_animals_is_said(tmp_path: Path, name: str) -> None:
    catalogue = load_catalogue(fill(tmp_path, *TWO, f"{name}/1.jpg"))
    assert name in set(catalogue.table["identity"])
    assert f"1 of 3 folders called like {not_animals([name])[0]} ({name}), and taken for anim" in catalogue.understood  # type: ignore[index]


@pytest.mark.parametrize(
    ("folders", "is_said"),
    [
        (["Revier 3", "Revier 4"], True),
        (["DSC_0001", "DSC_0002"], True),
        (["photos_partA", "photos_partB"], True),
        (["Beach A", "Beach B"], True),
        (["Tiger_05", "Tiger_06"], False),
        (["Old bear 1", "Old bear 2"], False),
        (["Collar 5", "Collar 7"], False),
        (["AB 5", "AB 7"], False),
        (["Beach A", "Ana"], False),
    ],
)
def test_a_series_that_is_perhaps_none_of_animals_is_said(tmp_path: Path, folders: list[str], is_said: bool) -> None:
    catalogue = load_catalogue(fill(tmp_path, *(f"{folder}/1.jpg" for folder in folders)))
    assert set(catalogue.table["identity"]) == set(folders)
    said = (
        f"2 of 2 folders called like parts of a series ({', '.join(folders)}), and taken for animals (if one is none:"
    )
    assert (said in catalogue.understood) == is_said


@pytest.mark.parametrize("name", ["train_all", "Test set", "query2", "multi-query", "trainset", "image_train"])
def test_words_that_are_nearly_a_subset(tmp_path: Path, name: str) -> None:
    assert is_nearly_subset(name)
    fill(tmp_path, "train/Ana/1.jpg", "query/Ana/2.jpg", f"{name}/Ana/3.jpg")
    with pytest.raises(UserError, match=f"{name}/ is nearly the name of a split; expected .*--folders animals"):
        load_catalogue(tmp_path)


def test_an_animal_called_train(tmp_path: Path) -> None:
    fill(tmp_path, "Train/1.jpg", "Ana/1.jpg")
    with pytest.raises(UserError, match=r"Train/ reads as a split and Ana/ beside it .*--folders animals"):
        load_catalogue(tmp_path)
    catalogue = load_catalogue(tmp_path, config=ANIMALS)
    assert set(catalogue.table["identity"]) == {"Train", "Ana"} and "split" not in catalogue.table


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.csv", "file,individual\nAna/1.jpg,X\nAna/2.jpg,Y\n", "labels.csv names photos .* a column individual"),
        ("happywhale.csv", "Image,Id\n1.jpg,w_1\n2.jpg,w_2\n", "happywhale.csv names photos .* a column Id"),
        ("labels.csv", f"{HEADER}1,X,Ana/1.jpg\n", "labels.csv beside the photos is a catalogue; give it"),
        ("deep/er/labels.csv", f"{HEADER}1,X,../../Ana/1.jpg\n", "deep/er/labels.csv beside the photos is a catalogue"),
        ("project.json", json.dumps(LABEL_STUDIO), "project.json names photos of this folder"),
        ("export/coco.json", json.dumps(SPECIES_ONLY), "export/coco.json names photos of this folder"),
        ("annotations.json", json.dumps(SPECIES_ONLY), "no annotation names an individual"),
        ("annotations.json", "[]", "not a COCO file"),
        ("cvat.xml", '<image name="Ana/1.jpg"/><image name="Ana/2.jpg"/>', "cvat.xml names photos of this folder"),
    ],
)
def test_annotations_beside_folders_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    fill(tmp_path, *TWO, name)
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=f"{message}.*--folders animals") as error:
        load_catalogue(tmp_path)
    assert "\n" not in str(error.value)
    assert load_catalogue(tmp_path, config=ANIMALS).table["identity"].tolist() == ["Ana", "Ana", "Bo"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "detections.json",
            json.dumps(DETECTED),
            "detections.json holds boxes of a detector (python access_dataset.py --",
        ),
        ("times.csv", "file,time\nAna/1.jpg,12\nAna/2.jpg,13\n", "times.csv names photos and is not read"),
        ("labels.xlsx", "PK", "labels.xlsx is not read: save it as CSV UTF-8"),
        ("weather.csv", "day,name\n1,Ana\n", None),
        ("empty.csv", "", None),
        ("settings.json", '{"name": "Ana"}', None),
        (
            "Ana/1.jpg.json",
            '{"title": "1.jpg"}',
            "files with the names of photos are not read: 1, such as Ana/1.jpg.",
        ),
        ("Ana/1.xml", "<annotation/>", "files with the names of photos are not read: 1, such as Ana/1.xml"),
        ("Ana/1.txt", "0 0.5 0.5 0.25 0.25", "files with the names of photos are not read: 1, such as Ana/1.txt"),
        ("Ana/2.txt", "1 male, seen twice", None),
    ],
)
def test_files_beside_folders_that_do_not_matter(tmp_path: Path, name: str, content: str, said: str | None) -> None:
    fill(tmp_path, *TWO, name)
    (tmp_path / name).write_text(content)
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table["identity"].tolist() == ["Ana", "Ana", "Bo"]
    _, *more = catalogue.understood.splitlines()
    assert more == [f"passed over: no photo: 1 ({Path(name).suffix})"] if said is None else said in more[0]


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize(
    "files",
    [
        {"results": ["metrics.json", "tsne.png"], "artifacts": ["model_config.yaml", "x.png"]},
        {"my model": ["preprocessor.pkl", "a.jpg"], "seen": ["sightings.sqlite", "photos/1.jpg"]},
        {"exports": ["csv_problems.csv", "csv/catalogue.csv", "csv/photos/1.jpg"], "results": ["statistics.json"]},
    ],
)
def test_our_own_output_is_never_photos(tmp_path: Path, files: dict[str, list[str]], flag: bool) -> None:
    fill(tmp_path, *TWO, *(f"{folder}/{name}" for folder, names in files.items() for name in names))
    catalogue = load_catalogue(tmp_path, config=ANIMALS if flag else ReadConfig())
    assert set(catalogue.table["identity"]) == {"Ana", "Bo"} and catalogue.problems.empty
    assert f"WildTrack's own output: 2 ({', '.join(sorted(files, key=str.lower))})" in catalogue.understood


def test_unsorted_photos_are_told_what_can_be_done(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.jpg")
    with pytest.raises(
        UserError, match=r"--unlabelled lists them in a catalogue\.csv .*search\.py .* expected IDENTITY"
    ):
        load_catalogue(tmp_path)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    left = ("Ana/@eaDir/1.jpg/THUMB.jpg", "#recycle/Ana/1.jpg", "Ana/._1.jpg", ".git/x")
    catalogue = load_catalogue(
        fill(tmp_path, *TWO, *left, "Ana/.DS_Store", "Ana/x.NEF", "Ana/clip.MOV", "Bo/notes.txt")
    )
    assert catalogue.table["path"].tolist() == list(TWO)
    for said in ("files of the system: 3 (#recycle, ", "hidden: 1 (.git)", "no photo: 1 (.txt)"):
        assert said in catalogue.understood
    assert list(listed(catalogue)) == ["Ana/clip.MOV", "Ana/x.NEF"]
