"""What was computed once and is kept: files found by a key, within a limit on disk space."""

import logging
import os
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from zipfile import BadZipFile, ZipFile

import numpy as np

from wildtrack.storage.files import write_atomically

ABANDONED_SECONDS = 3600  # a half-written file that has not grown for so long has lost its process
# what reading a damaged file of JSON, .npy or .npz raises
DAMAGE = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, BadZipFile, zlib.error)

_HEADERS = Lock()  # NumPy parses headers as Python, whose parser in 3.11 counts its depth for all threads together

ValueT = TypeVar("ValueT")

log = logging.getLogger(__name__)


def default_cache() -> Path:
    """The cache folder: $WILDTRACK_CACHE, else `wildtrack` in the system's folder for caches."""
    if chosen := os.environ.get("WILDTRACK_CACHE"):
        return Path(chosen)
    system = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(system) if system else Path.home() / ".cache") / "wildtrack"


def load_arrays(entry: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an `.npz` file; one of `DAMAGE` where a checksum does not match."""
    with entry.open("rb") as file:
        if damaged := ZipFile(file).testzip():  # NumPy does not notice a header that asks for fewer bytes
            raise ValueError(f"the checksum of {damaged} does not match")
        file.seek(0)
        with _HEADERS, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)


@dataclass(frozen=True)
class CacheConfig:
    """What is kept of photos between runs, and where."""

    cache_gb: float = 10.0  # disk space in units of 10^9 bytes, for decoded photos, embeddings and keypoints each
    verify: bool = False  # read every photo again, whatever its size and date
    root: Path = field(default_factory=default_cache)  # the folder of all caches


@dataclass(frozen=True)
class Cache:
    """Entries of one kind: a file each, `KEY.suffix` in one folder; other files with its stem are deleted with it.

    Any number of processes may use it at once.
    """

    folder: Path
    suffix: str  # such as ".npy"
    limit_gb: float  # all entries together, in units of 10^9 bytes

    def path(self, key: str) -> Path:
        """Where the entry of a key is, or would be; the key names everything that its content depends on."""
        return self.folder / f"{key}{self.suffix}"

    def get(self, key: str, load: Callable[[Path], ValueT]) -> ValueT | None:
        """What `load` makes of an entry, which counts as used now; None where it is missing or raises `DAMAGE`."""
        entry = self.path(key)
        try:
            value = load(entry)
        except FileNotFoundError:
            return None
        except DAMAGE as error:
            log.warning("%s is damaged and is made anew (%s).", entry, error)
            return None
        with suppress(OSError):  # another process may trim just now, or the cache be read-only
            os.utime(entry)
        return value

    def put(self, key: str, write: Callable[[Path], object]) -> Path:
        """Let `write` fill the entry of a key; the entry. See `write_atomically`."""
        write_atomically(self.path(key), write)
        return self.path(key)

    def trim(self, keep: str | None = None) -> None:
        """Delete the least recently used entries until all fit the limit; that of the key `keep` always stays."""
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        if total <= self.limit_gb * 1e9:
            return
        files: defaultdict[str, list[Path]] = defaultdict(list)
        for path in self.folder.iterdir():
            files[path.stem].append(path)
        for _, size, entry in entries:
            if total <= self.limit_gb * 1e9:
                return
            if entry.stem == keep:
                continue
            try:
                for path in (entry, *files[entry.stem]):
                    path.unlink(missing_ok=True)
            except OSError as error:  # Windows keeps a file that is mapped somewhere
                log.info("The cache keeps %s for now: %s", entry.name, error.strerror)
            else:
                total -= size

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """(last use, bytes, file) of each entry, and of what a killed process left half-written."""
        for entry in self.folder.glob(f"*{self.suffix}"):
            try:
                stat = entry.stat()
            except FileNotFoundError:  # another process was quicker
                continue
            if not entry.name.startswith(".part-") or time.time() - stat.st_mtime > ABANDONED_SECONDS:
                yield stat.st_mtime, stat.st_size, entry
