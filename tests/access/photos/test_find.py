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
    ("names", "found"),
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
def test_find_photos(photos: Path, names: list[str], found: list[str]) -> None:
    assert [path.as_posix() for path in find_photos(names)] == found


@pytest.mark.parametrize(("name", "reason"), [("gone.jpg", "not exist"), ("*.bmp", "not exist"), ("empty", "no photo")])
def test_a_name_that_leads_to_no_photo_is_refused(photos: Path, name: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        find_photos(["b.jpg", name])
    assert repr(name) in str(error.value)
