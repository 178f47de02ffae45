"""Whether a kept gallery still fits its photos: names, sizes and dates of files in, what changed in words out."""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from wildtrack.console import counted

NAMED = 3  # animals that a sentence names; of more it gives the number


def photos_state(data: Path, root: Path, paths: Iterable[str]) -> str:
    """A digest of names, sizes and dates: of all files below a folder, or of a label file, its photos and folders."""
    if data.is_dir():
        files = set(_below(data))
    else:  # what else lies around a label file may be anything; a photo that is added changes its folder's date
        photos = [root / path for path in set(paths)]
        files = {os.fspath(each) for each in (data, *photos, root, *{photo.parent for photo in photos})}
    lines = sorted(b"%s %s\n" % (os.fsencode(file), _size_and_date(file)) for file in files)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def changes(before: pd.DataFrame, now: pd.DataFrame) -> str:
    """How a gallery's table differs from what it was, such as "3 photos of Klara are not searched yet"; "" for not."""
    known, found = _rows(before), _rows(now)
    new, old = _in_words(found - known, "not searched yet"), _in_words(known - found, "gone or changed")
    return "; ".join(part for part in (new, old) if part)


def _rows(table: pd.DataFrame) -> "Counter[tuple[str, ...]]":
    return Counter(zip(table["identity"], table["path"], map(str, table["bbox"]), table["sha256"], strict=True))


def _in_words(rows: "Counter[tuple[str, ...]]", how: str) -> str:
    animals = Counter(identity for identity, *_ in rows.elements()).most_common()
    parts = [f"{counted(count, 'photo', 'photos')} of {name}" for name, count in animals[:NAMED]]
    if others := animals[NAMED:]:
        total = sum(count for _, count in others)
        parts.append(f"{counted(total, 'photo', 'photos')} of {counted(len(others), 'other animal', 'other animals')}")
    return f"{', '.join(parts)} {'is' if rows.total() == 1 else 'are'} {how}" if parts else ""


def _below(folder: Path) -> Iterator[str]:
    """The files below a folder, hidden ones aside; links are followed, each folder once."""
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        seen.add(real)
        yield from (os.path.join(parent, name) for name in names if not name.startswith("."))  # noqa: PTH118 ten times faster


def _size_and_date(file: str) -> bytes:
    try:
        found = os.stat(file)  # noqa: PTH116 a path of each file would take longer
    except OSError:  # it is gone
        return b"-"
    return b"%d %d" % (0 if stat.S_ISDIR(found.st_mode) else found.st_size, found.st_mtime_ns)
