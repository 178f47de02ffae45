"""The cache folder: where it is, and how what it holds is kept within bounds."""

import logging
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ABANDONED_SECONDS = 3600  # a half-written file that has not grown for so long has lost its process

logger = logging.getLogger(__name__)


def default_cache() -> Path:
    """The cache folder: $WILDTRACK_CACHE, else `wildtrack` in the place the system has for caches."""
    chosen = os.environ.get("WILDTRACK_CACHE")
    if chosen:
        return Path(chosen)
    system = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(system) if system else Path.home() / ".cache") / "wildtrack"


def trim(newest: Path, limit_gb: float) -> None:
    """Delete the least recently used entries until all of them fit the limit; the newest one stays.

    Args:
        newest: An entry, or a name that no entry has. The others are the files beside it with its suffix; last used is
            last modified. A file that shares an entry's stem goes with it.
        limit_gb: What all entries together may take, in units of 10^9 bytes.
    """
    entries = sorted(_entries(newest))
    total = sum(size for _, size, _ in entries)
    if total <= limit_gb * 1e9:
        return
    companions: defaultdict[str, list[Path]] = defaultdict(list)
    for path in newest.parent.iterdir():
        companions[path.stem].append(path)
    for _, size, entry in entries:
        if total <= limit_gb * 1e9:
            return
        if entry == newest:
            continue
        try:
            entry.unlink(missing_ok=True)
            for companion in companions[entry.stem]:
                companion.unlink(missing_ok=True)
        except OSError as error:  # Windows keeps a file that is mapped somewhere
            logger.info("The cache keeps %s for now: %s", entry.name, error.strerror)
        else:
            total -= size


def _entries(newest: Path) -> Iterator[tuple[float, int, Path]]:
    """(last use, bytes, file) of each entry, and of what a killed process left half-written."""
    for entry in newest.parent.glob(f"*{newest.suffix}"):
        try:
            stat = entry.stat()
        except FileNotFoundError:  # another process was quicker
            continue
        if not entry.name.startswith(".part-") or time.time() - stat.st_mtime > ABANDONED_SECONDS:
            yield stat.st_mtime, stat.st_size, entry
