"""What is in each photo's file, wherever it lies: a hash of it, noted so that a file that stays as it is is read once.

One note a folder: `contents/KEY.json` in the cache folder, with the size and the date of each file as it was hashed.
"""

import hashlib
import json
import logging
import os
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path

import pandas as pd

from wildtrack.console import track
from wildtrack.storage.cache import trim
from wildtrack.storage.files import sha256, write_text
from wildtrack.storage.threads import in_threads, pieces

SETTLED_NS = 2_000_000_000  # a file younger than this may change again without getting a newer date: FAT counts in 2 s
MOST = 500_000  # files in a note, unless more are asked for at once
AT_ONCE = 64  # files that a thread reads before it hands their hashes on
LIMIT_GB = 0.2  # of all notes together, unless the newest alone takes more

State = tuple[int, int]  # a file's size in bytes, and when it was last changed, in nanoseconds
Note = dict[str, tuple[int, int, str]]  # path -> its state, and its content

log = logging.getLogger(__name__)


def photo_contents(table: pd.DataFrame, root: Path, cache: Path, *, verify: bool = False) -> list[str]:
    """Name what is in each row's photo, wherever it lies: the hex SHA-256 of its file, "" where it cannot be read.

    A file whose path, size and modification time are those of an earlier run is not read again. A damaged note is
    dropped and made anew.

    Args:
        table: Catalogue rows with `path`.
        root: The folder that `path` is relative to.
        cache: The project's cache folder, see `cache.default_cache`.
        verify: Read every file again, whatever its size and date.
    """
    paths: list[str] = table["path"].drop_duplicates().tolist()
    note = cache / "contents" / f"{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()}.json"
    known = _load(note)
    states = {path: _state(root / path) for path in paths}
    found = {} if verify else {path: known[path][2] for path in paths if known.get(path, ())[:2] == states[path]}
    unknown = [path for path in paths if path not in found]
    if unknown:
        now = time.time_ns()
        hashed = in_threads(lambda piece: [_content(root / path) for path in piece], pieces(unknown, AT_ONCE))
        contents = track(chain.from_iterable(hashed), "Reading files", total=len(unknown))
        found |= zip(unknown, contents, strict=True)
        seen = {path: (*state, found[path]) for path, state in states.items() if state and found[path]}
        settled = {path: each for path, each in seen.items() if each[1] <= now - SETTLED_NS}
        both = known | settled
        if both != known:
            _save(note, both if len(both) <= MOST else settled)
    elif known:
        with suppress(OSError):  # another process may trim just now, or the cache be read-only
            os.utime(note)  # marks the last use, which is what trimming goes by
    return [found[path] for path in table["path"].tolist()]


def _state(path: Path) -> State | None:
    try:
        stat = path.stat()
    except OSError:  # reading it will say why
        return None
    return stat.st_size, stat.st_mtime_ns


def _content(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:  # its pixels may still be in the cache
        return ""


def _load(note: Path) -> Note:
    """What is noted; nothing where there is no note, or a damaged one."""
    try:
        digest, _, text = note.read_text("utf-8").partition("\n")
        if digest == _digest(text):
            return {
                path: (int(size), int(date), str(content)) for path, (size, date, content) in json.loads(text).items()
            }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        pass
    log.warning("%s is damaged; the photos are read again.", note)
    return {}


def _save(note: Path, known: Note) -> None:
    text = json.dumps(known)
    write_text(note, f"{_digest(text)}\n{text}")
    trim(note, LIMIT_GB)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
