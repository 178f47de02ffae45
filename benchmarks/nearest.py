"""The most similar of many embeddings: the gallery's FAISS indexes compared with NumPy and scikit-learn in one run.

python -m benchmarks.nearest                                   100,000 and 1,000,000 embeddings
python -m benchmarks.nearest --sizes 20000 --queries 100       a quick look

The embeddings are drawn: ten photos of each animal, as alike as a good network makes them, mapped from disk as the
search has them. The queries are further photos of these animals.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wildtrack import versions
from wildtrack.address.gallery.index import FEWEST, build_index, is_exact, nearest, read_index, write_index
from wildtrack.address.models.engines import unit_length
from wildtrack.console import console, run
from wildtrack.errors import UserError

PHOTOS = 10  # of each animal
ALIKE = 0.7  # cosine of two photos of one animal
BLOCK = 50_000  # embeddings drawn at once
ROUNDS = 3
EXACT, APPROXIMATE = "FAISS exact", "FAISS product quantisation"
FILES = {EXACT: "exact.faiss", APPROXIMATE: "approximate.faiss"}
SAME = 1e-5  # how little similarities may differ for answers to be the same: float32 sums in another order do

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Search = Callable[[Floats], Rows]


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    sizes: tuple[int, ...] = (100_000, 1_000_000)  # embeddings
    dims: int = 256  # their length
    spread: int = 64  # directions in which they differ: those of networks have fewer than entries
    queries: int = 1000  # asked at once
    singles: int = 15  # of them, asked one at a time
    at_once: int = 100  # queries that NumPy gets at once: with more it takes gigabytes, and is slower
    k: int = 10  # how many are wanted
    seed: int = 0


def main(config: Config) -> None:
    """Ask the same queries in every way."""
    console.print(f"{config.dims} entries each; {versions()}")
    for size in config.sizes:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), size, config)


def compare(folder: Path, size: int, config: Config) -> None:
    """All ways at one size."""
    from sklearn.neighbors import NearestNeighbors

    embeddings, queries = drawn_embeddings(folder, size, config)
    neighbours = NearestNeighbors(n_neighbors=config.k, algorithm="brute", metric="euclidean").fit(embeddings)
    built = {}
    for name, exact_up_to in ((EXACT, size), (APPROXIMATE, 0)):
        started = time.perf_counter()
        index = build_index(embeddings, exact_up_to)
        built[name] = time.perf_counter() - started
        if name == APPROXIMATE and is_exact(index):
            console.print(f"{size:8} product quantisation finds too few of these: no approximate index")
            return
        write_index(index, folder / FILES[name])
        del index
    exact, approximate = (read_index(folder / file, *embeddings.shape) for file in FILES.values())
    searches: dict[str, Search] = {
        EXACT: lambda asked: nearest(exact, asked, config.k),
        "NumPy matmul + argpartition": lambda asked: with_numpy(embeddings, asked, config),
        "scikit-learn NearestNeighbors": lambda asked: neighbours.kneighbors(asked, return_distance=False),
        APPROXIMATE: lambda asked: best_of(embeddings, asked, nearest(approximate, asked, FEWEST))[:, : config.k],
    }
    one = one_at_a_time(searches, queries, config.singles)
    many: dict[str, float] = {}
    truth: Floats = np.empty(0, np.float32)
    for name, search in searches.items():
        started = time.perf_counter()
        rows = search(queries)  # (Q, k)
        many[name] = (time.perf_counter() - started) / len(queries)
        found = np.einsum("qkd,qd->qk", embeddings[rows], queries)
        truth = found if name == EXACT else truth
        if name == APPROXIMATE:
            said = f"recall@{config.k} {np.mean(found >= truth[:, -1:] - SAME):.4f}"
        elif np.abs(found - truth).max() <= SAME:
            said = "the same answers"
        else:
            raise UserError(f"{name} gives other answers")
        console.print(
            f"{size:8} {name:30} {1e3 * one[name]:8.2f} ms one at a time {1e3 * many[name]:7.2f} ms each of "
            f"{len(queries)} at once, {said}"
        )
    for name in list(searches)[1:]:
        fast, slow = (EXACT, name) if name != APPROXIMATE else (name, EXACT)
        console.print(
            f"{size:8} {fast} is {one[slow] / one[fast]:.1f} x as fast as {slow} one at a time, "
            f"{many[slow] / many[fast]:.1f} x at once"
        )
    sizes = [(folder / file).stat().st_size / 1e6 for file in FILES.values()]
    console.print(
        f"{size:8} built in {built[EXACT]:.1f} and {built[APPROXIMATE]:.1f} s; "
        f"{sizes[0]:.0f} and {sizes[1]:.0f} MB on disk"
    )
    if sys.platform == "linux":  # others do not tell, or count the process that started this one
        before, exactly, approximately = (peak_memory(folder, way) for way in ("", EXACT, APPROXIMATE))
        console.print(
            f"{size:8} resident memory at most, in a process of its own: {before:.2f} GB before it searches, "
            f"{exactly:.2f} GB exactly, {approximately:.2f} GB approximately"
        )


def best_of(embeddings: Floats, queries: Floats, rows: Rows) -> Rows:
    """Rows (Q, K) in the order of their cosines, as a search ranks what an index has found."""
    order = np.argsort(-np.einsum("qkd,qd->qk", embeddings[rows], queries), axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1)


def drawn_embeddings(folder: Path, size: int, config: Config) -> tuple[Floats, Floats]:
    """Embeddings float32 (size, dims), mapped from `embeddings.npy`, and queries (queries, dims); unit length."""
    rng = np.random.default_rng(config.seed)
    directions = np.linalg.qr(rng.standard_normal((config.dims, config.spread)))[0].T.astype(np.float32)
    animals = unit_length(rng.standard_normal((-(-size // PHOTOS), config.spread), dtype=np.float32))
    noise = np.float32(np.sqrt((1 / ALIKE - 1) / config.spread))

    def photos(of: Rows) -> Floats:
        differing = noise * rng.standard_normal((len(of), config.spread), dtype=np.float32)
        return unit_length((animals[of] + differing) @ directions)

    path = folder / "embeddings.npy"
    written = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(size, config.dims))
    for start in range(0, size, BLOCK):
        written[start : start + BLOCK] = photos(np.arange(start, min(start + BLOCK, size)) // PHOTOS)
    written.flush()
    del written
    queries = photos(rng.integers(0, len(animals), config.queries))
    np.save(folder / "queries.npy", queries)
    return np.asarray(np.load(path, mmap_mode="r")), queries


def with_numpy(embeddings: Floats, queries: Floats, config: Config) -> Rows:
    """The k most similar rows, (Q, k), by writing down all similarities."""
    blocks = []
    for start in range(0, len(queries), config.at_once):
        similarity = queries[start : start + config.at_once] @ embeddings.T
        best = np.argpartition(similarity, -config.k, axis=1)[:, -config.k :]
        order = np.argsort(-np.take_along_axis(similarity, best, axis=1), axis=1, kind="stable")
        blocks.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(blocks)


def one_at_a_time(searches: Mapping[str, Search], queries: Floats, singles: int) -> dict[str, float]:
    """Seconds a query, the median: of several rounds in which all take their turn, the fastest."""
    times: dict[str, list[float]] = {name: [] for name in searches}
    for _ in range(ROUNDS):
        for name, search in searches.items():
            search(queries[:1])  # while the threads of the one before still wait for more
            each = []
            for row in range(min(singles, len(queries))):
                started = time.perf_counter()
                search(queries[row : row + 1])
                each.append(time.perf_counter() - started)
            times[name].append(float(np.median(each)))
    return {name: min(values) for name, values in times.items()}


def peak_memory(folder: Path, way: str) -> float:
    """Gigabytes that a process takes at most that does nothing else: `EXACT`, `APPROXIMATE`, or "" for no search."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak_memory, folder, way).result()


def _peak_memory(folder: Path, way: str) -> float:
    embeddings: Floats = np.asarray(np.load(folder / "embeddings.npy", mmap_mode="r"))
    queries: Floats = np.load(folder / "queries.npy")
    if way:
        index = read_index(folder / FILES[way], *embeddings.shape)
        for row in range(min(100, len(queries))):
            nearest(index, queries[row : row + 1], FEWEST)
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    run(main, Config(), __doc__)
