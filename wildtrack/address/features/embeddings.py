"""A model's outputs for photos, kept on disk, so that a second run only embeds what is new or changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.catalogue import problem_table
from wildtrack.access.photos.pixel_cache import Reader
from wildtrack.access.photos.reader import PhotoError
from wildtrack.address.models.engines import BATCH, KERAS_BATCH, Engine, KerasEngine, Outputs
from wildtrack.console import progress_bar
from wildtrack.errors import UserError
from wildtrack.storage.cache import Cache, CacheConfig, load_arrays
from wildtrack.storage.threads import in_threads, pieces

KEYS = "keys"  # the array of the file that is no output of the engine


@dataclass(frozen=True, eq=False)
class Embedded:
    """A model's outputs for those of a catalogue's photos that could be read."""

    rows: np.ndarray  # int (M,), increasing: their rows in the catalogue, M >= 1
    outputs: Outputs  # "embedding" float32 (M, D), length one, and "probabilities" float32 (M, identities)
    problems: pd.DataFrame  # columns `path` and `reason`, one row for each of the others


def run_engine(
    engine: Engine, read: Reader, rows: np.ndarray, description: str | None = None
) -> tuple[Outputs, dict[int, str]]:
    """The engine's float32 outputs for the readable photos of rows int (N,), and {row: reason} of unreadable ones.

    Every thread reads a batch and runs the engine on it. A progress bar shows the description, if any.
    """
    outputs: Outputs = {}
    reasons, done = dict[int, str](), 0

    def run(batch: Sequence[int]) -> tuple[int, Outputs]:
        photos = []
        for row in batch:
            try:
                photos.append(read(row))
            except PhotoError as error:
                reasons[row] = str(error)
        return len(photos), engine.run(np.stack(photos)) if photos else {}

    if isinstance(engine, KerasEngine):  # which runs batches one by one; others are cut up evenly between the cores
        batches = [rows[start : start + KERAS_BATCH].tolist() for start in range(0, len(rows), KERAS_BATCH)]
    else:
        batches = pieces(rows.tolist(), BATCH)
    with progress_bar(disable=description is None) as progress:
        task = progress.add_task(description or "", total=len(rows))
        for batch, (count, found) in zip(batches, in_threads(run, batches), strict=True):
            for name, values in found.items():
                whole = outputs.setdefault(name, np.empty((len(rows), *values.shape[1:]), np.float32))
                whole[done : done + count] = values
            done += count
            progress.advance(task, len(batch))
    return {name: values[:done] for name, values in outputs.items()}, reasons


def cached_outputs(
    engine: Engine, name: str, table: pd.DataFrame, digests: Sequence[str], read: Reader, cache: CacheConfig
) -> Embedded:
    """An engine's outputs for the photos of N >= 1 catalogue rows; it is run over those that are not in the cache yet.

    `name` is the model's, such as its `cache_name`; `read` gives a row's photo at the model's size. Photos with the
    digest "" are not kept; nor, beyond the limit, those outside the table and the models not used for longest.
    """
    named = [
        hashlib.sha256(f"{digest} {box}".encode()).hexdigest() if digest else f"row {row}"  # a space: not kept
        for row, (digest, box) in enumerate(zip(digests, boxes(table), strict=True))
    ]
    keys = np.array(named, dtype="<U64")
    entries = Cache(cache.root / "embeddings", ".npz", cache.cache_gb)
    known = entries.get(name, _load) or {}
    places = pd.Index(known.get(KEYS, [])).get_indexer(pd.Index(keys))  # in the cached arrays; -1: not there
    new = np.flatnonzero((places < 0) & ~pd.Series(keys).duplicated().to_numpy())
    reasons: dict[str, str] = {}
    if len(new):
        made, failed = run_engine(engine, read, new, "Embedding photos")
        reasons = {keys[row]: reason for row, reason in failed.items()}
        if made:
            made[KEYS] = keys[[row for row in new if row not in failed]]
            known = {each: np.concatenate([known[each], made[each]]) for each in made} if known else made
            kept = np.char.find(known[KEYS], " ") < 0
            if sum(values.nbytes for values in known.values()) > entries.limit_gb * 1e9:
                kept &= np.isin(known[KEYS], keys)
            lasting = known if kept.all() else {each: values[kept] for each, values in known.items()}
            entries.put(name, lambda part: np.savez(part, allow_pickle=False, **lasting))
            entries.trim(keep=name)
            places = pd.Index(known[KEYS]).get_indexer(pd.Index(keys))
    rows = np.flatnonzero(places >= 0)
    problems = problem_table((table["path"].iloc[row], reasons[keys[row]]) for row in np.flatnonzero(places < 0))
    if not len(rows):
        path, reason = problems.iloc[0]
        raise UserError(f"none of the {len(table)} photos can be read; the first: {path}: {reason}")
    if not np.array_equal(places[rows], np.arange(len(known[KEYS]))):  # else nothing needs to be copied
        known = {each: values[places[rows]] for each, values in known.items()}
    return Embedded(rows, {each: values for each, values in known.items() if each != KEYS}, problems)


def _load(entry: Path) -> Outputs:
    outputs = load_arrays(entry)
    outputs.pop("digest", None)  # which files of version 0.1 have
    # every array has a checksum; only the list of arrays can end too early, and the keys stand last in it
    if KEYS not in outputs or len({len(values) for values in outputs.values()}) != 1:
        raise ValueError("its arrays do not belong together")
    return outputs
