import errno
import gzip
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.packing import make_archive, make_tar, make_zip, member
from wildtrack.access.download import archives
from wildtrack.access.download.archives import extract
from wildtrack.errors import UserError

FILES = {"set/a b/größe.jpg": b"photo" * 100_000, "set/empty.txt": b"", "set/annotations.json": b"{}"}
NOISE = np.random.default_rng(0).bytes(300_000)  # does not compress, so that cutting the archive cuts it

both_formats = pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])


def refused(source: Path, message: str) -> None:
    """Check that the archive is refused in one line that names it, and that nothing of it stays on disk."""
    around = set(source.parent.parent.rglob("*"))
    with pytest.raises(UserError, match=message) as caught:
        extract(source, source.parent / "unpacked")
    assert str(source) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert set(source.parent.parent.rglob("*")) == around


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for archives, of which one of a megabyte is large."""
    monkeypatch.setattr(archives, "SMALL_BYTES", 1_000_000)
    folder = tmp_path / "a place"
    folder.mkdir()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@both_formats
def test_unpack(place: Path, suffix: str) -> None:
    left = place / "deep/.unpacked.part/half.jpg"  # by a killed process
    left.parent.mkdir(parents=True)
    left.touch()
    extract(make_archive(place / f"x{suffix}", FILES), place / "deep/unpacked")
    assert contents(place / "deep") == {f"unpacked/{name}": content for name, content in FILES.items()}


def test_folders_in_archives(place: Path) -> None:
    folders = [(member(name, type=tarfile.DIRTYPE), b"") for name in ("./", "./set")]
    extract(make_tar(place / "x.tar.gz", [*folders, (member("./set/a"), b"1")]), place / "t")
    extract(make_zip(place / "x.zip", [("set/", b""), ("set/a", b"1")]), place / "z")
    extract(make_zip(place / "windows.zip", [("set\\a", b"1")]), place / "w")
    assert contents(place / "t") == contents(place / "z") == contents(place / "w") == {"set/a": b"1"}


@both_formats
@pytest.mark.parametrize(
    "name",
    ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "..\\out.txt", "C:\\out.txt", "C:out.txt", "a.jpg:stream", ".."],
)
def test_paths_that_lead_out(place: Path, suffix: str, name: str) -> None:
    refused(make_archive(place / f"x{suffix}", {"fine.txt": b"x", name: b"x"}), "would lead out of its folder")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE], ids=repr
)
@pytest.mark.parametrize("goal", ["/etc/passwd", "../x", "fine.txt"])
def test_links_and_devices_in_a_tar(place: Path, kind: bytes, goal: str) -> None:
    link = member("link", type=kind, linkname=goal)
    refused(make_tar(place / "x.tar.gz", [(member("fine.txt"), b"x"), (link, b"")]), "is a link or a device")


def test_a_link_in_a_zip(place: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    refused(make_zip(place / "x.zip", [("fine.txt", b"x"), (info, b"/etc/passwd")]), "is a link or a device")


@both_formats
def test_a_bomb(place: Path, suffix: str) -> None:
    refused(make_archive(place / f"x{suffix}", {"zeros": bytes(30_000_000)}), "far larger than an archive of its size")


def test_a_zip_that_states_a_false_size(place: Path) -> None:
    source = make_archive(place / "x.zip", {"zeros": bytes(30_000_000)})
    size = (30_000_000).to_bytes(4, "little")
    source.write_bytes(source.read_bytes().replace(size, (10).to_bytes(4, "little")))
    refused(source, "far larger|damaged")


def test_a_bomb_in_a_header(place: Path) -> None:
    header = member("pax", type=tarfile.XHDTYPE, size=50_000_000).tobuf(tarfile.USTAR_FORMAT)
    (place / "x.tar.gz").write_bytes(gzip.compress(header + bytes(50_000_000)))
    refused(place / "x.tar.gz", "header of more than a megabyte")


def test_a_bomb_behind_the_last_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    source = make_archive(place / "x.tar.gz", {"fine.txt": b"x"})
    source.write_bytes(gzip.compress(gzip.decompress(source.read_bytes()) + bytes(30_000_000)))
    refused(source, "far larger than an archive of its size")


@both_formats
def test_too_many_files(place: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    refused(make_archive(place / f"x{suffix}", {str(number): b"" for number in range(4)}), "more than 3 files")


@both_formats
@pytest.mark.parametrize("name", ["./a", "a/b", "a/b/c", "."])
def test_a_name_twice(place: Path, suffix: str, name: str) -> None:
    refused(make_archive(place / f"x{suffix}", {"a": b"1", name: b"2"}), f"holds '{name}' twice")


@both_formats
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
def test_half_a_file(place: Path, suffix: str, share: float) -> None:
    source = make_archive(place / f"x{suffix}", {"noise": NOISE, "more": b"x"})
    whole = source.read_bytes()
    source.write_bytes(whole[: int(len(whole) * share)] or b"<html>Please log in</html>")
    refused(source, "damaged or cut short")


@pytest.mark.parametrize("kind", [".zip", ".tar.gz", "lzma.zip"])
def test_a_damaged_file(place: Path, kind: str) -> None:
    source = place / f"x{kind}"
    if kind == "lzma.zip":
        with zipfile.ZipFile(source, "w", zipfile.ZIP_LZMA) as file:
            file.writestr("noise", NOISE)
    else:
        make_archive(source, {"noise": NOISE})
    content = bytearray(source.read_bytes())
    if kind == "lzma.zip":
        content[50:200] = b"\xff" * 150
    else:
        content[len(content) // 2] ^= 1
    source.write_bytes(content)
    refused(source, "damaged or cut short")


@both_formats
def test_a_full_disk_leaves_nothing(place: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source = make_archive(place / f"x{suffix}", FILES)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        extract(source, place / "unpacked")
    assert [path.name for path in place.iterdir()] == [source.name]
