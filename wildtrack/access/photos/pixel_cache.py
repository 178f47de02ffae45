"""The pixel cache: a catalogue's photos, decoded once, kept on disk and mapped into memory as uint8 arrays."""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import Box, boxes
from wildtrack.access.catalogue import problem_table
from wildtrack.access.photos.digests import photo_digests
from wildtrack.access.photos.reader import READER_VERSION, PhotoError, or_error, read_photo, read_sizes
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.storage.cache import DAMAGE, Cache, CacheConfig
from wildtrack.storage.files import sha256, write_text
from wildtrack.storage.threads import in_threads

Pixels = npt.NDArray[np.uint8]
Kept = tuple[npt.NDArray[np.void], dict[int, str]]  # photos, see `_record`, and {row: reason} of those that are missing
Reader = Callable[[int], Pixels]  # a row of a catalogue -> its photo, or a PhotoError

SLOW_GB = 2.0  # whose hash takes seconds
SMALL = (32, 32)  # what the perceptual hash looks at; no setting changes it, so neither do near-duplicates and splits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decoded:
    """Photos as pixels."""

    table: pd.DataFrame  # the N catalogue rows that could be decoded, RangeIndex, in the order given
    digests: list[str]  # N, of their files
    pixels: Pixels  # (N, H, W, 3), RGB, memory-mapped and read-only
    small: Pixels  # the same at the size SMALL, whatever the size of `pixels`
    problems: pd.DataFrame  # `path` and `reason` of the photos that could not be decoded


def decode_catalogue(table: pd.DataFrame, root: Path, size: tuple[int, int], cache: CacheConfig) -> Decoded:
    """The photos of a catalogue at (height, width), from the cache or decoded now; a UserError where there is none."""
    if table.empty:
        raise UserError(f"no photos to decode in {root}; the table has no rows")
    digests = photo_digests(table, root, cache)
    jobs = _Jobs(table, root)
    key, entries = _key(jobs, digests, size), Cache(cache.root / "pixels", ".npy", cache.cache_gb)
    found = _find(entries, key, jobs, size)
    if found is None:
        reasons: dict[int, str] = {}
        entry = entries.put(key, lambda part: reasons.update(_decode(part, jobs, size)))
        write_text(entry.with_suffix(".json"), json.dumps({"sha256": sha256(entry), "reasons": reasons}))
        entries.trim(keep=key)
        try:
            found = _open(entry, reasons, len(jobs), size)
        except DAMAGE as error:
            hint = f"is the disk of {cache.root} sound and not full?"
            raise UserError(f"the pixel cache {entry} cannot be read back; {hint}") from error
    photos, reasons = found
    kept = [row for row in range(len(table)) if row not in reasons]
    return Decoded(
        table.iloc[kept].reset_index(drop=True),
        [digests[row] for row in kept],
        photos["pixels"],
        photos["small"],
        problem_table((jobs.paths[row], reason) for row, reason in reasons.items()),
    )


def photo_reader(
    table: pd.DataFrame, root: Path, digests: Sequence[str], size: tuple[int, int], cache: CacheConfig
) -> Reader:
    """A thread-safe function from a row to its photo at (height, width), of `decode_catalogue`'s cache or the file."""
    jobs = _Jobs(table, root)
    turn = Lock()

    @lru_cache(maxsize=1)
    def opened() -> tuple[Kept, npt.NDArray[np.intp]] | None:
        entries = Cache(cache.root / "pixels", ".npy", cache.cache_gb)
        found = _find(entries, _key(jobs, digests, size), jobs, size)
        return found and (found, np.cumsum([row not in found[1] for row in range(len(jobs))]) - 1)

    def read(row: int) -> Pixels:
        with turn:  # the first call opens the cache: often there is none
            known = opened()
        if known is None:
            path, box = jobs[row]
            return read_photo(path, size, box)
        (photos, reasons), places = known
        if row in reasons:
            raise PhotoError(reasons[row])
        pixels: Pixels = photos["pixels"][places[row]]
        return pixels

    return read


class _Jobs:
    """What to decode, row by row; a path is only joined when its row is read."""

    def __init__(self, table: pd.DataFrame, root: Path) -> None:
        self.folder, self.boxes = root.resolve(), boxes(table)
        self.paths: list[str] = table["path"].tolist()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Path, Box | None]:
        return self.folder / self.paths[row], self.boxes[row]


def _key(jobs: _Jobs, digests: Sequence[str], size: tuple[int, int]) -> str:
    """The SHA-256 of everything that decides the pixels."""
    digest = hashlib.sha256(repr((READER_VERSION, tuple(size))).encode())
    for path, box, photo in zip(jobs.paths, jobs.boxes, digests, strict=True):
        digest.update(repr((photo or path, box)).encode())  # the path: decoding will say why it cannot be read
    return digest.hexdigest()


def _record(size: tuple[int, int]) -> np.dtype[np.void]:
    """One photo in an entry: its two sizes one after the other."""
    return np.dtype([("pixels", np.uint8, (*size, 3)), ("small", np.uint8, (*SMALL, 3))])


def _find(entries: Cache, key: str, jobs: _Jobs, size: tuple[int, int]) -> Kept | None:
    """The photos; None for an entry that is missing, damaged, or lacks a photo that can be read now."""
    found = entries.get(key, lambda entry: _load(entry, len(jobs), size))
    read: Callable[[int], Pixels | PhotoError] = or_error(lambda row: read_photo(jobs[row][0], SMALL, jobs[row][1]))
    if found is None or any(not isinstance(read(row), PhotoError) for row in found[1]):
        return None  # what failed then was the disk, its rights or a missing package, and not the photo
    return found


def _load(entry: Path, rows: int, size: tuple[int, int]) -> Kept:
    note = json.loads(entry.with_suffix(".json").read_text("utf-8"))
    reasons = {int(row): str(reason) for row, reason in note["reasons"].items()}
    if (gigabytes := entry.stat().st_size / 1e9) > SLOW_GB:
        logger.info("Checking the decoded photos (%.1f GB).", gigabytes)
    if note["sha256"] != sha256(entry):  # a flipped bit would be learnt, and shown, as if it were the photo's
        raise ValueError("its SHA-256 is wrong")
    return _open(entry, reasons, rows, size)


def _open(entry: Path, reasons: dict[int, str], rows: int, size: tuple[int, int]) -> Kept:
    photos = np.load(entry, mmap_mode="r", allow_pickle=False)
    if photos.dtype != _record(size) or photos.shape != (rows - len(reasons),):
        raise ValueError(f"it holds {photos.shape} of {photos.dtype}")
    return photos, reasons


def _decode(target: Path, jobs: _Jobs, size: tuple[int, int]) -> dict[int, str]:
    """Write the photos to an .npy file one after the other; return {row: reason} of those that failed."""
    reasons: dict[int, str] = {}
    sizes = (size, SMALL)  # not shrunk from one to the next: a JPEG's draft depends on the target size
    read: Callable[[int], list[Pixels] | PhotoError]
    read = or_error(lambda row: read_sizes(jobs[row][0], sizes, jobs[row][1]))
    with target.open("wb") as file:
        _write_header(file, len(jobs), size)
        results = track(in_threads(read, range(len(jobs))), "Decoding photos", total=len(jobs))
        for row, result in enumerate(results):
            if isinstance(result, PhotoError):
                reasons[row] = str(result)
            else:
                file.writelines(pixels.tobytes() for pixels in result)
        if len(reasons) == len(jobs):
            raise UserError(f"none of the {len(jobs)} photos can be decoded; the first: {jobs[0][0]}: {reasons[0]}")
        file.seek(0)
        _write_header(file, len(jobs) - len(reasons), size)
    return reasons


def _write_header(file: BinaryIO, count: int, size: tuple[int, int]) -> None:
    """NumPy pads the header so that the count can change without moving the data."""
    descr = np.lib.format.dtype_to_descr(_record(size))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": (count,)})
