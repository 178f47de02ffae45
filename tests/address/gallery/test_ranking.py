from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import features, photos, quantised, table, unit
from tests.helpers.spotted import fake_matching
from wildtrack.address.features.features import Features
from wildtrack.address.gallery import ranking as module
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.index import build_index
from wildtrack.address.gallery.ranking import rank_identities
from wildtrack.address.matching.embedding import EmbeddingMatcher, cosines
from wildtrack.address.matching.matcher import Bools, Floats, Matcher

CORNERS = unit(np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]]))  # exact in float32 with one another: many ties


class InThrees(Matcher):
    """A score that jumps, and is lower for photos of every third row."""

    def scores(self, queries: Features, gallery: Gallery, excluded: Any = None, rows: Any = None) -> Floats:
        numbers = np.arange(len(gallery)) if rows is None else rows
        found = self.step(cosines(queries.embeddings, gallery.embeddings_of(rows))) + np.where(numbers % 3, 0.5, 0.0)
        return found if excluded is None else np.where(excluded[:, numbers], -np.inf, found)

    def step(self, cosine: Any) -> Any:
        return np.round(4 * cosine) / 4

    def bound(self, cosine: float) -> float:
        return float(self.step(cosine)) + 0.5


class Counted(EmbeddingMatcher):
    """Counts the photos that are scored."""

    name = ""

    def __init__(self) -> None:
        self.rounds: list[int] = []

    def scores(self, queries: Features, gallery: Gallery, excluded: Any = None, rows: Any = None) -> Floats:
        self.rounds.append(len(gallery) if rows is None else len(rows))
        return super().scores(queries, gallery, excluded, rows)


MATCHERS = {
    "cosine": EmbeddingMatcher(),
    "log-odds": fake_matching().matcher("embedding"),
    "by viewpoint": fake_matching(True).matcher("embedding"),
    "in threes": InThrees(),
}


def indexed(names: list[str], embeddings: np.ndarray) -> Gallery:
    return Gallery(table(names), embeddings, index=build_index(embeddings))


def drawn(seed: int, count: int) -> Gallery:
    """So many photos, of animals of which some have many; with many ties, or copies of a few photos."""
    rng = np.random.default_rng(seed)
    embeddings = unit(rng.normal(size=(count, 4)))
    if seed % 3 == 1:
        embeddings = CORNERS[rng.integers(0, 4, count)]
    elif seed % 3 == 2:
        embeddings = embeddings[rng.integers(0, 1 + count // 100, count)]
    names = [f"id {int(number)}" for number in rng.integers(1, 1 + rng.integers(1, 60)) * rng.random(count) ** 2]
    found = table(names).assign(orientation=rng.choice(["left", "right", ""], count))
    return Gallery(found, embeddings, index=build_index(embeddings))


def by_the_book(query: Features, gallery: Gallery, matcher: Matcher, count: int, excluded: Bools) -> pd.DataFrame:
    """Every photo scored, and the best photo of each animal taken, one by one."""
    scores = matcher.scores(query, gallery, excluded[None])[0]
    similarity = cosines(query.embeddings, gallery.embeddings_of())[0]
    names, best = gallery.table["identity"].tolist(), dict[str, int]()
    for row in sorted(np.flatnonzero(~excluded).tolist(), key=lambda row: (-scores[row], row)):
        best.setdefault(names[row], row)
    rows = list(best.values())[:count]
    found, counts = gallery.table.iloc[rows].reset_index(drop=True), [names.count(names[row]) for row in rows]
    figures = {"similarity": np.clip(similarity[rows], -1, 1), "score": scores[rows]}
    return found.assign(**figures, row=np.array(rows, int), gallery_photos=np.array(counts, int))


@pytest.mark.parametrize("name", MATCHERS)
@pytest.mark.parametrize("seed", range(15))
def test_the_ranking_is_as_if_every_photo_were_scored(name: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(module, "FEWEST", int(rng.integers(1, 30)))
    count = int(rng.integers(1, 900))
    gallery, matcher = drawn(seed, count), MATCHERS[name]
    excluded = rng.random(count) < rng.choice([0.0, 0.1, 0.95, 1.0])
    viewpoint = np.array([rng.choice(["left", "right", "top", ""])], dtype=object)
    any_one, known = unit(rng.normal(size=gallery.embeddings[:1].shape)), gallery.embeddings[[rng.integers(count)]]
    embedding = known if seed % 2 else any_one
    query, wanted = Features(embedding, viewpoint), int(rng.integers(1, 12))
    expected = by_the_book(query, gallery, matcher, wanted, excluded)
    without_index = Gallery(gallery.table, gallery.embeddings)
    first = gallery.embeddings[: count // 2]
    half = Gallery(gallery.table[: count // 2], first, index=build_index(first)) if count > 1 else gallery
    longer = half.extended(features(gallery.embeddings[len(half) :]), gallery.table[len(half) :])
    for each in (gallery, without_index, longer):
        found = rank_identities(query, each, matcher, wanted, excluded)
        pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("name", ["cosine", "log-odds"])
@pytest.mark.parametrize("seed", range(3))
def test_photos_that_differ_in_the_last_digits_are_ranked_by_them(name: str, seed: int) -> None:
    """FAISS rounds cosines in another way."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=64)
    gallery = indexed([str(row) for row in range(600)], unit(centre + 3e-7 * rng.normal(size=(600, 64))))
    query, nothing = features(unit(centre[None] + 0.5 * rng.normal(size=(1, 64)))), np.zeros(600, np.bool_)
    expected = by_the_book(query, gallery, MATCHERS[name], 5, nothing)
    pd.testing.assert_frame_equal(rank_identities(query, gallery, MATCHERS[name], 5, nothing), expected)


def test_no_more_photos_are_scored_than_needed() -> None:
    gallery = indexed([f"id {row // 10}" for row in range(3000)], photos(300, 16))
    for row in range(0, 3000, 100):
        matcher = Counted()
        rank_identities(features(gallery.embeddings[[row]]), gallery, matcher, 3, np.arange(3000) == row)
        assert matcher.rounds == [101]


def test_more_animals_are_wanted_than_there_are() -> None:
    """Two of three animals are about as similar to the query; still not every photo is scored."""
    embeddings = photos(3, 16, each=400)
    embeddings[:800] = photos(1, 16, each=800)
    names = [f"id {row % 3}" for row in range(1200)]
    gallery, matcher, nothing = indexed(names, embeddings), Counted(), np.zeros(1200, np.bool_)
    query = features(embeddings[:1])
    assert len(rank_identities(query, gallery, matcher, 50, nothing)) == 3 and matcher.rounds == [100]
    assert len(rank_identities(query, gallery, matcher, 50, np.array(names) == names[0])) == 2
    assert rank_identities(query, gallery, matcher, 5, ~nothing).empty


def test_a_query_of_nan_ranks_nobody() -> None:
    gallery = indexed([str(row) for row in range(300)], photos(30, 8))
    query = features(np.full((1, 8), np.nan, np.float32))
    assert rank_identities(query, gallery, EmbeddingMatcher(), 3, np.zeros(300, np.bool_)).empty


def approximate() -> Gallery:
    """40 animals with 10 photos each, and an approximate index of them."""
    embeddings = photos(40, 16, noise=0.5)
    return Gallery(table([f"id {row // 10}" for row in range(400)]), embeddings, index=quantised(embeddings))


def test_an_approximate_index_nearly_always_finds_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 10)
    gallery, same, matcher = approximate(), 0, Counted()
    for row in range(0, 400, 7):
        query, excluded = features(gallery.embeddings[[row]]), np.arange(400) == row
        best = rank_identities(query, gallery, matcher, 1, excluded)
        expected = by_the_book(query, gallery, EmbeddingMatcher(), 1, excluded)
        same += best["row"].tolist() == expected["row"].tolist()
        assert best["similarity"].iloc[0] == cosines(query.embeddings, gallery.embeddings[best["row"]])[0, 0]
    assert same >= 55  # of 58
    assert sum(matcher.rounds) < 30 * 58  # photos that were scored


@pytest.mark.parametrize("wanted", [3, 40, 99])
def test_animals_that_an_approximate_index_misses_are_found_by_scoring_every_photo(wanted: int) -> None:
    """One animal has most of the photos."""
    gallery = approximate()
    names = ["id 0" if row % 9 else name for row, name in enumerate(gallery.table["identity"])]
    gallery = Gallery(table(names), gallery.embeddings, index=gallery.index)
    query, nothing = features(gallery.embeddings[[1]]), np.zeros(400, np.bool_)
    best = rank_identities(query, gallery, EmbeddingMatcher(), wanted, nothing)
    assert len(best) == min(wanted, len(set(names)))
    if wanted > 3:
        pd.testing.assert_frame_equal(best, by_the_book(query, gallery, EmbeddingMatcher(), wanted, nothing))


def test_photos_added_to_an_approximate_index_are_found() -> None:
    gallery = approximate()
    new = features(unit(gallery.embeddings[:1] + 0.01))
    longer = gallery.extended(new, gallery.table[:1].assign(identity="new"))
    best = rank_identities(new, longer, EmbeddingMatcher(), 2, np.zeros(401, np.bool_))
    assert best["identity"].tolist() == ["new", "id 0"] and best["row"].iloc[0] == 400
