from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import unit
from tests.helpers.tables import catalogue, days
from wildtrack.assess.labels import likeness
from wildtrack.assess.labels.likeness import NOBODY, Photos, comparable_photos, neighbours, other_links, own_links


def random_photos(count: int) -> Photos:
    generator = np.random.default_rng(count)
    identities, paths = generator.choice(list("abc"), count), generator.integers(0, count, count).astype(str)
    table = catalogue(identities.tolist(), path=paths, date=days(*generator.integers(1, 12, count)))
    hashes = (np.arange(64) % 2 == 0) ^ (generator.random((count, 64)) < 0.15)
    return comparable_photos(table, unit(generator.normal(size=(count, 4))), 12, hashes, np.arange(count))


def plain_independent(photos: Photos, one: int, other: int) -> bool:
    assert photos.words is not None
    return bool(
        photos.photos[one] != photos.photos[other]
        and photos.encounters[one] != photos.encounters[other]
        and int(photos.words[one] ^ photos.words[other]).bit_count() > 10
    )


@pytest.mark.parametrize("block_values", [1, 1 << 22])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_links_agree_with_a_plain_loop(monkeypatch: pytest.MonkeyPatch, count: int, block_values: int) -> None:
    monkeypatch.setattr(likeness, "SEARCHED_AT_ONCE", 7)
    monkeypatch.setattr(likeness, "BLOCK_VALUES", block_values)
    photos = random_photos(count)
    places, own, other_identities = neighbours(photos, 3), own_links(photos), other_links(photos)
    expected = []
    for one in range(count):
        allowed = [other for other in range(count) if plain_independent(photos, one, other)]
        links = pd.Series(photos.vectors[allowed] @ photos.vectors[one], allowed).sort_values(ascending=False)
        assert places[one].tolist() == [*links.index, NOBODY, NOBODY, NOBODY][:3]
        is_own = photos.identities[links.index] == photos.identities[one]
        similarity, place, number = (part[one] for part in own)
        assert number == is_own.sum()
        best = links[is_own].idxmax() if number else NOBODY
        assert place == best and np.isclose(similarity, links.get(best, -np.inf))
        others = links[~is_own].groupby(photos.identities[links[~is_own].index]).max()
        if len(others):
            expected.append((others.max(), others.median()))
    assert np.allclose(np.stack(other_identities, axis=1), np.reshape(expected, (-1, 2)))


def test_neighbours_are_searched_no_deeper_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = catalogue("a" * 30 + "b", date=["2024-05-01"] * 30 + ["2024-06-01"])
    vectors = unit(np.ones((31, 4)) - np.eye(31, 4, k=-30))  # the last one is the odd one out
    photos = comparable_photos(table, vectors, 12, None, np.arange(31))
    assert (neighbours(photos, 1)[:30] == 30).all()
    monkeypatch.setattr(likeness, "DEEPEST", 16)
    assert (neighbours(photos, 1)[:30] == NOBODY).all()


@pytest.mark.parametrize(
    ("columns", "hashes", "independent"),
    [
        ({"path": ["a.jpg", "b.jpg"]}, None, True),
        ({"path": ["a.jpg", "a.jpg"]}, None, False),
        ({"path": ["a.jpg", "b.jpg"], "photo_id": ["p", "p"]}, None, False),
        ({"path": ["a.jpg", "b.jpg"], "date": days(1, 1)}, None, False),
        ({"path": ["a.jpg", "b.jpg"], "date": days(1, 3)}, None, True),
        ({"path": ["a.jpg", "b.jpg"]}, 10, False),
        ({"path": ["a.jpg", "b.jpg"]}, 11, True),
    ],
)
def test_photos_of_two_occasions_are_independent(columns: Any, hashes: int | None, independent: bool) -> None:
    bits = None if hashes is None else np.stack([np.zeros(64, bool), np.arange(64) < hashes])
    photos = comparable_photos(catalogue("aa", **columns), unit(np.ones((2, 3))), 12, bits, np.arange(2))
    assert photos.independent(np.array([0]), np.array([1])).tolist() == [independent]
