import math

import cv2
import numpy as np
import pytest

from tests.helpers.features import NOTHING, keypoints
from tests.helpers.spotted import spots
from wildtrack.address.features.keypoints import Keypoints, find_keypoints
from wildtrack.address.matching.local import voting as module
from wildtrack.address.matching.local.voting import MIDDLE, NEIGHBOURS, KeypointIndex, in_one_arrangement

SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * 300


def some_photos(seed: int, *counts: int) -> list[Keypoints]:
    rng = np.random.default_rng(seed)
    return [keypoints(rng, count) for count in counts]


def votes_by_the_book(gallery: list[Keypoints], query: Keypoints) -> np.ndarray:
    """LNBNN by comparing everything with everything."""
    votes = np.zeros(len(gallery))
    others = [(photo, row) for photo, one in enumerate(gallery) for row in range(len(one.places))]
    for (x, y), descriptor in zip(query.places.tolist(), query.descriptors.astype(float), strict=True):
        from_middle = math.hypot(x / 50 - 1, y / 50 - 1)  # the photo is 100 x 100
        distances = [float(np.linalg.norm(descriptor - gallery[photo].descriptors[row])) for photo, row in others]
        nearest = np.argsort(distances, kind="stable")[: NEIGHBOURS + 1]
        best: dict[int, float] = {}
        for place in nearest[:-1]:
            best.setdefault(others[place][0], distances[nearest[-1]] - distances[place])
        for photo, vote in best.items():
            votes[photo] += vote * math.exp(-0.5 * (from_middle / MIDDLE) ** 2)
    return votes


@pytest.mark.parametrize("counts", [[20, 20, 20], [1, 30, 0, 5], [11], [2, 3], [1, 1]])
def test_votes_agree_with_a_plain_loop(counts: list[int]) -> None:
    *gallery, query = some_photos(len(counts), *counts, 12)
    matches = KeypointIndex(gallery).matches(query)
    votes = np.bincount(matches.photo, matches.weights, minlength=len(gallery))
    np.testing.assert_allclose(votes, votes_by_the_book(gallery, query), rtol=1e-4)
    assert all((matches.other < np.array(counts)[matches.photo]).tolist())
    pairs = list(zip(matches.photo.tolist(), matches.query.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))  # one vote for each keypoint and photo


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param([[0, 0], [1, 0], [1, 1], [0, 1]], id="as it is"),
        pytest.param([[0.3, 0], [1, 0.3], [0.7, 1], [0, 0.7]], id="turned"),
        pytest.param([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]], id="half as large"),
        pytest.param([[-0.5, -0.5], [1.5, -0.5], [1.5, 1.5], [-0.5, 1.5]], id="twice as large"),
        pytest.param([[0.1, 0.1], [1, 0], [0.9, 0.8], [0, 1]], id="seen from the side"),
    ],
)
def test_a_distorted_picture_is_found(corners: list[list[float]]) -> None:
    pictures = [spots(seed) for seed in range(6)]
    index = KeypointIndex([find_keypoints(picture) for picture in pictures])
    moved = cv2.getPerspectiveTransform(SQUARE, np.array(corners, np.float32) * 300)
    warped = cv2.warpPerspective(pictures[4], moved, (300, 300), borderValue=(128, 128, 128))
    query = find_keypoints(np.asarray(warped, np.uint8))
    scores = index.votes(query)
    assert scores.argmax() == 4 and scores[4] > 5 * np.delete(scores, 4).max()
    kept = index.verified(query, 4)
    true = cv2.perspectiveTransform(index.gallery[4].places[kept.other][None], moved)[0]
    assert np.median(np.linalg.norm(true - query.places[kept.query], axis=1)) < 5  # pixels


def test_an_index_of_parts_finds_the_same_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_BELOW", 100)
    pictures = [spots(seed) for seed in range(8)]
    index = KeypointIndex([find_keypoints(picture) for picture in pictures])
    assert [int(index.votes(find_keypoints(picture[10:, 20:])).argmax()) for picture in pictures] == list(range(8))


def test_an_index_that_searches_all_parts_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    *gallery, query = some_photos(0, 40, 0, 300, 60, 25)
    exact = KeypointIndex(gallery)
    monkeypatch.setattr(module, "EXACT_BELOW", 100)
    monkeypatch.setattr(module, "PROBES", 1000)
    parted = KeypointIndex(gallery)
    assert exact.parts is None and parted.parts is not None and KeypointIndex(gallery, once=True).parts is None
    for excluded in (None, np.array([False, False, True, False])):
        for index in (parted, KeypointIndex(gallery, parted.parts)):
            expected, found = exact.matches(query, excluded), index.matches(query, excluded)
            for name in ("query", "photo", "other"):
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
            np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-5)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("later", [[], [[]], [[3, 0, 40]], [[5], [0], [30, 2]]])
def test_an_extended_index_is_as_built_once(
    exact: bool, later: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXACT_BELOW", 10**9 if exact else 1)
    monkeypatch.setattr(module, "PROBES", 10**6)
    gallery, more = some_photos(3, 40, 0, 25), list[Keypoints]()
    longer = index = KeypointIndex(gallery)
    before = index.votes(gallery[0])
    for number, counts in enumerate(later):
        photos = some_photos(4 + number, *counts)
        longer, more = longer.extended(photos), [*more, *photos]
    whole, excluded = KeypointIndex([*gallery, *more]), np.random.default_rng(3).random(3 + len(more)) < 0.4
    for query in (gallery[0], *some_photos(9, 30), NOTHING):
        for without in (None, excluded):
            np.testing.assert_allclose(longer.votes(query, without), whole.votes(query, without), rtol=1e-5)
    np.testing.assert_array_equal(index.votes(gallery[0]), before)


def test_matches_that_are_off_are_left_out() -> None:
    one, rows = find_keypoints(spots(0)), np.arange(40)
    wrong = rows.copy()
    wrong[:6] = [70, 80, 90, 100, 110, 120]
    far = np.linalg.norm(one.places[rows] - one.places[wrong], axis=1) > 0.06 * max(one.size)
    assert far.sum() > 3
    clear = far | (rows >= 6)
    np.testing.assert_array_equal(in_one_arrangement(one, one, rows, wrong)[clear], (rows >= 6)[clear])


def test_neither_a_mirror_nor_what_squeezes_everything_is_an_arrangement() -> None:
    """The other flank has another pattern, and no camera makes a photo a hundredth of its area."""
    one = find_keypoints(spots(0))
    rows = np.arange(len(one.places))
    assert in_one_arrangement(one, one, rows, rows).all()
    for places in (one.places * [-1, 1], one.places / 10, one.places * 10):
        other = Keypoints(places.astype(np.float32), one.descriptors, one.size)
        assert not in_one_arrangement(one, other, rows, rows).any()
