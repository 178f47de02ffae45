from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wildtrack.assess.labels import likeness
from wildtrack.assess.labels.likeness import (
    NOBODY,
    Photos,
    best_links,
    comparable_photos,
    neighbours,
    other_links,
    own_links,
)


def unit(vectors: Any) -> NDArray[np.float32]:
    array = np.asarray(vectors, dtype=np.float32)
    return np.asarray(array / np.linalg.norm(array, axis=-1, keepdims=True), dtype=np.float32)


def random_photos(count: int) -> Photos:
    generator = np.random.default_rng(count)
    table = pd.DataFrame(
        {
            "identity": generator.choice(["a", "b", "c"], count),
            "path": generator.integers(0, count, count).astype(str),
            "date": [f"2024-05-{day:02d}" for day in generator.integers(1, 12, count)],
        }
    )
    hashes = (np.arange(64) % 2 == 0) ^ (generator.random((count, 64)) < 0.15)
    vectors = unit(generator.normal(size=(count, 4)))
    return comparable_photos(table, vectors, 12, hashes, np.arange(count))


def plain_independent(photos: Photos, one: int, other: int) -> bool:
    assert photos.words is not None
    return bool(
        photos.photos[one] != photos.photos[other]
        and photos.encounters[one] != photos.encounters[other]
        and int(photos.words[one] ^ photos.words[other]).bit_count() > 10
    )


@pytest.mark.parametrize("count", [1, 2, 40])
def test_neighbours_agree_with_a_plain_loop(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(likeness, "SEARCHED_AT_ONCE", 7)
    photos = random_photos(count)
    places = neighbours(photos, 3)
    for one in range(count):
        links = [float(photos.vectors[one] @ photos.vectors[other]) for other in range(count)]
        allowed = [other for other in range(count) if plain_independent(photos, one, other)]
        expected = sorted(allowed, key=lambda other: -links[other])[:3]
        assert places[one].tolist() == expected + [NOBODY] * (3 - len(expected))


def test_neighbours_are_looked_for_no_deeper_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame(
        {
            "identity": ["a"] * 30 + ["b"],
            "path": [f"{row}.jpg" for row in range(31)],
            "date": ["2024-05-01"] * 30 + ["2024-06-01"],
        }
    )
    vectors = unit(np.ones((31, 4)) - np.eye(31, 4, k=-30))  # the last one is the odd one out
    photos = comparable_photos(table, vectors, 12, None, np.arange(31))
    assert (neighbours(photos, 1)[:30] == 30).all()
    monkeypatch.setattr(likeness, "DEEPEST", 16)
    assert (neighbours(photos, 1)[:30] == NOBODY).all()


@pytest.mark.parametrize("values", [1, 1 << 22])
def test_best_links_agree_with_a_plain_loop(monkeypatch: pytest.MonkeyPatch, values: int) -> None:
    monkeypatch.setattr(likeness, "BLOCK_VALUES", values)
    photos = random_photos(30)
    ones, others = np.arange(0, 30, 2), np.arange(5, 20)
    for one, similarity, place, count in zip(ones.tolist(), *best_links(photos, ones, others), strict=True):
        allowed = [other for other in others.tolist() if plain_independent(photos, one, other)]
        best = max(allowed, key=lambda other: float(photos.vectors[one] @ photos.vectors[other]))
        assert (place, count) == (best, len(allowed))
        assert np.isclose(similarity, photos.vectors[one] @ photos.vectors[best])
    similarity, place, count = best_links(photos, ones[:1], others[:0])
    assert (similarity[0], place[0], count[0]) == (-np.inf, NOBODY, 0)


def test_other_links_agree_with_a_plain_loop() -> None:
    photos = random_photos(40)
    nearest, middle = other_links(photos)
    for one in range(40):
        best: dict[int, float] = {}
        for other in range(40):
            if photos.identities[one] != photos.identities[other] and plain_independent(photos, one, other):
                key = int(photos.identities[other])
                best[key] = max(best.get(key, -2.0), float(photos.vectors[one] @ photos.vectors[other]))
        assert np.isclose(nearest[one], max(best.values()))
        assert np.isclose(middle[one], np.median(list(best.values())))


@pytest.mark.parametrize(
    ("columns", "hashes", "independent"),
    [
        ({"path": ["a.jpg", "b.jpg"]}, None, True),
        ({"path": ["a.jpg", "a.jpg"]}, None, False),
        ({"path": ["a.jpg", "b.jpg"], "photo_id": ["p", "p"]}, None, False),
        ({"path": ["a.jpg", "b.jpg"], "date": ["2024-05-01T10:00:00", "2024-05-01T11:00:00"]}, None, False),
        ({"path": ["a.jpg", "b.jpg"], "date": ["2024-05-01T10:00:00", "2024-05-03T10:00:00"]}, None, True),
        ({"path": ["a.jpg", "b.jpg"]}, 10, False),
        ({"path": ["a.jpg", "b.jpg"]}, 11, True),
    ],
)
def test_what_is_evidence(columns: dict[str, list[str]], hashes: int | None, independent: bool) -> None:
    bits = None if hashes is None else np.stack([np.zeros(64, bool), np.arange(64) < hashes])
    table = pd.DataFrame({"identity": ["Ana", "Ana"], **columns})
    photos = comparable_photos(table, unit(np.ones((2, 3))), 12, bits, np.arange(2))
    assert photos.independent(np.array([0]), np.array([1])).tolist() == [independent]


def test_own_links_are_the_best_links_to_the_own_identity() -> None:
    photos = random_photos(30)
    whole = own_links(photos)
    for identity, members in photos.members().items():
        assert (photos.identities[members] == identity).all()
        for got, expected in zip(whole, best_links(photos, members, members), strict=True):
            assert np.array_equal(np.asarray(got)[members], np.asarray(expected))
