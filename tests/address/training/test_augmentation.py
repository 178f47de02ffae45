from pathlib import Path

import numpy as np
import pytest

from wildtrack.address.training.augmentation import augment


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("shape", [(32, 32), (20, 60), (60, 20), (1, 1), (1, 40), (40, 1), (2, 3)])
@pytest.mark.parametrize("size", [(32, 32), (16, 48), (1, 1), (300, 200)])
def test_shape_and_type(shape: tuple[int, int], size: tuple[int, int]) -> None:
    photo = generator().integers(0, 256, (*shape, 3), dtype=np.uint8)
    for seed in range(20):
        varied = augment(photo, size, generator(seed))
        assert (varied.shape, varied.dtype.name) == ((*size, 3), "uint8")


def test_the_same_generator_gives_the_same_photo_and_another_gives_another() -> None:
    photo = generator().integers(0, 256, (32, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(augment(photo, (32, 32), generator(3)), augment(photo, (32, 32), generator(3)))
    assert (augment(photo, (32, 32), generator(3)) != augment(photo, (32, 32), generator(4))).any()


def test_a_photo_mapped_from_disk_stays_as_it_is(tmp_path: Path) -> None:
    photos = generator().integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", photos)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    for seed in range(10):
        augment(mapped[0], (32, 32), generator(seed))
    np.testing.assert_array_equal(mapped, photos)


@pytest.mark.parametrize("axis", [0, 1])
def test_never_mirrored_nor_upside_down(axis: int) -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (1, 64, 3))
    photo = ramp if axis == 0 else ramp.transpose(1, 0, 2)
    for seed in range(100):
        along = augment(np.ascontiguousarray(photo), (64, 64), generator(seed)).astype(float).mean(axis=(1 - axis, 2))
        assert along[-20:].mean() > along[:20].mean()


def test_the_whole_range_is_used_but_never_left_dark() -> None:
    photo = np.full((32, 32, 3), 128, np.uint8)
    means = [augment(photo, (32, 32), generator(seed)).mean() for seed in range(200)]
    assert 20 < min(means) < max(means) < 245 and np.std(means) > 10
