"""How fast a model embeds photos on this computer, measured once and kept."""

import json
import time
from pathlib import Path

import numpy as np

from wildtrack.access.photos.pixels import Reader
from wildtrack.address.models.engines import Engine
from wildtrack.storage.files import write_text

RUNS = 5  # of one batch; their median counts


def embedding_speed(engine: Engine, fingerprint: str, read: Reader, photos: int, cache: Path) -> float:
    """Photos a second, reading and decoding them not counted.

    Args:
        engine: Either engine.
        fingerprint: Of its model, hexadecimal.
        read: Gives the photo of a row, as this model takes it.
        photos: How many to embed at once, 1 or more: the first rows.
        cache: The project's cache folder; a small file a model goes into `embeddings`, beside what it made of photos.
    """
    note = cache / "embeddings" / f"{fingerprint}.json"
    noted = _load(note)
    if noted is not None:
        return noted
    batch = np.stack([read(row) for row in range(photos)])
    engine.run(batch)  # many engines finish their network with the first one
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        engine.run(batch)
        seconds.append(time.perf_counter() - started)
    speed = len(batch) / float(np.median(seconds))
    write_text(note, json.dumps({"photos_per_second": speed}))
    return speed


def _load(note: Path) -> float | None:
    """What was noted; None for a file that is missing or damaged."""
    try:
        return float(json.loads(note.read_text("utf-8"))["photos_per_second"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
