"""Unpacking an archive that nobody has looked into: everything or nothing, and nothing outside its folder.

Plain files and folders only. Refused: absolute paths, paths that lead out, links, devices, a file twice, and more
than the limits below (a "bomb").
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from wildtrack.console import byte_progress
from wildtrack.errors import UserError

MAX_MEMBERS = 200_000  # tarfile keeps each in memory
MAX_BYTES = 100_000_000_000  # the largest public dataset here has 10 GB
MAX_RATIO = 100  # unpacked to packed; photos have about 1, annotations 20
SMALL_BYTES = 100_000_000  # whatever the ratio, this is harmless
_MAX_HEADER_BYTES = 1_000_000  # one read of tarfile's: headers are small, data is copied in pieces
_PIECE = 1 << 18


class ArchiveError(Exception):
    """An archive that must not be unpacked; the message is the reason, without the archive's name."""


@dataclass(frozen=True)
class Member:
    """A file or folder in an archive; `position` is how far into the archive (bytes) one is after it."""

    name: str
    is_folder: bool
    is_file: bool
    open: Callable[[], IO[bytes]]
    position: Callable[[], int]


def extract(archive: Path, target: Path) -> None:
    """Unpack a .zip or .tar.gz into a new folder.

    The files go to a staging folder beside it first, so that `target` is complete if it is there at all. What a
    killed process left of an earlier try is dropped.

    Args:
        archive: the file; its suffix tells the format.
        target: the folder to make.

    Raises:
        UserError: the archive is damaged, or holds what is refused; nothing of it stays on disk.
    """
    staging = target.with_name(f".{target.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _unpack(archive, staging)
        if hasattr(os, "sync"):
            os.sync()  # or a power cut could leave the folder's new name and not its contents
        staging.rename(target)
    except ArchiveError as error:
        raise UserError(f"{archive} was not unpacked: {error}; get it again from its source") from error
    except _DAMAGED as error:
        raise UserError(
            f"{archive} is damaged or cut short ({error or type(error).__name__}); "
            "delete it and run the same command again"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


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


def _unpack(archive: Path, folder: Path) -> None:
    size = archive.stat().st_size
    left = min(MAX_BYTES, max(SMALL_BYTES, MAX_RATIO * size))
    members = _zip_members if archive.suffix.lower() == ".zip" else _tar_members
    with byte_progress() as progress, members(archive, left) as found:
        task = progress.add_task(f"Unpacking {archive.name}", total=size)
        for number, member in enumerate(found):
            if number >= MAX_MEMBERS:
                raise ArchiveError(f"it holds more than {MAX_MEMBERS} files")
            if not (member.is_folder or member.is_file):
                raise ArchiveError(f"{member.name!r:.200} is a link or a device")
            left -= _place(member, folder / _safe_name(member.name), left)
            progress.update(task, completed=min(member.position(), size))
        progress.update(task, completed=size)


def _place(member: Member, path: Path, left: int) -> int:
    """Make the folder, or write the file and return its size."""
    try:
        (path if member.is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        if member.is_folder:
            return 0
        with member.open() as source, path.open("xb") as file:
            return _copy(source, file, left)
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveError(f"it holds {member.name!r:.200} twice") from error


def _copy(source: IO[bytes], target: IO[bytes], left: int) -> int:
    """Copy, and count the bytes as they come, since the sizes that archives state may be lies."""
    written = 0
    while piece := source.read(_PIECE):
        written += len(piece)
        if written > left:
            raise ArchiveError("unpacked, it is far larger than an archive of its size should be")
        target.write(piece)
    return written


def _safe_name(name: str) -> str:
    """The name, if it is a path that stays inside on every system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if parts[:1] == ("/",) or ".." in parts or any(":" in part or "\0" in part for part in parts):
        raise ArchiveError(f"{name!r:.200} would lead out of its folder")
    return "/".join(parts)


@contextmanager
def _zip_members(archive: Path, limit: int) -> Iterator[Iterator[Member]]:
    def members() -> Iterator[Member]:
        position = 0
        for info in file.infolist():
            position += info.compress_size
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where it was packed on Windows
            yield Member(
                info.filename,
                info.is_dir(),
                not info.is_dir() and kind in (0, stat.S_IFREG),
                lambda info=info: file.open(info),  # type: ignore[misc]
                lambda position=position: position,  # type: ignore[misc]
            )

    with zipfile.ZipFile(archive) as file:
        if sum(info.file_size for info in file.infolist()) > limit:
            raise ArchiveError("unpacked, it is far larger than an archive of its size should be")
        yield members()


@contextmanager
def _tar_members(archive: Path, limit: int) -> Iterator[Iterator[Member]]:
    def members() -> Iterator[Member]:
        for info in tar:
            yield Member(info.name, info.isdir(), info.isreg(), lambda info=info: _opened(tar, info), packed.tell)  # type: ignore[misc]
        while stream.read(_PIECE):  # to the end, where the checksum is
            pass

    with (
        archive.open("rb") as packed,
        _BoundedGzip(packed, limit + MAX_MEMBERS * 1024) as stream,
        tarfile.open(fileobj=stream, mode="r:") as tar,
    ):
        yield members()


def _opened(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(info)
    if content is None:
        raise ArchiveError(f"{info.name!r:.200} has no content")
    return content


class _BoundedGzip(gzip.GzipFile):
    """A gzip stream that gives up where a bomb would go on, be it in a header or behind the last file."""

    def __init__(self, packed: IO[bytes], limit: int) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self.left = limit

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_HEADER_BYTES:
            raise ArchiveError("it has a header of more than a megabyte")
        content = super().read(size)
        self.left -= len(content)
        if self.left < 0:
            raise ArchiveError("unpacked, it is far larger than an archive of its size should be")
        return content
