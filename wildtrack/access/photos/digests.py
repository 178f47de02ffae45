"""The SHA-256 of each photo's file, noted in `contents/KEY.json` of the cache: an unchanged file is read once."""

import hashlib
import json
import os
import time
from itertools import chain
from pathlib import Path

import pandas as pd

from wildtrack.console import track
from wildtrack.storage.cache import Cache, CacheConfig
from wildtrack.storage.files import sha256
from wildtrack.storage.threads import in_threads, pieces

SETTLED_NS = 2_000_000_000  # a file younger than this may change again without getting a newer date: FAT counts in 2 s
MOST = 500_000  # files in a note, unless one catalogue has more
AT_ONCE = 64  # files that a thread reads before it hands their hashes on
LIMIT_GB = 0.2  # of all notes together, unless the newest alone takes more

Note = dict[str, tuple[int, int, str]]  # path -> bytes, nanoseconds of the last change, SHA-256


def photo_digests(table: pd.DataFrame, root: Path, cache: CacheConfig) -> list[str]:
    """The hex SHA-256 of each row's photo file; "" where it cannot be read. `cache.verify` reads each file again."""
    paths: list[str] = table["path"].drop_duplicates().tolist()
    notes = Cache(cache.root / "contents", ".json", LIMIT_GB)
    key = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()
    known = notes.get(key, _load) or {}
    states = {path: _state(root / path) for path in paths}
    found = {} if cache.verify else {path: known[path][2] for path in paths if known.get(path, ())[:2] == states[path]}
    unknown = [path for path in paths if path not in found]
    if unknown:
        now = time.time_ns()
        hashed = in_threads(lambda piece: [_digest(root / path) for path in piece], pieces(unknown, AT_ONCE))
        digests = track(chain.from_iterable(hashed), "Reading files", total=len(unknown))
        found |= zip(unknown, digests, strict=True)
        read = {path: (*state, found[path]) for path, state in states.items() if state and found[path]}
        settled = {path: entry for path, entry in read.items() if entry[1] <= now - SETTLED_NS}
        both = known | settled
        if both != known:
            text = json.dumps(both if len(both) <= MOST else settled).encode()
            notes.put(key, lambda part: part.write_bytes(hashlib.sha256(text).hexdigest().encode() + b"\n" + text))
            notes.trim(keep=key)
    return [found[path] for path in table["path"].tolist()]


def _state(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:  # reading it will say why
        return None
    return stat.st_size, stat.st_mtime_ns


def _digest(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:  # its pixels may still be in the cache
        return ""


def _load(note: Path) -> Note:
    seal, _, text = note.read_text("utf-8").partition("\n")
    if seal != hashlib.sha256(text.encode()).hexdigest():
        raise ValueError("its SHA-256 is wrong")
    return {path: (int(size), int(date), str(digest)) for path, (size, date, digest) in json.loads(text).items()}
