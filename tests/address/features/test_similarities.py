from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from wildtrack.address.features.similarities import Described, Known, described, sides_of

from tests.address.matching.local.test_voting import NOTHING, keypoints
from tests.spotted import spots
from wildtrack.address.features.keypoints import find_keypoints
from wildtrack.address.matching.learning import EMBEDDING, LOCAL
from wildtrack.address.matching.local.voting import LocalIndex
from wildtrack.storage.cache import CacheConfig


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def photos(rng: np.random.Generator, counts: list[int], with_keypoints: bool = True) -> Described:
    """Photos with so many keypoints each."""
    found = [keypoints(rng, count) for count in counts] if with_keypoints else None
    return Described(unit(rng.normal(size=(len(counts), 4))), found)


@pytest.mark.parametrize("with_keypoints", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_excluded_photos_are_as_if_they_were_not_there(seed: int, with_keypoints: bool) -> None:
    rng = np.random.default_rng(seed)
    gallery = photos(rng, [30, 0, 25, 40, 1, 30], with_keypoints)
    queries = photos(rng, [20, 0, 35], with_keypoints)
    excluded = rng.random((3, 6)) < 0.4
    excluded[0] = seed == 0  # all of them, or none
    found = Known(gallery).similarities(queries, excluded)
    assert set(found) == ({EMBEDDING, LOCAL} if with_keypoints else {EMBEDDING})
    for name, scores in found.items():
        assert scores.shape == (3, 6)
        assert np.isneginf(scores[excluded]).all()
        for row, out in enumerate(excluded):
            kept = np.flatnonzero(~out)
            if len(kept):
                few = Known(gallery[kept]).similarities(queries[np.array([row])])[name][0]
                np.testing.assert_allclose(scores[row, kept], few, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("with_keypoints", [True, False])
def test_asking_again_only_who_loses_a_photo_changes_nothing(share: float, with_keypoints: bool) -> None:
    rng = np.random.default_rng(1)
    known, queries = Known(photos(rng, [30] * 5, with_keypoints)), photos(rng, [20, 30, 0, 25], with_keypoints)
    excluded = rng.random((4, 5)) < share
    all_of_them = known.similarities(queries)
    before = {name: scores.copy() for name, scores in all_of_them.items()}
    found, expected = known.similarities_without(queries, excluded, all_of_them), known.similarities(queries, excluded)
    for name, scores in expected.items():
        np.testing.assert_allclose(found[name], scores, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(all_of_them[name], before[name])  # which stay as they are


def test_nothing_excluded_is_no_exclusion() -> None:
    rng = np.random.default_rng(2)
    known, queries = Known(photos(rng, [30, 20])), photos(rng, [10, 30])
    for name, scores in known.similarities(queries, np.zeros((2, 2), np.bool_)).items():
        np.testing.assert_array_equal(scores, known.similarities(queries)[name])


def test_scores_are_cosines_and_shared_keypoints() -> None:
    rng = np.random.default_rng(3)
    gallery, queries = photos(rng, [30, 20, 0]), photos(rng, [25, 30])
    found = Known(gallery).similarities(queries)
    for query in range(2):
        for photo in range(3):
            cosine = sum(a * b for a, b in zip(queries.embeddings[query], gallery.embeddings[photo], strict=True))
            assert found[EMBEDDING][query, photo] == pytest.approx(cosine, abs=1e-6)
    assert gallery.keypoints is not None and queries.keypoints is not None
    index = LocalIndex(gallery.keypoints)
    for query, points in enumerate(queries.keypoints):
        np.testing.assert_array_equal(found[LOCAL][query], index.rank(points))


def test_an_index_that_is_there_is_used() -> None:
    rng = np.random.default_rng(4)
    gallery, queries = photos(rng, [30, 20]), photos(rng, [25])
    assert gallery.keypoints is not None
    known = Known(Described(gallery.embeddings, None), LocalIndex(gallery.keypoints))
    np.testing.assert_array_equal(known.similarities(queries)[LOCAL], Known(gallery).similarities(queries)[LOCAL])
    assert set(known.similarities(Described(queries.embeddings, None))) == {EMBEDDING}


@pytest.mark.parametrize("queries", [[], [0], [0, 0], [15]])
@pytest.mark.parametrize("gallery", [[0], [0, 0, 0], [1], [0, 20], [2, 3]])
def test_photos_without_keypoints_are_no_failure(gallery: list[int], queries: list[int]) -> None:
    rng = np.random.default_rng(5)
    known, asked = Known(photos(rng, gallery)), photos(rng, queries)
    shape = (len(queries), len(gallery))
    for excluded in (None, np.zeros(shape, np.bool_), np.ones(shape, np.bool_)):
        for scores in known.similarities(asked, excluded).values():
            assert scores.shape == shape
            assert not np.isnan(scores).any()


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((64, 64, 3), np.uint8), id="black"),
        pytest.param(np.full((64, 64, 3), 255, np.uint8), id="white"),
        pytest.param(spots(0, 20), id="20 pixels"),
        pytest.param(spots(0, 20)[:1], id="one line"),
    ],
)
def test_pictures_that_show_little_are_no_failure(picture: np.ndarray) -> None:
    pictures = [picture, spots(1), picture]
    embeddings = unit(np.random.default_rng(0).normal(size=(3, 4)))
    everything = Described(embeddings, [find_keypoints(each) for each in pictures])
    for scores in Known(everything).similarities(everything, np.eye(3, dtype=np.bool_)).values():
        assert np.isneginf(np.diag(scores)).all()
        assert np.isfinite(scores[~np.eye(3, dtype=np.bool_)]).all()


def test_some_photos_of_all() -> None:
    everything = photos(np.random.default_rng(6), [3, 0, 5])
    some = everything[np.array([2, 0])]
    np.testing.assert_array_equal(some.embeddings, everything.embeddings[[2, 0]])
    assert some.keypoints is not None and everything.keypoints is not None
    assert [len(each.places) for each in some.keypoints] == [5, 3]
    assert Described(everything.embeddings, None)[np.array([1])].keypoints is None


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (None, ["", "", ""]),
        (["left", None, "right"], ["left", "", "right"]),
        ([None, float("nan"), ""], ["", "", ""]),
        ([1, 2, 1], ["1", "2", "1"]),
    ],
)
def test_sides(column: list[object] | None, expected: list[str]) -> None:
    table = pd.DataFrame({"identity": list("abc")})
    if column is not None:
        table["orientation"] = pd.Series(column, dtype=object)
    assert sides_of(table).tolist() == expected


def test_keypoints_come_from_the_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    for number in range(2):
        Image.fromarray(spots(number)).save(tmp_path / f"{number}.png")
    table = pd.DataFrame({"path": ["0.png", "1.png"]})
    found = described(table, tmp_path, ["a", "b"], np.eye(2, dtype=np.float32), CacheConfig())
    assert found.keypoints is not None
    assert all(len(each.places) > 50 for each in found.keypoints)


def test_nothing_is_shared_with_nothing() -> None:
    everything = Described(np.eye(2, dtype=np.float32), [NOTHING, NOTHING])
    assert (Known(everything).similarities(everything)[LOCAL] == 0).all()
