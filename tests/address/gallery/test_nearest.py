import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info
from wildtrack.address.gallery.nearest import nearest, similarities

from wildtrack.address.gallery import nearest as module

CORNERS = np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]], np.float32)  # with one another exact in float32: many ties


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def by_the_book(embeddings: np.ndarray, queries: np.ndarray, count: int) -> tuple[list[list[float]], list[list[int]]]:
    """Every pair by itself."""
    ranked = []
    for query in queries:
        scores = [float(np.float32((row * query).sum(dtype=np.float64))) for row in embeddings]
        ranked.append(sorted((-score, row) for row, score in enumerate(scores))[:count])
    return [[-score for score, _ in found] for found in ranked], [[row for _, row in found] for found in ranked]


def same(embeddings: np.ndarray, queries: np.ndarray, count: int) -> None:
    similarity, rows = nearest(embeddings, queries, count)
    scores, expected = by_the_book(embeddings, queries, count)
    width = min(count, len(embeddings))
    assert rows.tolist() == expected
    np.testing.assert_array_equal(similarity, np.reshape(scores, (len(queries), width)))
    assert similarity.dtype == np.float32
    assert rows.shape == similarity.shape == (len(queries), width)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that little data makes many blocks, and the best are cut down more than once."""
    for name, value in {"BLOCK": 7, "PAIRS": 5, "MANY": 9, "CELLS": 60, "QUERIES": 4}.items():
        monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.usefixtures("small_blocks")
def test_agrees_with_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    total, asked, length = int(rng.integers(1, 120)), int(rng.integers(1, 10)), int(rng.integers(1, 40))
    if seed % 2:
        embeddings, queries = CORNERS[rng.integers(0, 4, total)], CORNERS[rng.integers(0, 4, asked)]
    else:
        drawn = unit(rng.normal(size=(total, length)))
        embeddings = drawn[rng.integers(0, total, total)]  # some of them more than once
        queries = unit(np.concatenate([embeddings[:2], rng.normal(size=(asked, length))]))
    same(embeddings, queries, int(rng.integers(1, 2 * total + 1)))


@pytest.mark.parametrize(
    ("total", "asked", "count"), [(0, 3, 2), (5, 0, 2), (0, 0, 1), (5, 3, 0), (1, 1, 1), (1, 2, 9)]
)
@pytest.mark.parametrize("length", [1, 3])
def test_few_or_none(total: int, asked: int, count: int, length: int) -> None:
    same(np.ones((total, length), np.float32), np.ones((asked, length), np.float32), count)


@pytest.mark.parametrize("asked", [1, 3, 40])
def test_equal_vectors_go_by_row_wherever_they_lie(asked: int) -> None:
    rng = np.random.default_rng(0)
    embeddings = unit(rng.normal(size=(90_000, 24)))
    places = np.sort(rng.choice(len(embeddings), 300, replace=False))
    embeddings[places] = embeddings[0]
    similarity, rows = nearest(embeddings, np.repeat(embeddings[:1], asked, axis=0), 200)
    assert (rows == sorted({0, *places.tolist()})[:200]).all()
    assert (similarity == similarity[0, 0]).all()


@pytest.mark.parametrize("asked", [1, 5])
def test_all_embeddings_the_same(asked: int) -> None:
    embeddings = np.full((100_000, 4), 0.5, np.float32)
    similarity, rows = nearest(embeddings, embeddings[:asked], 3)
    assert rows.tolist() == [[0, 1, 2]] * asked
    assert (similarity == 1).all()


def test_what_is_no_number_comes_last() -> None:
    embeddings = np.tile(CORNERS, (50_000, 1))
    embeddings[::2] = np.nan
    similarity, rows = nearest(embeddings, CORNERS[1:2], 100_003)
    assert rows[0, :3].tolist() == [1, 5, 9]
    assert not np.isnan(similarity[0, :100_000]).any()
    assert rows[0, 100_000:].tolist() == [0, 2, 4]
    assert nearest(embeddings, np.full((1, 2), np.nan, np.float32), 3)[1].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("asked", [1, 3])
@pytest.mark.parametrize("broken", [1, 5, 9])
def test_a_few_that_are_no_numbers_push_nobody_out(broken: int, asked: int) -> None:
    angles = np.linspace(0, 1, 400, dtype=np.float32)
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # the best first
    embeddings[150 : 150 + broken] = np.nan
    assert nearest(embeddings, np.tile(CORNERS[:1], (asked, 1)), 10)[1].tolist() == [list(range(10))] * asked


def test_the_answer_does_not_depend_on_what_else_is_asked() -> None:
    rng = np.random.default_rng(0)
    embeddings, queries = unit(rng.normal(size=(50_000, 33))), unit(rng.normal(size=(1100, 33)))
    together = nearest(embeddings, queries, 4)
    for row in (0, 1, 500, 1023, 1024, 1099):
        alone = nearest(embeddings, queries[row : row + 1], 4)
        np.testing.assert_array_equal(alone[0][0], together[0][row])
        np.testing.assert_array_equal(alone[1][0], together[1][row])


def test_embeddings_on_disk_are_neither_copied_nor_changed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", unit(rng.normal(size=(60_000, 64))))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    query = np.array(mapped[41_000:41_001])
    nearest(mapped[:9], query, 3)  # what is made once
    tracemalloc.start()
    rows = nearest(mapped, query, 10)[1]
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows[0, 0] == 41_000
    assert taken < mapped.nbytes / 10


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_several_at_a_time_and_mistakes_leave_the_threads_as_they_were() -> None:
    rng = np.random.default_rng(0)
    embeddings, queries = unit(rng.normal(size=(40_000, 16))), unit(rng.normal(size=(30, 16)))
    before, expected = blas_threads(), nearest(embeddings, queries, 5)[1]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda query: nearest(embeddings, query[None], 5)[1][0], queries))
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="matmul"):
        nearest(embeddings, queries[:, :9], 5)
    assert blas_threads() == before


@pytest.mark.parametrize("pairs", [0, 1, 30])
def test_similarities_of_pairs(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAIRS", 7)
    rng = np.random.default_rng(0)
    embeddings, queries = unit(rng.normal(size=(9, 5))), unit(rng.normal(size=(4, 5)))
    rows, asked = rng.integers(0, 9, pairs), rng.integers(0, 4, pairs)
    expected = [float(embeddings[row] @ queries[query]) for row, query in zip(rows, asked, strict=True)]
    np.testing.assert_allclose(similarities(embeddings, rows, queries, asked), expected, atol=1e-6)
