"""What a model made of photos, kept on disk, so that a second run only embeds what is new or changed.

One file a model: `embeddings/NAME.npz` in the cache folder, with a key and every output of the engine a photo.
"""

import hashlib
import logging
import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.catalogue import problem_table
from wildtrack.access.photos.pixels import Reader
from wildtrack.address.models.engines import Engine, Outputs, run_rows
from wildtrack.errors import UserError
from wildtrack.storage.cache import trim
from wildtrack.storage.files import sha256, write_atomically

KEYS, DIGEST = "keys", "digest"  # beside the engine's outputs; no output may have such a name

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Embedded:
    """What a model made of a catalogue's photos.

    Attributes:
        rows: int (M,), increasing: those of the catalogue's N rows whose photo could be embedded, M >= 1.
        outputs: "embedding" float32 (M, D), length one, and "probabilities" float32 (M, identities).
        problems: columns `path` and `reason`, one row for each of the others.
    """

    rows: np.ndarray
    outputs: Outputs
    problems: pd.DataFrame


def cache_name(fingerprint: str, model: Path) -> str:
    """What a saved model's outputs are kept under: its fingerprint, which it says itself, and its file.

    So no file can pass for another, and the two engines, whose outputs differ in the last digits, keep their own.
    """
    return hashlib.sha256(f"{fingerprint} {sha256(model)}".encode()).hexdigest()


def cached_outputs(
    engine: Engine,
    name: str,
    table: pd.DataFrame,
    contents: Sequence[str],
    read: Reader,
    cache: Path,
    limit_gb: float,
) -> Embedded:
    """Run an engine over the photos it has not seen yet, and look up the others.

    A photo is known by its file's content and its box, and the model by its name, which covers the weights,
    the preprocessing and the photo reader. A damaged file is dropped and made anew. Photos that are not asked for are
    forgotten when a model's file grows beyond the limit, and then the files of the models not used for longest.

    Args:
        engine: Either engine.
        name: Of its model: what the outputs are kept under, hexadecimal; for a saved model from `cache_name`.
        table: Catalogue rows, N >= 1, `path` and, where there are boxes, `bbox` among the columns.
        contents: From `photo_contents`: N digests; "" is embedded and not kept.
        read: Gives the photo of a row, as this model takes it: from `photo_reader`, or an array's `__getitem__`.
        cache: The project's cache folder, see `default_cache`.
        limit_gb: What all files together may take, in units of 10^9 bytes; the newest one may take more.

    Raises:
        UserError: None of the photos can be read.
    """
    keys = _keys(table, contents)
    entry = cache / "embeddings" / f"{name}.npz"
    known = _load(entry)
    places = _places(known, keys)
    firsts = np.flatnonzero((places < 0) & ~pd.Series(keys).duplicated().to_numpy())
    reasons: dict[str, str] = {}
    if len(firsts):
        made, failed = run_rows(engine, read, firsts, "Embedding photos")
        reasons = {keys[row]: reason for row, reason in failed.items()}
        if made:
            made[KEYS] = keys[[row for row in firsts if row not in failed]]
            known = {name: np.concatenate([known[name], made[name]]) for name in made} if known else made
            _save(entry, known, keys, limit_gb)
            places = _places(known, keys)
    else:
        with suppress(OSError):  # another process may trim just now, or the cache be read-only
            os.utime(entry)  # marks the last use, which is what trimming goes by
    rows = np.flatnonzero(places >= 0)
    problems = problem_table(
        (table["path"].iloc[row], reasons[keys[row]]) for row in range(len(keys)) if places[row] < 0
    )
    if not known or not len(rows):
        path, reason = problems.iloc[0]
        raise UserError(f"none of the {len(table)} photos can be read; the first: {path}: {reason}")
    outputs = {name: _taken(values, places[rows]) for name, values in known.items() if name != KEYS}
    return Embedded(rows, outputs, problems)


def _places(known: Outputs | None, keys: np.ndarray) -> np.ndarray:
    """Where among what is known each key is, int (N,); -1 for one that is not."""
    return pd.Index(known[KEYS] if known else []).get_indexer(pd.Index(keys))


def _taken(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The values at some places; not copied where these are all of them in order."""
    return values if np.array_equal(places, np.arange(len(values))) else values[places]


def _keys(table: pd.DataFrame, contents: Sequence[str]) -> np.ndarray:
    """Name each row's photo and box, str (N,); a row whose file could not be read gets a name of its own."""
    named = [
        hashlib.sha256(f"{content} {box}".encode()).hexdigest() if content else f"row {row}"
        for row, (content, box) in enumerate(zip(contents, boxes(table), strict=True))
    ]
    return np.array(named, dtype="<U64")


def _load(entry: Path) -> Outputs | None:
    """The outputs and keys of an entry; None when it is missing or damaged."""
    try:
        with np.load(entry, allow_pickle=False) as file:
            outputs = {name: file[name] for name in file.files}
        if str(outputs.pop(DIGEST)) == _digest(outputs) and len({len(values) for values in outputs.values()}) == 1:
            return outputs
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, NotImplementedError):
        pass
    log.warning("%s is damaged; the photos are embedded again.", entry)
    return None


def _save(entry: Path, outputs: Outputs, asked: np.ndarray, limit_gb: float) -> None:
    """Write an entry, without rows that have no lasting name, and without those not asked for if it is too large."""
    kept = np.char.find(outputs[KEYS], " ") < 0
    if sum(values.nbytes for values in outputs.values()) > limit_gb * 1e9:
        kept &= np.isin(outputs[KEYS], asked)
    lasting = outputs if kept.all() else {name: values[kept] for name, values in outputs.items()}

    def write(part: Path) -> None:
        with part.open("wb") as file:
            arrays: dict[str, Any] = {**lasting, DIGEST: np.array(_digest(lasting))}
            np.savez(file, **arrays)

    write_atomically(entry, write)
    trim(entry, limit_gb)


def _digest(outputs: Outputs) -> str:
    digest = hashlib.sha256()
    for name in sorted(outputs):
        values = np.ascontiguousarray(outputs[name])
        digest.update(f"{name}{values.dtype}{values.shape}".encode())
        digest.update(values.view(np.uint8).data)  # which copies nothing
    return digest.hexdigest()
