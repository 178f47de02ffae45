"""What a comparison asks of a method, and what it gets: any way to say how alike two photos are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.storage.cache import CacheConfig


@dataclass(frozen=True, eq=False)
class Asked:
    """What every method of a comparison is asked: the same photos, queries and gallery."""

    table: pd.DataFrame  # labelled photos that can be decoded, N rows
    root: Path  # what their paths are relative to
    digests: list[str]  # N, from `photo_digests`
    protocol: Protocol
    leaky: np.ndarray  # bool (Q, G): gallery photos that give a query's answer away
    cache: CacheConfig


@dataclass(frozen=True)
class Ranked:
    """What a method answered."""

    similarity: np.ndarray  # float (Q, G)
    honest: np.ndarray | None = None  # as if the leaky photos were unknown; None where that changes no other score
    embed_dim: int | None = None  # length of an embedding
    photos_per_second: float | None = None  # that are embedded, decoding not counted; None for what embeds none
    seconds_per_query: float | None = None  # of ranking the gallery; None for embeddings, where it is next to nothing


@dataclass(frozen=True)
class Method:
    """A way to say how alike two photos are."""

    name: str
    fingerprint: str  # names what decides its answers, hexadecimal
    rank: Callable[[Asked], Ranked]
    runs_on: str  # the library that does the work
    megabytes: float  # of its weights, or of its file, in units of 10^6 bytes
    minutes: float | None  # of training on these photos; None where not recorded
    note: str = ""
