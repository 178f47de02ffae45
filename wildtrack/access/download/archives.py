"""Unpacking an archive that nobody has checked: everything or nothing, plain files and folders only.

Refused: absolute paths, paths that lead out, links, devices, a file twice, and more than the limits below (a "bomb").
"""

import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from wildtrack.console import byte_progress
from wildtrack.errors import UserError

MAX_MEMBERS = 200_000  # tarfile keeps each in memory
MAX_BYTES = 100_000_000_000  # the largest public dataset here has 10 GB
MAX_RATIO = 100  # unpacked to packed; photos have about 1, annotations 20
SMALL_BYTES = 100_000_000  # harmless, whatever the ratio
_MAX_HEADER_BYTES = 1_000_000  # one read of tarfile's: headers are small, data is copied in pieces
_DAMAGED = (
    EOFError,
    NotImplementedError,  # a zip method that Python does not know
    RuntimeError,  # a zip with a password
    UnicodeError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
_TOO_LARGE = "unpacked, it is far larger than an archive of its size should be"


class ArchiveError(Exception):
    """An archive that must not be unpacked; the message is the reason, without the archive's name."""


def extract(archive: Path, target: Path) -> None:
    """Unpack a .zip or .tar.gz into the new folder `target`, whole or, with a UserError, not at all."""
    staging = target.with_name(f".{target.name}.part")  # with what a killed process left in it
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        with byte_progress() as progress:
            size = archive.stat().st_size
            task = progress.add_task(f"Unpacking {archive.name}", total=size)
            unpack = _unpack_zip if archive.suffix.lower() == ".zip" else _unpack_tar
            unpack(archive, _Folder(staging, size, lambda done: progress.update(task, completed=done)))
            progress.update(task, completed=size)
        if hasattr(os, "sync"):
            os.sync()  # or a power cut could leave the folder's new name and not its contents
        staging.rename(target)
    except ArchiveError as error:
        raise UserError(f"{archive} was not unpacked: {error}; get it again from its source") from error
    except _DAMAGED as error:
        why = f"{archive} is damaged or cut short ({error or type(error).__name__})"
        raise UserError(f"{why}; delete it and run the same command again") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


class _Folder:
    """Where an archive of `size` bytes is unpacked; `progress` takes how many of them are done."""

    def __init__(self, path: Path, size: int, progress: Callable[[int], object]) -> None:
        self.path, self.progress, self.members = path, progress, 0
        self.limit = self.left = min(MAX_BYTES, max(SMALL_BYTES, MAX_RATIO * size))

    def place(self, name: str, size: int | None, write: Callable[[str], object]) -> None:
        """Make a folder (`size` None), or have `write` write a file of that size under a name that is safe."""
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise ArchiveError(f"it holds more than {MAX_MEMBERS} files")
        self.left -= size or 0
        if self.left < 0:
            raise ArchiveError(_TOO_LARGE)
        safe = _safe_name(name)
        path = self.path / safe
        try:
            (path if size is None else path.parent).mkdir(parents=True, exist_ok=True)
            if size is not None:
                path.touch(exist_ok=False)
                write(safe)
        except (FileExistsError, NotADirectoryError) as error:
            raise ArchiveError(f"it holds {name!r:.200} twice") from error


def _safe_name(name: str) -> str:
    """The name, if it is a path that stays inside on every system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if parts[:1] == ("/",) or ".." in parts or any(":" in part or "\0" in part for part in parts):
        raise ArchiveError(f"{name!r:.200} would lead out of its folder")
    return "/".join(parts)


def _unpack_zip(archive: Path, folder: _Folder) -> None:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        if sum(info.file_size for info in members) > folder.limit:  # reading a member stops at its stated size
            raise ArchiveError(_TOO_LARGE)
        for info in members:
            is_folder = info.is_dir()
            if not is_folder and stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):  # 0: from Windows
                raise ArchiveError(f"{info.filename!r:.200} is a link or a device")

            def write(name: str, info: zipfile.ZipInfo = info) -> None:
                info.filename = name
                file.extract(info, folder.path)

            folder.place(info.filename, None if is_folder else info.file_size, write)
            folder.progress(info.header_offset)


def _unpack_tar(archive: Path, folder: _Folder) -> None:
    with (
        archive.open("rb") as packed,
        _BoundedGzip(packed, folder.limit + MAX_MEMBERS * 1024) as stream,
        tarfile.open(fileobj=stream, mode="r:") as tar,
    ):
        for info in tar:
            if not (info.isdir() or info.isreg()):
                raise ArchiveError(f"{info.name!r:.200} is a link or a device")

            def write(name: str, info: tarfile.TarInfo = info) -> None:
                tar.extract(info.replace(name=name, deep=False), folder.path, filter="data")

            folder.place(info.name, None if info.isdir() else info.size, write)
            folder.progress(packed.tell())
        while stream.read(_MAX_HEADER_BYTES):  # to the end, where the checksum is
            pass


class _BoundedGzip(gzip.GzipFile):
    """A gzip stream that ends with an ArchiveError where a bomb would go on, in a header or behind the last file."""

    def __init__(self, packed: IO[bytes], limit: int) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self.left = limit

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_HEADER_BYTES:
            raise ArchiveError("it has a header of more than a megabyte")
        content = super().read(size)
        self.left -= len(content)
        if self.left < 0:
            raise ArchiveError(_TOO_LARGE)
        return content
