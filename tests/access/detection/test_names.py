"""File names of a detector: relative to the photos, or to another folder, on another computer, in another case."""

import unicodedata
from pathlib import Path

import pytest

from wildtrack.access.detection.names import relative_names
from wildtrack.access.photos.names import PhotoNames
from wildtrack.errors import UserError

PHOTOS = ["north/1.JPG", "north/2.JPG", "south/1.JPG"]


def meant(names: list[str], photos: list[str], root: Path, source: Path | None = None) -> tuple[list[str | None], str]:
    """The photo of each name, and what was left out of the names."""
    relative, shared = relative_names(names, photos, root, source or root.parent / "d.json")
    return PhotoNames(photos).find(relative), shared


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "traps/north").mkdir(parents=True)
    return tmp_path / "traps"


@pytest.mark.parametrize(
    ("prefix", "left_out"),
    [
        *[("", ""), ("./", ""), ("traps/", ""), ("../traps/", ""), ("work/Traps/", ""), ("D:\\ct\\traps\\", "")],
        *[("{root}/", ""), ("images/", "images"), ("/data/2024/", "/data/2024"), ("C:\\ct\\", "C:/ct")],
    ],
)
@pytest.mark.parametrize("case", [str, str.lower])
def test_names_that_begin_elsewhere(root: Path, prefix: str, left_out: str, case: type[str]) -> None:
    names = [prefix.format(root=root.as_posix()) + case(photo) for photo in PHOTOS]
    if "\\" in prefix:
        names = [name.replace("/", "\\") for name in names]
    assert meant(names, PHOTOS, root) == (PHOTOS, left_out)


def test_the_name_as_it_is_written_comes_before_other_cases(root: Path) -> None:
    photos = ["a/IMG.JPG", "a/img.jpg", "b/IMG.JPG", unicodedata.normalize("NFD", "ü/1.jpg")]
    names = ["a/img.jpg", "a/Img.jpg", "B/img.jpg", "Ü/1.JPG"]
    assert meant(names, photos, root)[0] == ["a/img.jpg", None, "b/IMG.JPG", photos[3]]


@pytest.mark.parametrize(
    ("names", "photos"),
    [
        (["1.JPG", "2.JPG"], PHOTOS),  # names without their folder
        (["old/1.JPG", "old/2.JPG"], ["1.JPG", "2.JPG", "3.JPG"]),  # every card has an IMG_0001
        (["old/north/1.JPG", "old/north/9.JPG"], PHOTOS),
        (["old/north/1.JPG", "2.JPG"], PHOTOS),
        (["old/1.JPG", "old/2.JPG", "old/3.JPG"], ["1.JPG", "2.JPG"]),
    ],
)
def test_names_in_doubt_mean_no_photo(root: Path, names: list[str], photos: list[str]) -> None:
    assert meant(names, photos, root) == ([None] * len(names), "")


def test_photos_may_have_been_removed_since(root: Path) -> None:
    names = [*(f"C:\\ct\\{photo}" for photo in PHOTOS), "C:\\ct\\west\\1.JPG"]
    assert meant(names, PHOTOS, root) == ([*PHOTOS, None], "C:/ct")


def test_bare_names_mean_the_photos_when_these_are_all_there_are(root: Path) -> None:
    assert meant(["old/1.JPG", "old/2.JPG"], ["1.JPG", "2.JPG"], root) == (["1.JPG", "2.JPG"], "old")


def test_photos_of_another_season_are_not_these(root: Path) -> None:
    (root.parent / "season 1").mkdir()
    names = [f"{(root.parent / 'season 1').as_posix()}/{photo}" for photo in PHOTOS]
    assert meant(names, PHOTOS, root) == ([None] * 3, "")


def test_names_relative_to_the_folder_of_their_file(root: Path) -> None:
    source = root / "north/image_recognition_file.json"
    assert meant(["1.JPG", "2.JPG"], PHOTOS, root, source) == (["north/1.JPG", "north/2.JPG"], "")
    assert meant(PHOTOS, PHOTOS, root, source) == (PHOTOS, "")
    with pytest.raises(UserError, match=r"its names fit photos in .*traps and in .*north; move it out of north"):
        relative_names(["1.JPG"], [*PHOTOS, "1.JPG"], root, source)


def test_one_folder_of_those_that_were_searched(root: Path) -> None:
    names = ["traps/1.JPG", "others/1.JPG", "traps/2.JPG"]
    assert meant(names, ["1.JPG", "2.JPG"], root) == (["1.JPG", None, "2.JPG"], "")
