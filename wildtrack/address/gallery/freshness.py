"""Whether a kept gallery still fits its photos: names, sizes and dates of files in, what changed in words out."""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from wildtrack.access.photos.find import Walk, files_below
from wildtrack.console import counted

NAMED = 3  # animals that a sentence names; of more it gives the number


def photos_state(data: Path, root: Path, paths: Iterable[str]) -> str:
    """A digest of names, sizes and dates: of all files below a folder, or of a label file, its photos and folders."""
    if data.is_dir():
        lines = [f"{path} {_size_and_date(entry.stat)}" for path, entry in files_below(Walk(data))]
    else:  # what else lies around a label file may be anything; a photo that is added changes its folder's date
        photos = [root / path for path in set(paths)]
        files = {data, root, *photos, *(photo.parent for photo in photos)}
        lines = [f"{file} {_size_and_date(file.stat)}" for file in files]
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="surrogatepass")).hexdigest()


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


def _size_and_date(read: Callable[[], os.stat_result]) -> str:
    try:
        found = read()
    except OSError:  # it is gone
        return "-"
    return f"{0 if stat.S_ISDIR(found.st_mode) else found.st_size} {found.st_mtime_ns}"
