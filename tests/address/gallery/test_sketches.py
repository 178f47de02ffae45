import io
from pathlib import Path

import numpy as np
import pytest

from tests.address.gallery.test_nearest import unit
from wildtrack.address.gallery import sketches as module
from wildtrack.address.gallery.nearest import nearest
from wildtrack.address.gallery.sketches import Sketches, SketchIndex, learn_sketches, open_sketches, write_sketches
from wildtrack.errors import UserError

NAMES = ("words", "codes")


def photos(animals: int, length: int, seed: int = 0, each: int = 10, noise: float = 0.8) -> np.ndarray:
    """So many of each animal, alike by about 1 / (1 + noise^2)."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(unit(rng.normal(size=(animals, length))), each, axis=0)
    return unit(centres + noise / np.sqrt(length) * rng.normal(size=centres.shape))


@pytest.mark.parametrize("length", [64, 61])
def test_finds_what_the_exact_search_finds(length: int) -> None:
    both = photos(800, length, each=11)
    queries, embeddings = both[::11][:100], np.delete(both, np.s_[::11], axis=0)
    index = learn_sketches(embeddings)
    (similarity, rows), (truth, expected) = index.nearest(queries, 10), nearest(embeddings, queries, 10)
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(rows.tolist(), expected.tolist(), strict=True)])
    assert shared > 0.98
    assert index.sketches.found > 0.98
    same = rows == expected
    np.testing.assert_array_equal(similarity[same], truth[same])  # what is found is scored exactly
    order = np.lexsort((rows, -similarity))
    assert (order == np.arange(10)).all()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("total", [16, 17, 300])
def test_all_of_a_few_are_found(length: int, total: int) -> None:
    embeddings = unit(np.random.default_rng(0).normal(size=(total, length)))
    index = learn_sketches(embeddings)
    for asked, count in ((1, 1), (5, 4), (total, 3), (0, 3)):
        found, expected = index.nearest(embeddings[:asked], count), nearest(embeddings, embeddings[:asked], count)
        np.testing.assert_array_equal(found[0], expected[0])
        if length > 1:  # else half of them are equal, and FAISS leaves out the other half
            np.testing.assert_array_equal(found[1], expected[1])
            assert index.sketches.found == 1


@pytest.mark.parametrize("threads", [1, 3, 7, 300])
def test_as_many_threads_as_there_are(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = photos(20, 8)
    monkeypatch.setattr(module, "THREADS", threads)
    found, expected = learn_sketches(embeddings).nearest(embeddings, 20), nearest(embeddings, embeddings, 20)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_more_wanted_than_there_are() -> None:
    embeddings = photos(20, 8)
    similarity, rows = learn_sketches(embeddings).nearest(embeddings[:3], 1000)
    assert similarity.shape == rows.shape == (3, 200)
    there = rows >= 0
    assert (np.sort(rows[there]) >= 0).all()
    np.testing.assert_array_equal(there, np.isfinite(similarity))
    assert there.sum(axis=1).min() > 150  # FAISS leaves out what has the lowest score there can be


def test_two_embeddings_many_times() -> None:
    embeddings = np.repeat(np.eye(2, 8, dtype=np.float32), 2000, axis=0)
    index = learn_sketches(embeddings)
    assert index.sketches.found == 1  # one photo is as good as another
    for count in (10, 3000):
        similarity, rows = index.nearest(embeddings[:1], count)
        there = rows[0] >= 0
        assert 10 <= there.sum() == np.isfinite(similarity[0]).sum()
        np.testing.assert_array_equal(similarity[0, there], embeddings[rows[0, there], 0])


def test_what_is_found_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORTLIST", 11)
    monkeypatch.setattr(module, "SHORTLISTED", 1)
    embeddings = unit(np.random.default_rng(0).normal(size=(5000, 64)))  # of which none are neighbours
    found = learn_sketches(embeddings).sketches.found
    assert 0 < found < 0.7


def test_a_second_time_is_the_same() -> None:
    embeddings = photos(60, 12)
    first, second = learn_sketches(embeddings).sketches, learn_sketches(embeddings).sketches
    np.testing.assert_array_equal(first.words, second.words)
    np.testing.assert_array_equal(first.codes, second.codes)
    assert first.found == second.found


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    embeddings = photos(50, 10)
    np.save(tmp_path / "embeddings.npy", embeddings)
    write_sketches(learn_sketches(embeddings).sketches, tmp_path)
    return tmp_path


def embeddings_of(folder: Path) -> np.ndarray:
    return np.asarray(np.load(folder / "embeddings.npy", mmap_mode="r"))


def test_round_trip(saved: Path) -> None:
    embeddings = embeddings_of(saved)
    opened, learnt = open_sketches(saved, embeddings, 0.99), learn_sketches(embeddings)
    assert opened.sketches.found == 0.99
    assert opened.sketches.words.shape == (3, 16, 4)
    assert opened.sketches.codes.shape == (500, 2)
    for one, other in zip(opened.nearest(embeddings, 5), learnt.nearest(embeddings, 5), strict=True):
        np.testing.assert_array_equal(one, other)


def refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^the sketches in .* (cannot be read: .|do not fit the embeddings$)") as error:
        open_sketches(folder, embeddings_of(folder), 1.0)
    assert "\n" not in str(error.value)


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_missing_or_damaged_files_are_one_line(saved: Path, name: str) -> None:
    path = saved / f"sketch_{name}.npy"
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:20], whole[:-1], npz(), b"\x93NUMPY" + b"\xff" * 99):
        path.write_bytes(content)
        refused(saved)
    np.save(path, np.array([[["a pickle"]]], dtype=object), allow_pickle=True)
    refused(saved)
    path.unlink()
    refused(saved)
    path.mkdir()
    refused(saved)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("words", np.zeros((3, 16, 4))),
        ("words", np.zeros((3, 16, 4), ">f4")),
        ("words", np.zeros((2, 16, 4), np.float32)),
        ("words", np.zeros((3, 17, 4), np.float32)),
        ("words", np.zeros((3, 16), np.float32)),
        ("words", np.zeros((), np.float32)),
        ("words", np.full((3, 16, 4), np.nan, np.float32)),
        ("words", np.full((3, 16, 4), -np.inf, np.float32)),
        ("words", np.full((3, 16, 4), 1e30, np.float32)),
        ("codes", np.zeros((499, 2), np.uint8)),
        ("codes", np.zeros((501, 2), np.uint8)),
        ("codes", np.zeros((500, 3), np.uint8)),
        ("codes", np.zeros(1000, np.uint8)),
        ("codes", np.zeros((500, 2), np.int8)),
        ("codes", np.zeros((), np.uint8)),
    ],
)
def test_arrays_that_do_not_fit_are_one_line(saved: Path, name: str, values: np.ndarray) -> None:
    np.save(saved / f"sketch_{name}.npy", values, allow_pickle=False)
    refused(saved)


@pytest.mark.parametrize("seed", range(3))
def test_any_codes_and_words_give_true_similarities_of_photos_that_are_there(saved: Path, seed: int) -> None:
    """Whatever lies in the files, at worst the wrong photos are found."""
    rng = np.random.default_rng(seed)
    embeddings = embeddings_of(saved)
    words = rng.uniform(-2, 2, (3, 16, 4)).astype(np.float32)
    index = SketchIndex(embeddings, Sketches(words, rng.integers(0, 256, (500, 2), dtype=np.uint8)))
    similarity, rows = index.nearest(embeddings[:20], 9)
    assert rows.min() >= 0
    assert rows.max() < 500
    expected = np.take_along_axis(embeddings[:20] @ embeddings.T, rows, axis=1)
    np.testing.assert_allclose(similarity, expected, atol=1e-6)
