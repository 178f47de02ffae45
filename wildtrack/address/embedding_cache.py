"""What a model made of photos, kept on disk, so that a second run only embeds what is new or changed.

One file a model: `embeddings/FINGERPRINT.npz` in the cache folder, with a key and every output of the engine a photo;
beside it `FINGERPRINT.json` says how fast that went.
"""

import hashlib
import json
import logging
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.cache import trim
from wildtrack.address.embed import Engine, run_all
from wildtrack.files import write_atomically, write_text

KEYS, DIGEST = "keys", "digest"  # beside the engine's outputs; no output may have such a name

Outputs = dict[str, np.ndarray]

log = logging.getLogger(__name__)


def cached_outputs(
    engine: Engine,
    fingerprint: str,
    table: pd.DataFrame,
    contents: list[str],
    pixels: np.ndarray,
    cache: Path,
    limit_gb: float,
) -> Outputs:
    """Run an engine over the photos it has not seen yet, and look up the others.

    A photo is known by its file's content and its box, and the model by its fingerprint, which covers the weights,
    the preprocessing and the photo reader. A damaged file is dropped and made anew. Photos that are not asked for are
    forgotten when a model's file grows beyond the limit, and then the files of the models not used for longest.

    Args:
        engine: Either engine.
        fingerprint: Of its model, hexadecimal.
        table: Catalogue rows, N >= 1, `bbox` among the columns where there are boxes.
        contents: From `photo_contents`: N digests; "" is embedded and not kept.
        pixels: uint8 (N, H, W, 3), decoded for this model; may be a memory map.
        cache: The project's cache folder, see `default_cache`.
        limit_gb: What all files together may take, in units of 10^9 bytes; the newest one may take more.

    Returns:
        "embedding" float32 (N, D), length one, and "probabilities" float32 (N, identities).
    """
    keys = _keys(table, contents)
    entry = cache / "embeddings" / f"{fingerprint}.npz"
    known = _load(entry)
    places = pd.Index(known[KEYS] if known else []).get_indexer(pd.Index(keys))  # -1 for a photo that is not known
    firsts = np.flatnonzero((places < 0) & ~pd.Series(keys).duplicated().to_numpy())
    if not len(firsts) and known:
        os.utime(entry)  # marks the last use, which is what trimming goes by
    else:
        timed = _Timed(engine)
        made = {KEYS: keys[firsts], **run_all(timed, pixels, "Embedding photos", firsts)}
        known = {name: np.concatenate([known[name], made[name]]) for name in made} if known else made
        _save(entry, known, keys, limit_gb)
        _note_speed(entry.with_suffix(".json"), len(firsts), timed.photos_per_second)
        places = pd.Index(known[KEYS]).get_indexer(pd.Index(keys))
    return {name: values[places] for name, values in known.items() if name != KEYS}


def embedding_speed(fingerprint: str, cache: Path) -> float | None:
    """Photos a second when this model embedded most photos at once, decoding not counted; None where not noted."""
    return _speed(cache / "embeddings" / f"{fingerprint}.json")[1]


class _Timed:
    """An engine that notes how long each batch takes it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.speeds: list[float] = []

    def run(self, photos: np.ndarray) -> Outputs:
        started = time.perf_counter()
        outputs = self.engine.run(photos)
        self.speeds.append(len(photos) / (time.perf_counter() - started))
        return outputs

    @property
    def photos_per_second(self) -> float:
        return float(np.median(self.speeds))  # the first batch is slow: many engines finish their network with it


def _note_speed(path: Path, photos: int, photos_per_second: float) -> None:
    if photos >= _speed(path)[0]:  # a few new photos say little
        write_text(path, json.dumps({"photos": photos, "photos_per_second": photos_per_second}))


def _speed(path: Path) -> tuple[int, float | None]:
    """How many photos were timed, and their speed; (0, None) for a file that is missing or damaged."""
    try:
        noted = json.loads(path.read_text("utf-8"))
        return int(noted["photos"]), float(noted["photos_per_second"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, None


def _keys(table: pd.DataFrame, contents: list[str]) -> np.ndarray:
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
    lasting = {name: values[kept] for name, values in outputs.items()}

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
        digest.update(values.tobytes())
    return digest.hexdigest()
