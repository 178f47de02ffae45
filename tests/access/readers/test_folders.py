import os
import sys
import unicodedata
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tests.helpers.label_files import fill, listed
from wildtrack.access.readers.folders import natural_key, read_folders
from wildtrack.errors import UserError


def test_folder_per_identity(tmp_path: Path) -> None:
    catalogue = read_folders(fill(tmp_path, "t10/b 2.JPG", "t10/b 10.png", "t2/ä.webp", "Unknown/x.jpg"))
    assert catalogue.table.to_dict("list") == {
        "image_id": ["t2/ä.webp", "t10/b 2.JPG", "t10/b 10.png", "Unknown/x.jpg"],
        "identity": ["t2", "t10", "t10", "unknown"],
        "path": ["t2/ä.webp", "t10/b 2.JPG", "t10/b 10.png", "Unknown/x.jpg"],
    }
    assert catalogue.problems.empty
    assert catalogue.understood == "a folder per identity: 4 photos of 2 identities (1 photo unlabelled)"


def test_split_folders(tmp_path: Path) -> None:
    catalogue = read_folders(fill(tmp_path, "Train/t1/a.jpg", "val/t1/b.jpg", "query/t1/c.jpg", "gallery/t1/d.jpg"))
    subsets = dict(zip(catalogue.table["path"].str[0], catalogue.table["split"], strict=True))
    assert subsets == {"T": "train", "v": "valid", "q": "test", "g": "train"}
    assert "in gallery and query and Train and val: 4 photos of 1 identity" in catalogue.understood


def test_decomposed_folder_name_is_the_same_identity(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "zoë")
    catalogue = read_folders(fill(tmp_path, f"{decomposed}/a.jpg"))
    assert catalogue.table["identity"].tolist() == ["zoë"]
    assert catalogue.table["path"].tolist() == [f"{decomposed}/a.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="names do not end with a space there")
def test_spaces_at_the_ends_of_names(tmp_path: Path) -> None:
    catalogue = read_folders(fill(tmp_path, " t1/a.jpg", "t1/a.jpg", "t1 /a.jpg"))
    assert catalogue.problems.empty
    assert catalogue.table["identity"].tolist() == ["t1"] * 3
    assert catalogue.table["path"].tolist() == catalogue.table["image_id"].tolist()
    assert set(catalogue.table["path"]) == {" t1/a.jpg", "t1/a.jpg", "t1 /a.jpg"}


@pytest.mark.parametrize(
    "ignored",
    [
        *(".DS_Store", ".git/x/a.jpg", "__MACOSX/t1/._a.jpg", "t1/Thumbs.db", "desktop.ini"),
        *("t1/.a.jpg", "t1/notes.txt", "t1/deep/a.txt"),
    ],
)
def test_what_is_passed_over(tmp_path: Path, ignored: str) -> None:
    catalogue = read_folders(fill(tmp_path, "t1/a.jpg", ignored))
    assert catalogue.table["path"].tolist() == ["t1/a.jpg"]
    assert catalogue.problems.empty


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("t1/scan.TIF", "t1/scan.TIF", "JPEG copy"),
        ("t1/raw.cr2", "t1/raw.cr2", "raw camera file"),
        ("t1/film.MP4", "t1/film.MP4", ".mp4 is a video: export frames of it as JPEG"),
        ("t1/clips/film.mov", "t1/clips/film.mov", ".mov is a video"),
        ("t2/film.avi", "t2/film.avi", ".avi is a video"),
        ("loose.jpg", "loose.jpg", "not in an identity folder"),
        ("loose.mp4", "loose.mp4", ".mp4 is a video"),
        ("loose.tif", "loose.tif", "JPEG copy"),
        ("train/loose.jpg", "train/loose.jpg", "not in an identity folder"),
        ("photos.zip", "photos.zip", "an archive: unpack it if there are photos in it"),
        ("t1/.IMG_1.JPG.icloud", "t1/.IMG_1.JPG.icloud", "in iCloud only: download it first"),
        ("t2/", "t2", "no photos in this identity folder"),
        ("t2/notes.txt", "t2", "no photos in this identity folder"),
    ],
)
def test_what_is_listed(tmp_path: Path, name: str, path: str, reason: str) -> None:
    good = "train/t1/a.jpg" if name.startswith("train/") else "t1/a.jpg"
    catalogue = read_folders(fill(tmp_path, good, name))
    assert catalogue.table["path"].tolist() == [good]
    assert list(listed(catalogue)) == [path]
    assert reason in listed(catalogue)[path]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no photo in a folder of its identity; expected"),
        (["a.jpg", "b.jpg"], "the first of 2 problems: a.jpg: not in an identity folder; is this the folder of one"),
        (["t1/", "t2/"], "first of 2 problems: t1: no photos"),
        (["t1/a.tif"], "t1/a.tif: .tif photos are not read"),
        (["train/a.jpg"], "train/a.jpg: not in an identity folder; expected"),
        (["train/"], "no photo in a folder"),
        (["train/t1/a.jpg", "t2/a.jpg"], "train/ reads as a split and t2/ beside it as an identity; expected"),
        (["2019/t1/a.jpg"], "2019/t1/a.jpg is a level too deep; expected"),
        (
            ["train/t1/left/a.jpg"],
            "train/t1/left/a.jpg is .* If train/t1 is an animal, move its photos up into train/t1/",
        ),
        (["t1/a.jpg", "t1/x/y/z/b.tif"], "t1/x/y/z/b.tif is a level too deep"),
    ],
)
def test_layouts_that_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_folders(fill(tmp_path, *names))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("this system does not let us make links")


@pytest.mark.parametrize("place", ["loop", "t1/loop"])
def test_links_in_a_loop_end(tmp_path: Path, place: str) -> None:
    fill(tmp_path, "t1/a.jpg")
    link(tmp_path / "t1" / "b.jpg", tmp_path / "t1" / "b.jpg")
    assert list(listed(read_folders(tmp_path))) == ["t1/b.jpg"]
    link(tmp_path / place, tmp_path)
    catalogue = read_folders(tmp_path)
    assert catalogue.table["path"].tolist() == ["t1/a.jpg"]
    assert "a link to a folder that is read already: 1 (loop)" in catalogue.understood


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ("sets", "move its photos up into zebras/; if it holds a folder per animal, give {}/zebras"),
        ("sets/zebras", "or name each photo's animal in {}/catalogue.csv, columns image_id, identity, path"),
        ("sets/zebras/z1/day 1", "is this the folder of one animal? give the folder above, {}/../;"),
    ],
)
def test_the_folder_to_give_is_named(tmp_path: Path, data: str, advice: str) -> None:
    given = fill(tmp_path, "sets/zebras/z1/day 1/a.jpg") / data
    with pytest.raises(UserError) as caught:
        read_folders(given)
    expected = advice.replace("{}/../", str(given.parent)).replace("{}/", f"{given}{os.sep}")
    assert expected in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names in Unicode")
def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    fill(tmp_path, "t1/a.jpg", os.fsdecode(b"t1/caf\xe9.jpg"), os.fsdecode(b"caf\xe9/a.jpg"), "caf?/a.jpg")
    catalogue = read_folders(tmp_path)
    assert catalogue.table["path"].tolist() == ["caf?/a.jpg", "t1/a.jpg"]
    reason = "file name is not valid Unicode; rename it"
    assert catalogue.problems.values.tolist() == [["caf?/a.jpg", reason], ["t1/caf?.jpg", reason]]


def test_exif_fills_columns(tmp_path: Path) -> None:
    fill(tmp_path, "t1/", "t1/damaged.jpg")
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2021:06:01 10:11:12"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (37.0, 30.0, 0.0), 3: "E", 4: (20.0, 0.0, 0.0)})
    Image.new("RGB", (4, 4)).save(tmp_path / "t1/dated.jpg", exif=exif)
    Image.new("RGB", (4, 4)).save(tmp_path / "t1/plain.jpg")
    table = read_folders(tmp_path).table
    assert table["path"].tolist() == ["t1/damaged.jpg", "t1/dated.jpg", "t1/plain.jpg"]
    for column, expected in {"date": "2021-06-01T10:11:12", "latitude": -37.5, "longitude": 20.0}.items():
        assert table[column].isna().tolist() == [True, False, True]
        assert table[column][1] == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["t10", "t2", "T1"], ["T1", "t2", "t10"]),
        (["b", "2", "a1b10", "a1b9", "10", "a"], ["2", "10", "a", "a1b9", "a1b10", "b"]),
        (["a1", "a01"], ["a01", "a1"]),
    ],
)
def test_numbers_in_names_are_sorted_as_numbers(names: list[str], expected: list[str]) -> None:
    assert sorted(names, key=natural_key) == expected
