"""The most similar of many unit vectors, exactly, in all threads and without a copy of the vectors.

A matrix product and `argpartition` write down all similarities and then look for the best. Here each thread takes a
block of the vectors at a time, and keeps of it only what reaches the best so far.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

THREADS = os.cpu_count() or 1
QUERIES = 1024  # asked at once
BLOCK = 1 << 16  # vectors that a thread compares them with, at most
FIRST = 1 << 12  # of these, whose best say what the others must reach
CELLS = 1 << 22  # similarities of these, at most: 16 MB
MANY = 1 << 14  # pairs that wait to be scored
AHEAD = 2  # blocks for each thread that are compared before the ones before them are looked at
PAIRS = 1 << 11  # scored at once, in the processor's cache

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]

_turn = Lock()  # how many threads BLAS takes is set for the whole program


class _Found(NamedTuple):
    """Pairs of a query and a vector, by query."""

    asked: Rows  # (P,), rows of the queries
    rows: Rows  # (P,), rows of the vectors
    similarity: Floats  # (P,)


def nearest(embeddings: Floats, queries: Floats, count: int) -> tuple[Floats, Rows]:
    """Find each query's most similar embeddings.

    Args:
        embeddings: float32 (N, D), length one; they may be mapped from disk.
        queries: float32 (Q, D), length one.
        count: How many are wanted; K is the smaller of it and N.

    Returns:
        Cosine similarities float32 (Q, K), descending, and rows of the embeddings, int (Q, K); ties by row. NaN is
        less than any similarity.

    Examples:
        >>> nearest(np.eye(3, dtype=np.float32), np.array([[0.6, 0.8, 0]], np.float32), 2)[1]
        array([[1, 0]])
    """
    count = min(count, len(embeddings))
    similarity, rows = np.empty((len(queries), count), np.float32), np.empty((len(queries), count), np.intp)
    for start in range(0, len(queries) if count else 0, QUERIES):
        part = queries[start : start + QUERIES]
        found = _nearest(embeddings, part, count)
        similarity[start : start + QUERIES] = found.similarity.reshape(len(part), count)
        rows[start : start + QUERIES] = found.rows.reshape(len(part), count)
    return similarity, rows


def similarities(embeddings: Floats, rows: Rows, queries: Floats, asked: Rows) -> Floats:
    """Cosine similarity of P pairs, float32 (P,): the same for equal vectors, wherever they lie.

    In a matrix product the last digits depend on where a vector lies, and equals would not be ranked by row.

    Args:
        embeddings: float32 (N, D).
        rows: int (P,), rows of the embeddings.
        queries: float32 (Q, D).
        asked: int (P,), rows of the queries.
    """
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), PAIRS):
        part = slice(start, start + PAIRS)
        found[part] = (embeddings[rows[part]] * queries[asked[part]]).sum(axis=1, dtype=np.float64)
    return found


def _nearest(embeddings: Floats, queries: Floats, count: int) -> _Found:
    """The `count` most similar for each query, best first; 1 <= count <= N."""
    slack = 2 * queries.shape[1] * np.finfo(np.float32).eps  # how far two products may be from the true similarities
    least = np.full((len(queries), 1), -np.inf, np.float32)  # what a product must reach; it rises

    def likely(block: slice) -> tuple[Rows, Rows]:
        products = queries @ embeddings[block].T  # (Q, up to BLOCK)
        floor = least
        first = products[:, : max(FIRST, count)]
        if products.shape[1] > count and np.isneginf(floor).any():
            finite = np.where(np.isnan(first), -np.inf, first)  # NaN would be taken for the most similar
            floor = np.partition(finite, -count, axis=1)[:, -count, None] - slack
        asked, rows = np.divmod(np.flatnonzero(~(products < floor)), products.shape[1])  # so written, NaN is kept
        return asked, rows + block.start

    best = _Found(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))
    waiting, number = [], 0
    blocks = _blocks(len(embeddings), max(1, min(BLOCK, CELLS // len(queries))))
    alone = len(queries) == 1  # its products wait for memory, not for the cores, and BLAS' own threads are awake
    with _turn, nullcontext() if alone else _blas().limit(limits=1, user_api="blas"):
        found = map(likely, blocks) if alone else _in_threads(likely, blocks)
        for place, pairs in enumerate(found):
            waiting.append(pairs)
            number += len(pairs[0])
            if place in (0, len(blocks) - 1) or number > max(MANY, 2 * len(queries) * count):
                asked, rows = (np.concatenate(values) for values in zip(*waiting, strict=True))
                best = _best(best, _Found(asked, rows, similarities(embeddings, rows, queries, asked)), count)
                counts = np.bincount(best.asked, minlength=len(queries))
                last = best.similarity[np.cumsum(counts) - 1]
                least = (np.where(counts == count, last, -np.inf) - slack).astype(np.float32)[:, None]
                waiting, number = [], 0
    return best


def _in_threads(likely: Callable[[slice], tuple[Rows, Rows]], blocks: list[slice]) -> Iterator[tuple[Rows, Rows]]:
    """Results in order, few ahead of who takes them: where most are alike, a block has millions of pairs."""
    waiting: deque[Future[tuple[Rows, Rows]]] = deque()
    for block in blocks:
        waiting.append(_threads().submit(likely, block))
        if len(waiting) > AHEAD * THREADS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _blocks(total: int, length: int) -> list[slice]:
    """Rows in blocks of one length, that at most, as many for each thread."""
    rounds = -(-total // (length * THREADS))
    step = -(-total // (rounds * THREADS))
    return [slice(start, start + step) for start in range(0, total, step)]


def _best(first: _Found, second: _Found, count: int) -> _Found:
    """The `count` best of each query, best first, ties by row."""
    asked = np.concatenate([first.asked, second.asked])
    rows = np.concatenate([first.rows, second.rows])
    similarity = np.concatenate([first.similarity, second.similarity])
    order = np.lexsort((rows, -similarity, asked))
    asked = asked[order]
    kept = np.arange(len(asked)) - np.searchsorted(asked, asked) < count
    return _Found(asked[kept], rows[order[kept]], similarity[order[kept]])


@cache
def _blas() -> ThreadpoolController:
    """The libraries whose threads can be limited; finding them takes milliseconds."""
    return ThreadpoolController()


@cache
def _threads() -> ThreadPoolExecutor:
    """They stay, because starting them takes as long as comparing some thousand vectors."""
    return ThreadPoolExecutor(THREADS, "nearest")
