"""Retrieval figures of many queries, and loops that sort the gallery for each, side by side in one run.

python -m benchmarks.metrics                                      10,000 queries, 100,000 known photos
python -m benchmarks.metrics --queries 100 --gallery 5000         a quick look
python -m benchmarks.metrics --identities 1000 --noise 100        many right photos, and a network that knows nothing

The loop does what torchreid's `evaluate` does, but for excluding photos. That one divides number by number in a list,
so the loop runs once like that and once with NumPy. All ways get the cosines in the same blocks, which are timed apart.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from benchmarks.resident import peak_memory
from wildtrack import versions
from wildtrack.address.evaluation.metrics import BLOCK_CELLS, retrieval_scores
from wildtrack.address.matching.embedding import Cosines
from wildtrack.console import console, run
from wildtrack.errors import UserError

KS = (1, 5, 10)
COLUMNS = [*(f"R@{count}" for count in KS), "AP"]
TOLERANCE = 1e-3  # a loop breaks ties as its sort happens to


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    queries: int = 10_000  # how many photos are asked about
    gallery: int = 100_000  # how many photos are known
    dims: int = 256  # length of an embedding
    identities: int = 10_000  # how many animals the photos show
    noise: float = 2.0  # how far photos of one animal lie apart: 0 is a perfect network, 100 one that knows nothing
    looped: int = 50  # a loop does so many of the queries
    seed: int = 0  # names the random draw


@dataclass(frozen=True)
class Seconds:
    """What a query takes."""

    scoring: float
    cosines: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.scoring + self.cosines

    def __str__(self) -> str:
        return f"{self.scoring * 1e3:.3f} ms a query, and {self.cosines * 1e3:.3f} ms to compute its cosines"


@dataclass(frozen=True, eq=False)
class TimedCosines(Cosines):
    """Cosines that note what computing them takes, which is no part of scoring them."""

    seconds: list[float] = field(default_factory=list)  # of each block

    def __getitem__(self, rows: slice) -> np.ndarray:
        """The cosines of some queries."""
        started = time.perf_counter()
        block = super().__getitem__(rows)
        self.seconds.append(time.perf_counter() - started)
        return block


def main(config: Config) -> None:
    """Score the same queries each way."""
    rng = np.random.default_rng(config.seed)
    query_ids, gallery_ids = (rng.integers(config.identities, size=count) for count in (config.queries, config.gallery))
    animals = rng.standard_normal((config.identities, config.dims), dtype=np.float32)
    queries, gallery = (scattered(animals[ids], config.noise, rng) for ids in (query_ids, gallery_ids))
    console.print(
        f"{config.queries} queries, {config.gallery} known photos, {config.identities} animals; "
        f"all cosines at once would take {config.queries * config.gallery * queries.itemsize / 1e9:.1f} GB; "
        f"{versions()}"
    )

    def without_sorting(cosines: Cosines) -> np.ndarray:
        return retrieval_scores(cosines, query_ids.astype(str), gallery_ids.astype(str), ks=KS)[COLUMNS].to_numpy()

    before = peak_memory()
    figures, own = measured(without_sorting, queries, gallery)
    after = peak_memory()
    memory = "" if before is None or after is None else f"; memory grew by {after - before:.2f} GB"
    console.print(f"retrieval_scores, {len(queries)} queries: {own}{memory}")
    averages = zip(COLUMNS, np.nanmean(figures, axis=0).tolist(), strict=True)
    console.print(", ".join(f"{name} {value:.3f}" for name, value in averages))
    some = queries[: config.looped]
    for name, divide in (("as torchreid does it", in_a_list), ("NumPy throughout", in_numpy)):
        loop = partial(score_in_a_loop, query_ids=query_ids[: len(some)], gallery_ids=gallery_ids, divide=divide)
        expected, theirs = measured(loop, some, gallery)
        if not np.allclose(figures[: len(some)], expected, rtol=0, atol=TOLERANCE, equal_nan=True):
            raise UserError(f"retrieval_scores and the loop, {name}, do not give the same figures")
        console.print(
            f"a loop, {name}, the first {len(some)} queries: {theirs}; the same figures; retrieval_scores is "
            f"{theirs.scoring / own.scoring:.0f} x as fast, {theirs.total / own.total:.1f} x with the cosines"
        )


def scattered(embeddings: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise to embeddings (N, D) and give them length one, in place: a copy would hide what memory grows by."""
    for start in range(0, len(embeddings), 1000):
        block = embeddings[start : start + 1000]
        block += noise * rng.standard_normal(block.shape, dtype=block.dtype)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return embeddings


def measured(
    score: Callable[[Cosines], np.ndarray], queries: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, Seconds]:
    """What a way of scoring finds, and what it takes."""
    cosines = TimedCosines(queries, gallery)
    started = time.perf_counter()
    figures = score(cosines)
    total = time.perf_counter() - started
    computing = sum(cosines.seconds)
    return figures, Seconds((total - computing) / len(queries), computing / len(queries))


def score_in_a_loop(
    cosines: Cosines, query_ids: np.ndarray, gallery_ids: np.ndarray, divide: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The figures of each query, float (Q, len(COLUMNS)), by sorting the whole gallery for it.

    Args:
        cosines: Of Q queries and G photos.
        query_ids: int (Q,).
        gallery_ids: int (G,).
        divide: How many right photos were found up to each rank, int (G,) -> the precision there, float (G,).
    """
    figures = np.full((len(query_ids), len(COLUMNS)), np.nan)
    at_once = max(1, BLOCK_CELLS // len(gallery_ids))
    for start in range(0, len(query_ids), at_once):
        for query, row in enumerate(cosines[start : start + at_once], start):
            matches = (gallery_ids[np.argsort(-row)] == query_ids[query]).astype(np.int32)
            if matches.any():
                found = matches.cumsum()
                hits = np.minimum(found, 1)
                average = (divide(found) * matches).sum() / found[-1]
                figures[query] = *(hits[:count][-1] for count in KS), average
    return figures


def in_a_list(found: np.ndarray) -> np.ndarray:
    """Divide number by number."""
    return np.asarray([value / (place + 1.0) for place, value in enumerate(found)])


def in_numpy(found: np.ndarray) -> np.ndarray:
    """Divide all at once."""
    return np.asarray(found / np.arange(1, len(found) + 1))


if __name__ == "__main__":
    run(main, Config(), __doc__)
