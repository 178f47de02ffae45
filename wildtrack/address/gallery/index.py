"""The FAISS index of a gallery's embeddings, `index.faiss`: exact up to `EXACT_UP_TO` photos.

Above, product quantisation (Jégou et al., 2011; 4 bits for 4 entries) finds a shortlist whose embeddings are compared
in full; if that would find too few of the most similar photos, the index stays exact.
"""

import logging
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

log = logging.getLogger(__name__)

EXACT_UP_TO = 200_000  # photos; up to here the exact search takes less time than the embedding of a query
FOUND = 0.98  # share of the most similar photos that an approximate search must find, or it is not used
WIDTH = 4  # entries of an embedding that 4 bits stand for
TRAINED_ON = 1 << 12  # embeddings that the quantiser is trained on; FAISS takes no more
SHORTLISTED = 4  # embeddings compared in full, for each one that is wanted
FEWEST = 100  # embeddings that a search of a gallery wants, at least
TRIED, NEIGHBOURS = 200, 10  # queries, and neighbours of each, that measure what an approximate search finds

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

_KINDS = {b"IxFI": "IndexFlatIP", b"IxRF": "IndexRefineFlat"}  # first bytes of a file -> FAISS class
_FLAT_HEADER = 45  # bytes before the vectors


def build_index(embeddings: Floats, exact_up_to: int = EXACT_UP_TO) -> Any:
    """Build the FAISS index of embeddings, float32 (N, D), length one; up to `exact_up_to` of them it is exact."""
    flat: Any = faiss.IndexFlatIP(embeddings.shape[1])
    flat.add(np.ascontiguousarray(embeddings, dtype=np.float32))
    if len(embeddings) <= exact_up_to:
        return flat
    found = _share_found(flat, quantised := _quantised(embeddings), embeddings)
    if found >= FOUND:
        log.info("The search is approximate: it finds %.1f %% of the most similar photos.", 100 * found)
        return quantised
    log.info("The search stays exact: an approximate one would find %.1f %% of the most similar photos.", 100 * found)
    return flat


def is_exact(index: Any) -> bool:
    """Whether an index always finds the most similar embeddings."""
    return isinstance(index, faiss.IndexFlatIP)


def nearest(index: Any, queries: Floats, count: int) -> Rows:
    """Rows of the embeddings most similar to each query, (Q, `count` at most); -1 where the index finds fewer."""
    rows: Rows = index.search(np.ascontiguousarray(queries), min(count, index.ntotal))[1]
    return rows


def write_index(index: Any, path: Path) -> None:
    """Write the index; by Python, because FAISS cannot open every Unicode path on Windows."""
    library: Any = faiss  # whose stubs lack the writer
    with path.open("wb") as file:
        library.write_index(index, library.PyCallbackIOWriter(file.write))


def read_index(path: Path, photos: int, dimensions: int) -> Any:
    """Open the index, mapped from disk; a ValueError where it is not an index of so many photos and dimensions."""
    with path.open("rb") as file:
        kind = file.read(4)
    size = path.stat().st_size
    if kind not in _KINDS or (kind == b"IxFI" and size != _FLAT_HEADER + 4 * photos * dimensions):
        raise ValueError(f"{path.name} is no index of {photos} photos")
    library: Any = faiss
    if hasattr(library, "set_deserialization_vector_byte_limit"):  # newer versions: allocate no more than that
        library.set_deserialization_vector_byte_limit(size)
    try:
        if os.name == "nt":  # a file that is mapped could not be replaced there
            index = library.deserialize_index(np.fromfile(path, np.uint8))
        else:
            index = library.read_index(str(path), library.IO_FLAG_MMAP_IFC)
    except (RuntimeError, MemoryError) as error:  # what FAISS raises
        raise ValueError(f"{path.name} is damaged") from error
    if (index.ntotal, index.d, type(index).__name__) != (photos, dimensions, _KINDS[kind]) or not _fits(index):
        raise ValueError(f"{path.name} is no index of {photos} photos")
    return index


def _fits(index: Any) -> bool:
    """Whether an index has the structure that `build_index` makes, its arrays as long as it says."""
    if is_exact(index):
        return _by_product(index) and bool(index.codes.size() == 4 * index.ntotal * index.d)
    library: Any = faiss  # whose stubs lack the parts of an index
    flat, base = (library.downcast_index(each) for each in (index.refine_index, index.base_index))
    if not isinstance(flat, faiss.IndexFlatIP) or type(base).__name__ != "IndexPQFastScan":
        return False
    parts, blocks = _parts(index.d), -(-index.ntotal // base.bbs) * base.bbs
    base.implem, index.k_factor = 0, SHORTLISTED
    return (
        all(_by_product(each) for each in (index, flat, base))
        and {flat.ntotal, base.ntotal} == {index.ntotal}
        and {flat.d, base.d, base.pq.d} == {index.d}
        and (base.M, base.pq.M, base.nbits, base.pq.nbits, base.bbs) == (parts, parts, 4, 4, 32)
        and base.pq.centroids.size() == 16 * index.d
        and flat.codes.size() == 4 * index.ntotal * index.d
        and base.codes.size() >= blocks * (parts + parts % 2) // 2
    )


def _by_product(index: Any) -> bool:
    return bool(index.is_trained and index.metric_type == faiss.METRIC_INNER_PRODUCT)


def _parts(dimensions: int) -> int:
    """The number of parts in which an embedding is quantised, each of `WIDTH` entries or slightly more."""
    return max(parts for parts in range(1, max(1, dimensions // WIDTH) + 1) if dimensions % parts == 0)


def _quantised(embeddings: Floats) -> Any:
    dimensions = embeddings.shape[1]
    index: Any = faiss.index_factory(dimensions, f"PQ{_parts(dimensions)}x4fs,RFlat", faiss.METRIC_INNER_PRODUCT)
    index.k_factor = SHORTLISTED
    sample = np.sort(np.random.default_rng(0).permutation(len(embeddings))[:TRAINED_ON])
    with threadpool_limits(1, user_api="openmp"):  # measured: its threads wait for each other, up to 10 times slower
        index.train(np.ascontiguousarray(embeddings[sample]))
    index.add(np.ascontiguousarray(embeddings, dtype=np.float32))
    return index


def _share_found(flat: Any, quantised: Any, embeddings: Floats) -> float:
    """The share of some embeddings' most similar others that the quantised index finds, 0 to 1."""
    queries = embeddings[np.sort(np.random.default_rng(1).permutation(len(embeddings))[:TRIED])]
    least = flat.search(queries, NEIGHBOURS + 1)[0][:, -1:]  # each is its own best neighbour
    found = quantised.search(queries, min(FEWEST, len(embeddings)))[0][:, 1 : NEIGHBOURS + 1]
    return float(np.mean(found >= least - np.finfo(np.float32).eps * 8))
