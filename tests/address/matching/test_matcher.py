from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.spotted import spots
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import find_keypoints
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.ranking import rank_identities
from wildtrack.address.matching import matcher as module
from wildtrack.address.matching.embedding import EmbeddingMatcher
from wildtrack.address.matching.fused import FusedMatcher, matcher_names
from wildtrack.address.matching.local.matcher import LocalMatcher
from wildtrack.address.matching.matcher import Bools, Floats, Matcher, Rows, matchers, new_matcher
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
    assert matcher_names() == ["embedding", "local", "fused"]
    kinds = {name: (kind.uses_embeddings, kind.uses_keypoints) for name, kind in matchers().items()}
    assert kinds == {"embedding": (True, False), "local": (False, True)}


def test_a_new_object_by_name() -> None:
    assert type(new_matcher("local")) is LocalMatcher
    with pytest.raises(UserError, match=r"^there is no matcher 'nose'; allowed are embedding, local$"):
        new_matcher("nose")


@pytest.mark.parametrize("taken", ["auto", "fused"])
def test_a_name_that_means_something_else_is_refused(taken: str) -> None:
    with pytest.raises(ValueError, match=f"^a matcher cannot be named '{taken}'; choose another name$"):
        type("Nose", (EmbeddingMatcher,), {"name": taken})
    assert taken not in matchers()


def test_a_class_without_a_name_of_its_own_is_not_registered(registry: dict[str, type[Matcher]]) -> None:
    before = dict(registry)

    class Derived(EmbeddingMatcher):
        """Would be taken for its base if names were inherited."""

    class Unnamed(FusedMatcher):
        """As `FusedMatcher` itself."""

    assert (Derived.name, Unnamed.name) == ("embedding", "")
    assert matchers() == registry == before


@pytest.mark.usefixtures("registry")
def test_a_matcher_that_a_test_defines_is_scored_learnt_kept_and_ranked_by(tmp_path: Path) -> None:
    class Colour(Matcher):
        """The first entry of the embeddings, as close as it is."""

        name = "colour"

        def scores(
            self, queries: Features, gallery: Gallery, excluded: Bools | None = None, rows: Rows | None = None
        ) -> Floats:
            found = -np.abs(queries.embeddings[:, :1] - gallery.embeddings_of(rows)[:, 0])
            if excluded is not None:
                found[excluded if rows is None else excluded[:, rows]] = -np.inf
            return np.asarray(found)

    assert matchers()["colour"] is Colour
    assert matcher_names() == ["colour", "embedding", "local", "fused"]

    rng = np.random.default_rng(0)
    names = np.repeat(list("abcdef"), 3)
    embeddings = rng.normal(size=(18, 4)).astype(np.float32)
    embeddings[:, 0] = np.repeat(np.arange(6), 3) + 0.1 * rng.random(18)
    table = pd.DataFrame({"identity": names})
    features = Features(embeddings, np.full(18, "", object))
    rows = np.arange(18)
    validation = score_validation(table, features, Protocol(rows[::3], rows[rows % 3 > 0], "by hand", 0))
    assert set(validation.known.scores) == {"colour", "embedding"}  # there are no keypoints to compare
    matching = learn_matching(validation)
    assert matching.best == "colour"
    write_matching(matching, tmp_path / "matching.json")
    again = read_matching(tmp_path / "matching.json")
    assert again is not None

    gallery = Gallery.of(table, features)
    for matcher in (Colour(), again.matcher("colour")):
        best = rank_identities(features[rows[4:5]], gallery, matcher, 9, rows == 4)
        assert best["identity"].iloc[0] == "b"
        assert len(best) == 6


@pytest.mark.parametrize("name", ["embedding", "local"])
@pytest.mark.parametrize("seed", range(3))
def test_every_matcher_scores_only_the_rows_that_are_wanted_and_never_those_excluded(name: str, seed: int) -> None:
    """What a `Matcher` promises, for each of those there are."""
    rng = np.random.default_rng(seed)

    def photos(seeds: list[int]) -> Features:
        embeddings = rng.normal(size=(len(seeds), 5))
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        keypoints = [find_keypoints(spots(each, 120)) for each in seeds]
        return Features(embeddings.astype(np.float32), np.full(len(seeds), "", object), keypoints)

    queries, known = photos([0, 1, 2]), photos([2, 0, 3, 1, 0])
    gallery, matcher = Gallery.of(pd.DataFrame({"identity": list("abcde")}), known), new_matcher(name)
    scores = matcher.scores(queries, gallery)
    assert scores.shape == (3, 5) and np.isfinite(scores).all()
    excluded = rng.random((3, 5)) < 0.4
    excluded[0] = seed == 0  # all or none
    without = matcher.scores(queries, gallery, excluded)
    assert np.isneginf(without[excluded]).all()
    for rows in (np.array([3, 0]), np.array([], int), np.arange(5)):
        np.testing.assert_array_equal(matcher.scores(queries, gallery, rows=rows), scores[:, rows])
        np.testing.assert_array_equal(matcher.scores(queries, gallery, excluded, rows), without[:, rows])
    for row in range(3):  # as if what is excluded were not there
        kept = np.flatnonzero(~excluded[row])
        fewer = Gallery.of(pd.DataFrame({"identity": list("abcde")}).iloc[kept], known[kept])
        expected = matcher.scores(queries[np.array([row])], fewer)[0]
        np.testing.assert_allclose(without[row, kept], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(matcher.scores(queries, gallery, np.zeros((3, 5), np.bool_)), scores)
    assert matcher.scores(queries[np.array([], int)], gallery).shape == (0, 5)
