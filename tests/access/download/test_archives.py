import errno
import gzip
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


def archive(folder: Path, suffix: str, files: dict[str, bytes]) -> Path:
    return make_archive(folder / f"x{suffix}", files)


def refused(source: Path, message: str) -> None:
    target = source.parent / "unpacked"
    around = {path.name for path in source.parent.iterdir()}
    with pytest.raises(UserError, match=message) as caught:
        extract(source, target)
    assert str(source) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path.name for path in source.parent.iterdir()} == around
    assert {path.name for path in source.parent.parent.iterdir()} == {source.parent.name}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "a place"
    folder.mkdir()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_unpack(place: Path, suffix: str) -> None:
    extract(archive(place, suffix, FILES), place / "deep/unpacked")
    assert contents(place / "deep/unpacked") == FILES
    assert [path.name for path in (place / "deep").iterdir()] == ["unpacked"]


def test_folders_in_archives(place: Path) -> None:
    folders = [(member(name, type=tarfile.DIRTYPE), b"") for name in ("./", "./set")]
    extract(make_tar(place / "x.tar.gz", [*folders, (member("./set/a"), b"1")]), place / "t")
    extract(make_zip(place / "x.zip", [("set/", b""), ("set/a", b"1")]), place / "z")
    assert contents(place / "t") == contents(place / "z") == {"set/a": b"1"}


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
@pytest.mark.parametrize(
    "name",
    ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "..\\out.txt", "C:\\out.txt", "C:out.txt", "a.jpg:stream", ".."],
)
def test_paths_that_lead_out(place: Path, suffix: str, name: str) -> None:
    refused(archive(place, suffix, {"fine.txt": b"x", name: b"x"}), "would lead out of its folder")


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


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_a_bomb(place: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL_BYTES", 1_000_000)
    refused(archive(place, suffix, {"zeros": bytes(30_000_000)}), "far larger than an archive of its size")


def test_a_zip_that_lies_about_its_size(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL_BYTES", 1_000_000)
    source = archive(place, ".zip", {"zeros": bytes(30_000_000)})
    size = (30_000_000).to_bytes(4, "little")
    source.write_bytes(source.read_bytes().replace(size, (10).to_bytes(4, "little")))
    refused(source, "far larger|damaged")


def test_a_damaged_lzma_zip(place: Path) -> None:
    source = place / "x.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("noise", hash_noise())
    content = bytearray(source.read_bytes())
    content[50:200] = b"\xff" * 150
    source.write_bytes(content)
    refused(source, "damaged or cut short")


def test_a_bomb_in_a_header(place: Path) -> None:
    header = member("pax", type=tarfile.XHDTYPE, size=50_000_000).tobuf(tarfile.USTAR_FORMAT)
    (place / "x.tar.gz").write_bytes(gzip.compress(header + bytes(50_000_000)))
    refused(place / "x.tar.gz", "header of more than a megabyte")


def test_a_bomb_behind_the_last_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL_BYTES", 1_000_000)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    source = archive(place, ".tar.gz", {"fine.txt": b"x"})
    source.write_bytes(gzip.compress(gzip.decompress(source.read_bytes()) + bytes(30_000_000)))
    refused(source, "far larger than an archive of its size")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_too_many_files(place: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    refused(archive(place, suffix, {str(number): b"" for number in range(4)}), "more than 3 files")


@pytest.mark.parametrize("name", ["a", "./a", "a/b", "a/b/c", "."])
def test_a_name_twice(place: Path, name: str) -> None:
    source = make_tar(place / "x.tar.gz", [(member("a"), b"1"), (member(name), b"2")])
    refused(source, f"holds '{name}' twice")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
def test_half_a_file(place: Path, suffix: str, share: float) -> None:
    source = archive(place, suffix, {"noise": hash_noise(), "more": b"x"})
    whole = source.read_bytes()
    source.write_bytes(whole[: int(len(whole) * share)])
    refused(source, "damaged or cut short")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_a_flipped_bit(place: Path, suffix: str) -> None:
    source = archive(place, suffix, {"noise": hash_noise()})
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 1
    source.write_bytes(content)
    refused(source, "damaged or cut short")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_no_archive_at_all(place: Path, name: str) -> None:
    (place / name).write_text("<html>Please log in</html>")
    refused(place / name, "damaged or cut short")


def test_what_a_killed_process_left_is_dropped(place: Path) -> None:
    (place / ".unpacked.part").mkdir()
    (place / ".unpacked.part/half.jpg").touch()
    extract(archive(place, ".zip", FILES), place / "unpacked")
    assert contents(place / "unpacked") == FILES
    assert not (place / ".unpacked.part").exists()


def test_a_full_disk_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object, left: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "_copy", full)
    archive(place, ".zip", FILES)
    with pytest.raises(OSError, match="No space left"):
        extract(place / "x.zip", place / "unpacked")
    assert [path.name for path in place.iterdir()] == ["x.zip"]


def hash_noise() -> bytes:
    """Bytes that do not compress, so that cutting the archive cuts them."""
    return np.random.default_rng(0).bytes(300_000)
