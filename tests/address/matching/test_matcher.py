from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import features, keypoints, unit
from tests.helpers.spotted import spots
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import Keypoints, find_keypoints
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.ranking import rank_identities
from wildtrack.address.matching import matcher as module
from wildtrack.address.matching.embedding import EmbeddingMatcher
from wildtrack.address.matching.fused import FusedMatcher, matcher_names
from wildtrack.address.matching.local.matcher import LocalMatcher
from wildtrack.address.matching.matcher import Floats, Matcher, matchers, new_matcher
from wildtrack.address.matching.matching import read_matching, write_matching
from wildtrack.address.training.learn_matching import learn_matching, score_validation
from wildtrack.errors import UserError


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, type[Matcher]]]:
    """The registry, which is as before after the test."""
    monkeypatch.setattr(module, "_REGISTRY", matchers())
    yield module._REGISTRY


def test_the_matchers_of_the_package() -> None:
    assert matchers() == {"embedding": EmbeddingMatcher, "local": LocalMatcher}
    assert matcher_names() == ["embedding", "local", "fused"] and type(new_matcher("local")) is LocalMatcher
    with pytest.raises(UserError, match=r"^there is no matcher 'nose'; allowed are embedding, local$"):
        new_matcher("nose")


@pytest.mark.parametrize("taken", ["auto", "fused"])
def test_a_taken_name_is_refused(taken: str) -> None:
    with pytest.raises(ValueError, match=f"^a matcher cannot be named '{taken}'; choose another name$"):
        type("Nose", (EmbeddingMatcher,), {"name": taken})
    assert taken not in matchers()


def test_a_class_without_a_name_of_its_own_is_not_registered(registry: dict[str, type[Matcher]]) -> None:
    before = dict(registry)

    class Derived(EmbeddingMatcher):
        """Inherits a name."""

    class Unnamed(FusedMatcher):
        """Has none."""

    assert (Derived.name, Unnamed.name) == ("embedding", "") and matchers() == registry == before


@pytest.mark.usefixtures("registry")
def test_a_matcher_of_ones_own_is_scored_learnt_kept_and_ranked_by(tmp_path: Path) -> None:
    class Colour(Matcher):
        """Compares the first entry of the embeddings."""

        name = "colour"

        def scores(self, queries: Features, gallery: Gallery, excluded: Any = None, rows: Any = None) -> Floats:
            found = -np.abs(queries.embeddings[:, :1] - gallery.embeddings_of(rows)[:, 0])
            if excluded is not None:
                found[excluded if rows is None else excluded[:, rows]] = -np.inf
            return np.asarray(found)

    assert matcher_names() == ["colour", "embedding", "local", "fused"]
    rng, rows = np.random.default_rng(0), np.arange(18)
    embeddings = rng.normal(size=(18, 4)).astype(np.float32)
    embeddings[:, 0] = np.repeat(np.arange(6), 3) + 0.1 * rng.random(18)
    table, known = pd.DataFrame({"identity": np.repeat(list("abcdef"), 3)}), features(embeddings)
    validation = score_validation(table, known, Protocol(rows[::3], rows[rows % 3 > 0], "by hand", 0))
    assert set(validation.known.scores) == {"colour", "embedding"}  # there are no keypoints to compare
    matching = learn_matching(validation)
    assert matching.best == "colour"
    write_matching(matching, tmp_path / "matching.json")
    again = read_matching(tmp_path / "matching.json")
    assert again is not None
    for matcher in (Colour(), again.matcher("colour")):
        best = rank_identities(known[rows[4:5]], Gallery.of(table, known), matcher, 9, rows == 4)
        assert best["identity"].iloc[0] == "b" and len(best) == 6


def photos(found: list[Keypoints]) -> Features:
    embeddings = unit(np.random.default_rng(len(found)).normal(size=(len(found), 5)))
    return Features(embeddings, np.full(len(found), "", object), found)


def gallery_of(known: Features) -> Gallery:
    return Gallery.of(pd.DataFrame({"identity": [str(row) for row in range(len(known))]}), known)


@pytest.mark.parametrize("name", ["embedding", "local"])
@pytest.mark.parametrize("seed", range(3))
def test_every_matcher_scores_the_wanted_rows_and_ignores_the_excluded(name: str, seed: int) -> None:
    """The contract of `Matcher`."""
    rng = np.random.default_rng(seed)
    points = [find_keypoints(spots(each, 120)) for each in range(4)]
    queries, known = photos(points[:3]), photos([points[each] for each in (2, 0, 3, 1, 0)])
    gallery, matcher = gallery_of(known), new_matcher(name)
    scores = matcher.scores(queries, gallery)
    assert scores.shape == (3, 5) and np.isfinite(scores).all()
    excluded = rng.random((3, 5)) < 0.4
    excluded[0] = seed == 0  # all or none
    without = matcher.scores(queries, gallery, excluded)
    assert np.isneginf(without[excluded]).all()
    for rows in (np.array([3, 0]), np.array([], int), np.arange(5)):
        np.testing.assert_array_equal(matcher.scores(queries, gallery, rows=rows), scores[:, rows])
        np.testing.assert_array_equal(matcher.scores(queries, gallery, excluded, rows), without[:, rows])
    for row in range(3):  # as if excluded photos were not there
        kept = np.flatnonzero(~excluded[row])
        expected = matcher.scores(queries[np.array([row])], gallery_of(known[kept]))[0]
        np.testing.assert_allclose(without[row, kept], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(matcher.scores(queries, gallery, np.zeros((3, 5), np.bool_)), scores)
    assert matcher.scores(queries[np.array([], int)], gallery).shape == (0, 5)


@pytest.mark.parametrize("queries", [[], [0], [0, 0], [15]])
@pytest.mark.parametrize("known", [[0], [0, 0, 0], [1], [0, 20], [2, 3]])
def test_photos_without_keypoints_get_local_scores(known: list[int], queries: list[int]) -> None:
    rng, shape = np.random.default_rng(5), (len(queries), len(known))
    gallery = gallery_of(photos([keypoints(rng, n) for n in known]))
    chosen = photos([keypoints(rng, n) for n in queries])
    for excluded in (None, np.zeros(shape, np.bool_), np.ones(shape, np.bool_)):
        scores = LocalMatcher().scores(chosen, gallery, excluded)
        assert scores.shape == shape and not np.isnan(scores).any()


def test_features_without_keypoints_are_refused() -> None:
    known, without = photos([keypoints(np.random.default_rng(0), 9)]), features(np.ones((1, 1), np.float32))
    for queries, gallery in ((without, gallery_of(known)), (known, gallery_of(without))):
        with pytest.raises(ValueError, match="needs the keypoints"):
            LocalMatcher().scores(queries, gallery)
