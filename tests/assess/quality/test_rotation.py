import numpy as np
import pytest
from numpy.typing import NDArray

from wildtrack.assess.quality.rotation import DESCRIPTION, MIN_PHOTOS, describe, suspected_turns

Photo = NDArray[np.uint8]


def landscape(seed: int) -> Photo:
    """Bright sky, dark ground, a body with legs somewhere in the middle, noise."""
    rng = np.random.default_rng(seed)
    photo = np.full((60, 80, 3), (150, 180, 220), np.float64)
    photo[rng.integers(25, 35) :] = (100, 90, 40)
    x = rng.integers(20, 40)
    photo[20:35, x : x + 25] = (60, 40, 30)
    photo[35:50, x : x + 3] = photo[35:50, x + 20 : x + 23] = (60, 40, 30)
    return np.asarray(np.clip(photo + rng.normal(0, 12, photo.shape), 0, 255), np.uint8)


def turned(photo: Photo, clockwise: int) -> Photo:
    return np.ascontiguousarray(np.rot90(photo, -clockwise // 90))


def described(photos: list[Photo]) -> NDArray[np.float16]:
    return np.array([describe(photo, photo.shape[1] / photo.shape[0]) for photo in photos])


def test_planted_turns_are_found_and_undone() -> None:
    planted = {3: 90, 50: 180, 51: 270, 99: 90}
    photos = [turned(landscape(seed), planted.get(seed, 0)) for seed in range(120)]
    suspected = suspected_turns(described(photos))
    assert suspected is not None
    turn, margin = suspected
    assert {row: (360 - turn[row]) % 360 for row in np.flatnonzero(margin > 0.5).tolist()} == planted
    assert np.all(margin >= 0)
    assert np.array_equal(turn == 0, margin == 0)


def test_a_burst_of_turned_photos_is_judged_by_the_others() -> None:
    photos = [turned(landscape(seed), 90 if seed < 10 else 0) for seed in range(120)]
    suspected = suspected_turns(described(photos))
    assert suspected is not None
    assert np.flatnonzero(suspected[1] > 0.5).tolist() == list(range(10))


def test_photos_without_any_difference_are_not_suspected() -> None:
    suspected = suspected_turns(described([np.full((8, 8, 3), 90, np.uint8)] * MIN_PHOTOS))
    assert suspected is not None and not np.any(suspected)


def test_a_dataset_without_a_clear_up_or_with_few_photos_has_no_turns() -> None:
    rng = np.random.default_rng(0)
    photos = [turned(landscape(seed), 90 * int(rng.integers(4))) for seed in range(120)]
    assert suspected_turns(described(photos)) is None
    for count in (0, 1, MIN_PHOTOS - 1):
        assert suspected_turns(described([landscape(seed) for seed in range(count)])) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (64, 64), (90, 500)])
def test_a_description_is_finite(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for photo in (noise, np.zeros_like(noise)):
        found = describe(photo, shape[1] / shape[0])
        assert found.shape == (DESCRIPTION,) and found.dtype == np.float16 and np.isfinite(found).all()


def test_turning_a_photo_only_reorders_its_description() -> None:
    upright, *others = (describe(turned(landscape(1), clockwise), 4 / 3)[:-1] for clockwise in (0, 90, 180, 270))
    for found in others:
        assert np.allclose(np.sort(found), np.sort(upright), atol=0.02)
        assert not np.allclose(found, upright, atol=0.02)
