"""How fast a model embeds photos on this computer."""

import time

import numpy as np

from wildtrack.access.photos.pixel_cache import Reader
from wildtrack.address.models.engines import Engine

RUNS = 5  # of one batch; their median counts


def embedding_speed(engine: Engine, read: Reader, photos: int) -> float:
    """Photos a second, reading and decoding them not counted.

    Args:
        engine: Either engine.
        read: Gives the photo of a row, as this model takes it.
        photos: How many to embed at once, 1 or more: the first rows.
    """
    batch = np.stack([read(row) for row in range(photos)])
    engine.run(batch)  # many engines finish their network with the first one
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        engine.run(batch)
        seconds.append(time.perf_counter() - started)
    return len(batch) / float(np.median(seconds))
