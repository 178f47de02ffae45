"""The pixel cache: a catalogue's photos, decoded once and kept on disk.

In: a catalogue table. Out: memory-mapped uint8 arrays of the photos, at the size asked for and at SMALL, aligned with
the rows that could be decoded.
"""

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
from wildtrack.access.photos.reader import READER_VERSION, PhotoError, read_photo, read_sizes
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.storage.cache import DAMAGE, Cache, CacheConfig
from wildtrack.storage.files import sha256, write_text
from wildtrack.storage.threads import in_threads

Job = tuple[Path, Box | None]
Pixels = npt.NDArray[np.uint8]
Kept = tuple[npt.NDArray[np.void], dict[int, str]]  # photos, see `_record`, and {row: reason} of those that are missing
Reader = Callable[[int], Pixels]  # a row of a catalogue -> its photo, or a PhotoError

SLOW_GB = 2.0  # whose hash takes seconds
SMALL = (32, 32)  # what the perceptual hash looks at; no setting changes it, so neither do near-duplicates and splits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decoded:
    """Photos as pixels.

    Attributes:
        table: The N catalogue rows that could be decoded, RangeIndex, in the order given.
        digests: Of their files, N, from `photo_digests`.
        pixels: uint8 (N, H, W, 3), RGB, read-only; row i is the photo of `table` row i. A np.memmap.
        small: The same at the size SMALL, whatever size was asked for: uint8 (N, 32, 32, 3).
        problems: Columns `path` and `reason`, one row for each photo that could not be decoded.
    """

    table: pd.DataFrame
    digests: list[str]
    pixels: Pixels
    small: Pixels
    problems: pd.DataFrame


def decode_catalogue(table: pd.DataFrame, root: Path, size: tuple[int, int], cache: CacheConfig) -> Decoded:
    """The photos of a catalogue as pixels, from the cache or decoded now.

    An entry is keyed by the digests of the files, the boxes, the target size and the reader's version, so that a
    changed photo or box is decoded anew. Stopping half-way leaves nothing behind.

    Args:
        table: Catalogue rows with `path`, and `bbox` (tuple of 4 floats or None) where there are boxes.
        root: The folder that `path` is relative to.
        size: (height, width) of `pixels`.
        cache: Entries go to its `pixels` folder; the newest one may take more than the limit.

    Raises:
        UserError: There are no rows, or none of the photos can be decoded.
    """
    if table.empty:
        raise UserError(f"no photos to decode in {root}; the table has no rows")
    digests = photo_digests(table, root, cache)
    jobs = _jobs(table, root)
    entries, key = _entries(cache), _key(jobs, digests, size)
    found = _find(entries, key, jobs, size)
    if found is None:
        reasons: dict[int, str] = {}
        entry = entries.put(key, lambda part: reasons.update(_decode(part, jobs, size)))
        write_text(_note(entry), json.dumps({"sha256": sha256(entry), "reasons": reasons}))
        entries.trim(keep=key)
        try:
            found = _open(entry, reasons, len(jobs), size)
        except DAMAGE as error:
            raise UserError(
                f"the pixel cache {entry} cannot be read back; is the disk of {cache.root} sound and not full?"
            ) from error
    photos, reasons = found
    kept = [row for row in range(len(table)) if row not in reasons]
    problems = problem_table((table["path"].iloc[row], reason) for row, reason in reasons.items())
    return Decoded(
        table.iloc[kept].reset_index(drop=True),
        [digests[row] for row in kept],
        photos["pixels"],
        photos["small"],
        problems,
    )


def photo_reader(
    table: pd.DataFrame, root: Path, digests: Sequence[str], size: tuple[int, int], cache: CacheConfig
) -> Reader:
    """A function that reads single photos of a catalogue, where each is needed only once.

    Args:
        table: N catalogue rows with `path`, and `bbox` where there are boxes.
        root: The folder that `path` is relative to.
        digests: N, from `photo_digests`.
        size: (height, width) of the pixels.
        cache: Where `decode_catalogue` may have put them.

    Returns:
        Thread-safe; takes a row, returns its pixels, uint8 (H, W, 3), or raises a PhotoError. The pixels come from the
        cache if `decode_catalogue` has decoded this very catalogue, else from the files, and are not kept.
    """
    jobs = _jobs(table, root)
    turn = Lock()

    @lru_cache(maxsize=1)
    def opened() -> tuple[Kept, npt.NDArray[np.intp]] | None:
        found = _find(_entries(cache), _key(jobs, digests, size), jobs, size)
        return found and (found, np.cumsum([row not in found[1] for row in range(len(jobs))]) - 1)

    def find(row: int) -> Pixels:
        with turn:  # the first one asked for opens the cache: often there is none to ask for
            known = opened()
        if known is None:
            return read_photo(jobs[row][0], size, jobs[row][1])
        (photos, reasons), places = known
        if row in reasons:
            raise PhotoError(reasons[row])
        pixels: Pixels = photos["pixels"][places[row]]
        return pixels

    return find


@dataclass(frozen=True)
class _Jobs:
    """What to decode, row by row; a path is only put together when it is asked for."""

    folder: Path
    paths: list[str]
    boxes: list[Box | None]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Job:
        return self.folder / self.paths[row], self.boxes[row]


def _jobs(table: pd.DataFrame, root: Path) -> _Jobs:
    return _Jobs(root.resolve(), table["path"].tolist(), boxes(table))


def _entries(cache: CacheConfig) -> Cache:
    return Cache(cache.root / "pixels", ".npy", cache.cache_gb)


def _key(jobs: _Jobs, digests: Sequence[str], size: tuple[int, int]) -> str:
    """The SHA-256 of everything that decides the pixels."""
    digest = hashlib.sha256(repr((READER_VERSION, tuple(size))).encode())
    for path, box, photo in zip(jobs.paths, jobs.boxes, digests, strict=True):
        digest.update(repr((photo or path, box)).encode())  # the path: decoding will say why it cannot be read
    return digest.hexdigest()


def _record(size: tuple[int, int]) -> np.dtype[np.void]:
    """One photo in an entry: its two sizes one after the other."""
    return np.dtype([("pixels", np.uint8, (*size, 3)), ("small", np.uint8, (*SMALL, 3))])


def _can_be_read(job: Job) -> bool:
    try:
        read_photo(job[0], SMALL, job[1])
    except PhotoError:
        return False
    return True


def _note(entry: Path) -> Path:
    """An entry's companion: the reasons of the rows that are missing, and the entry's SHA-256."""
    return entry.with_suffix(".json")


def _find(entries: Cache, key: str, jobs: _Jobs, size: tuple[int, int]) -> Kept | None:
    """The photos; None for an entry that is missing, damaged, or lacks a photo that can be read now."""
    found = entries.get(key, lambda entry: _load(entry, len(jobs), size))
    if found is None or any(_can_be_read(jobs[row]) for row in found[1]):
        return None  # what failed then was the disk, its rights or a missing package, and not the photo
    return found


def _load(entry: Path, rows: int, size: tuple[int, int]) -> Kept:
    note = json.loads(_note(entry).read_text("utf-8"))
    reasons = {int(row): str(reason) for row, reason in note["reasons"].items()}
    if (gigabytes := entry.stat().st_size / 1e9) > SLOW_GB:
        logger.info("Checking the decoded photos (%.1f GB).", gigabytes)
    if note["sha256"] != sha256(entry):  # a flipped bit would be learnt, and shown, as if it were the photo's
        raise ValueError("its SHA-256 is another")
    return _open(entry, reasons, rows, size)


def _open(entry: Path, reasons: dict[int, str], rows: int, size: tuple[int, int]) -> Kept:
    photos = np.load(entry, mmap_mode="r", allow_pickle=False)
    if photos.dtype != _record(size) or photos.shape != (rows - len(reasons),):
        raise ValueError(f"it holds {photos.shape} of {photos.dtype}")
    return photos, reasons


def _decode(target: Path, jobs: _Jobs, size: tuple[int, int]) -> dict[int, str]:
    """Write the photos to an .npy file one after the other; return {row: reason} of those that failed."""
    reasons: dict[int, str] = {}
    with target.open("wb") as file:
        _write_header(file, len(jobs), size)
        decoded = in_threads(lambda row: _read_or_reason(jobs[row], (size, SMALL)), range(len(jobs)))
        results = track(decoded, "Decoding photos", total=len(jobs))
        for row, result in enumerate(results):
            if isinstance(result, PhotoError):
                reasons[row] = str(result)
            else:
                for pixels in result:
                    file.write(pixels.tobytes())
        if len(reasons) == len(jobs):
            raise UserError(f"none of the {len(jobs)} photos can be decoded; the first: {jobs[0][0]}: {reasons[0]}")
        file.seek(0)
        _write_header(file, len(jobs) - len(reasons), size)
    return reasons


def _write_header(file: BinaryIO, count: int, size: tuple[int, int]) -> None:
    """NumPy pads the header so that the count can change without moving the data."""
    descr = np.lib.format.dtype_to_descr(_record(size))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": (count,)})


def _read_or_reason(job: Job, sizes: Sequence[tuple[int, int]]) -> list[Pixels] | PhotoError:
    path, box = job
    try:  # not shrunk from one size to the next: a JPEG's draft depends on the size asked for
        return read_sizes(path, sizes, box)
    except PhotoError as error:
        return error
