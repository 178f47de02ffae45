from pathlib import Path

import pytest

from wildtrack.access.photos.find import find_photos
from wildtrack.errors import UserError


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "a.png", "notes.txt", "deep/er/c.JPG", "deep/d.webp", "empty/x.txt", "[1].jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], []),
        (["b.jpg"], ["b.jpg"]),
        (["notes.txt"], ["notes.txt"]),  # whatever its name: the reader decides
        (["[1].jpg"], ["[1].jpg"]),  # a file before a pattern
        (["deep"], ["deep/d.webp", "deep/er/c.JPG"]),
        (["?.*"], ["a.png", "b.jpg"]),
        (["**/*.webp", "deep", "b.jpg", "b.jpg"], ["deep/d.webp", "deep/er/c.JPG", "b.jpg"]),
    ],
)
def test_find_photos(photos: Path, asked: list[str], found: list[str]) -> None:
    assert [path.as_posix() for path in find_photos(asked)] == found


@pytest.mark.parametrize(
    ("asked", "reason"), [("gone.jpg", "does not exist"), ("*.bmp", "does not exist"), ("empty", "is no photo")]
)
def test_what_leads_to_no_photo_is_named(photos: Path, asked: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        find_photos(["b.jpg", asked])
    assert repr(asked) in str(error.value)
