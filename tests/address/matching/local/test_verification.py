import numpy as np
import pytest

from tests.helpers.features import keypoints
from tests.helpers.spotted import spots
from wildtrack.address.features.keypoints import Keypoints, find_keypoints
from wildtrack.address.matching.local.verification import in_one_arrangement


def moved(photo: Keypoints, places: np.ndarray) -> Keypoints:
    return Keypoints(places.astype(np.float32), photo.descriptors, photo.size)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 30])
def test_matches_at_random_are_in_no_arrangement(count: int) -> None:
    rng, rows = np.random.default_rng(count), np.arange(count)
    kept = in_one_arrangement(keypoints(rng, 30), keypoints(rng, 30), rows, rows)
    assert kept.shape == (count,)
    assert kept.dtype == np.bool_
    assert kept.sum() <= max(4, count // 3)


def test_matches_that_are_off_are_left_out() -> None:
    one = find_keypoints(spots(0))
    rows = np.arange(40)
    wrong = rows.copy()
    wrong[:6] = [70, 80, 90, 100, 110, 120]
    far = np.linalg.norm(one.places[rows] - one.places[wrong], axis=1) > 0.06 * max(one.size)
    assert far.sum() > 3
    np.testing.assert_array_equal(
        in_one_arrangement(one, one, rows, wrong)[far | (rows >= 6)], (rows >= 6)[far | (rows >= 6)]
    )


def test_neither_a_mirror_nor_what_squeezes_everything_is_an_arrangement() -> None:
    """The other flank has another pattern, and no camera makes a photo a hundredth of its area."""
    one = find_keypoints(spots(0))
    rows = np.arange(len(one.places))
    assert in_one_arrangement(one, one, rows, rows).all()
    for places in (one.places * [-1, 1], one.places / 10, one.places * 10):
        assert not in_one_arrangement(one, moved(one, places), rows, rows).any()
