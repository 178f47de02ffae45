import logging
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from tests.helpers.features import photos, quantised, unit
from wildtrack.address.gallery import index as module
from wildtrack.address.gallery.index import FOUND, build_index, is_exact, nearest, read_index, write_index

KINDS = {"exact": build_index, "quantised": quantised}


@pytest.mark.parametrize("count", [1, 3, 100])
@pytest.mark.parametrize("total", [1, 2, 60])
def test_the_exact_index_finds_the_most_similar(total: int, count: int) -> None:
    rng = np.random.default_rng(total)
    embeddings, queries = unit(rng.normal(size=(total, 7))), unit(rng.normal(size=(4, 7)))
    index = build_index(embeddings)
    assert is_exact(index)
    expected = np.argsort(-queries @ embeddings.T, axis=1)[:, :count]
    assert nearest(index, queries, count).tolist() == expected.tolist()


@pytest.mark.parametrize("length", [64, 60, 6, 3])
def test_the_quantised_index_finds_nearly_all_of_them(length: int, caplog: pytest.LogCaptureFixture) -> None:
    embeddings, queries = photos(80, length), photos(80, length, each=1)
    with caplog.at_level(logging.INFO):
        index = quantised(embeddings)
    assert "The search is approximate: it finds" in caplog.text
    expected = np.argsort(-queries @ embeddings.T, axis=1)[:, :100]
    found = nearest(index, queries, 100)
    assert found.shape == expected.shape
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(found[:, :10].tolist(), expected[:, :10].tolist(), strict=True)]
    assert np.mean(shared) >= FOUND


def test_a_search_that_misses_much_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FEWEST", 11)
    monkeypatch.setattr(module, "SHORTLISTED", 1)
    embeddings = unit(np.random.default_rng(0).normal(size=(5000, 64)))  # of which none are neighbours
    with caplog.at_level(logging.INFO):
        assert is_exact(build_index(embeddings, exact_up_to=4999))
        assert "The search stays exact: an approximate one would find" in caplog.text
        caplog.clear()
        assert is_exact(build_index(embeddings, exact_up_to=5000))
    assert not caplog.text  # it was not even tried


def test_more_are_wanted_than_there_are() -> None:
    embeddings = photos(20, 8)
    rows = nearest(quantised(embeddings), embeddings[:3], 1000)
    assert rows.shape == (3, 200)
    found = rows[0][rows[0] >= 0]
    assert len(found) == len(set(found.tolist())) > 150  # FAISS leaves out embeddings with the lowest possible score


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "length"), [("index.faiss", 12), ("Žofie 象/přehled.faiss", 3)])
def test_what_is_written_is_what_is_read(kind: str, name: str, length: int, tmp_path: Path) -> None:
    embeddings, path = photos(40, length), tmp_path / name
    path.parent.mkdir(exist_ok=True)
    index = KINDS[kind](embeddings)
    for target in (path, tmp_path / "again"):
        write_index(KINDS[kind](embeddings), target)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    opened = read_index(path, 400, length)
    assert is_exact(opened) == (kind == "exact")
    np.testing.assert_array_equal(nearest(opened, embeddings, 9), nearest(index, embeddings, 9))
    path.unlink()  # and a new one may be put in its place
    write_index(KINDS[kind](embeddings[:300]), path)
    assert read_index(path, 300, length).ntotal == 300


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_of_other_embeddings_or_a_damaged_one_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "index.faiss"
    write_index(KINDS[kind](photos(40, 12)), path)
    for count, dimensions in ((399, 12), (401, 12), (400, 11), (400, 24), (200, 24), (0, 12)):
        with pytest.raises(ValueError, match=f"^index.faiss is no index of {count} photos$"):
            read_index(path, count, dimensions)
    whole = path.read_bytes()
    for content in (b"", b"IxF", b"hello", b"IxFI hostile", b"IxRF", *(whole[:end] for end in (20, 60, 200, -4, -1))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"^index\.faiss is (no index of 400 photos|damaged)$"):
            read_index(path, 400, 12)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_index(path, 400, 12)


PRODUCT = ("IVF4,Flat", "PQ3x4", "SQ8", "PQ3x4fs", "PQ3x4fs,Refine(SQ8)", "PQ4x4fs,RFlat", "HNSW8,Flat")
OTHERS = {faiss.METRIC_L2: ("Flat", "PQ3x4fs,RFlat"), faiss.METRIC_INNER_PRODUCT: PRODUCT}


@pytest.mark.parametrize(("factory", "metric"), [(name, metric) for metric in OTHERS for name in OTHERS[metric]])
def test_another_kind_of_index_is_refused(factory: str, metric: int, tmp_path: Path) -> None:
    library: Any = faiss
    embeddings = photos(40, 12)
    index = library.index_factory(12, factory, metric)
    index.train(embeddings)
    index.add(embeddings)
    write_index(index, tmp_path / "index.faiss")
    with pytest.raises(ValueError, match=r"^index\.faiss is (no index of 400 photos|damaged)$"):
        read_index(tmp_path / "index.faiss", 400, 12)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_any_byte_of_the_head_may_be_altered(kind: str, tmp_path: Path) -> None:
    """Sizes, types and metrics of all parts lie in the first 200 bytes, before the vectors."""
    embeddings, path = photos(40, 12), tmp_path / "index.faiss"
    write_index(KINDS[kind](embeddings), path)
    whole, refused = path.read_bytes(), 0
    for place in range(4, 44 if kind == "exact" else 200):
        for value in (0, 1, 0x7F, 0xFF):
            path.unlink()  # what is mapped stays as it is
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                rows = nearest(read_index(path, 400, 12), embeddings[:2], 5)
            except ValueError:
                refused += 1
            else:
                assert rows.max() < 400
    assert refused > 30
