import os
from pathlib import Path

import pytest

from wildtrack.access.photos.find import find_photos, walk
from wildtrack.access.photos.formats import HAS_HEIF
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


JPEG, HEIC, MP4 = b"\xff\xd8\xff\xe0........", b"\0\0\0\x18ftypheic....", b"\0\0\0\x18ftypisom...."


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        *(
            ("a.jpg", b"", None),
            ("a.JFIF", b"", None),
            ("a.jpe", b"", None),
            ("a.PNG", b"", None),
        ),  # by name: not opened
        *(("a", JPEG, None), ("IMG_1.dat", JPEG, None), ("scan.tif", JPEG, None), ("1.jpg.download", JPEG, None)),
        *(("a.HIF", HEIC, None if HAS_HEIF else "pillow-heif"), ("a", HEIC, None if HAS_HEIF else "pillow-heif")),
        *(
            ("a.NEF", b"II*\0", "raw camera file"),
            ("a.rw2", b"IIU\0", "raw"),
            ("a", b"FUJIFILMCCD-", "raw camera file"),
        ),
        *(("a.tif", b"II*\0", "JPEG copy"), ("a", b"GIF89a......", "JPEG copy"), ("a.gpr", b"II*\0", "raw")),
        *(
            ("a.MP4", b"", "a video"),
            ("a.LRV", MP4, "a video"),
            ("clip", MP4, "a video"),
            ("c", b"RIFF....AVI ", "a video"),
        ),
        *(("a.txt", b"words of mine", "no photo"), ("a.xmp", b"<x>", "no photo"), ("a", b"", "no photo")),
        *(("a.THM", JPEG, "a thumbnail"), ("a.jpg_original", JPEG, "earlier copy"), ("a.jpg~", JPEG, "earlier copy")),
    ],
)
def test_what_is_a_photo(tmp_path: Path, name: str, content: bytes, reason: str | None) -> None:
    (tmp_path / name).write_bytes(content)
    found = walk(tmp_path)
    assert found.photos == ([name] if reason is None else [])
    left_out = dict(found.problems + found.passed_over)
    assert left_out == {} if reason is None else reason in left_out[name]
    assert reason is None or "no photo" in left_out[name] or found.problems


@pytest.mark.parametrize(
    "name",
    [
        *("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "#recycle/a.jpg", "$RECYCLE.BIN/S-1/a.jpg", ".Trash-1000/files/a.jpg"),
        *(
            "deep/@eaDir/x.jpg",
            ".@__thumb/a.jpg",
            "@Recycle/a.jpg",
            "System Volume Information/a.jpg",
            ".thumbnails/a.jpg",
        ),
        *("._a.jpg", ".hidden.jpg", "__MACOSX/._a.jpg", "lost+found/a.jpg", ".ipynb_checkpoints/a.jpg"),
    ],
)
def test_bins_and_thumbnails_are_passed_over(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (name, "ours.jpg"):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).touch()
    found = walk(tmp_path)
    assert found.photos == ["ours.jpg"] and len(found.passed_over) == 1 and found.in_words().startswith("passed over: ")
    monkeypatch.chdir(tmp_path)
    for pattern in (".", "**/*.jpg"):
        assert [path.name for path in find_photos([pattern])] == ["ours.jpg"]


@pytest.mark.parametrize("name", ["#12", "@Ana", "Recycled plastic", "Trash", "$ash", "Thumb"])
def test_folders_that_only_look_like_the_systems(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "a.jpg").touch()
    assert walk(tmp_path).photos == [f"{name}/a.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_once(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for folder in (root / "Ana", elsewhere / "Bo"):
        folder.mkdir(parents=True)
        (folder / "1.jpg").touch()
    links = {
        "0 loop": root,
        "1 again": root / "Ana",
        "2 Bo": elsewhere / "Bo",
        "3 Bo": elsewhere / "Bo",
        "4 up": tmp_path,
    }
    for name, target in {**links, "5 gone": tmp_path / "gone", "one.jpg": elsewhere / "Bo/1.jpg"}.items():
        (root / name).symlink_to(target)
    found = walk(root)
    assert found.photos == ["2 Bo/1.jpg", "Ana/1.jpg", "one.jpg"]
    assert [path for path, _ in found.passed_over] == ["0 loop", "1 again", "3 Bo", "4 up"]
    assert found.problems == [("5 gone", "a link that leads nowhere")]


def test_what_a_search_leaves_out_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.jpg", "b.nef", "c.mov"):
        (tmp_path / name).touch()
    assert len(find_photos([str(tmp_path)])) == 1
    assert f"Left out in {tmp_path}: 2, the first: b.nef: .nef is a raw camera file" in caplog.text
