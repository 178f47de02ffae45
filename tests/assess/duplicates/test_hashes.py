from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wildtrack.assess.duplicates import hashes as duplicates
from wildtrack.assess.duplicates.hashes import is_flat, near_duplicates, near_pairs, perceptual_hashes, same_picture


def smooth_photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 64), Image.Resampling.BICUBIC)


def test_a_recompressed_copy_is_a_near_duplicate_and_another_photo_is_not(tmp_path: Path) -> None:
    original = smooth_photo(1)
    original.save(tmp_path / "copy.jpg", quality=60)
    photos = np.stack([np.asarray(photo) for photo in (original, Image.open(tmp_path / "copy.jpg"), smooth_photo(2))])
    hashes = perceptual_hashes(photos)
    assert hashes.dtype == np.bool_ and hashes.shape == (3, 64)
    expected = [[True, True, False], [True, True, False], [False, False, True]]
    assert near_duplicates(hashes, hashes).tolist() == expected


def test_flat_and_no_photos() -> None:
    assert perceptual_hashes(np.zeros((0, 8, 8, 3), dtype=np.uint8)).shape == (0, 64)
    assert perceptual_hashes(np.zeros((2, 1, 1, 3), dtype=np.uint8)).shape == (2, 64)


@pytest.mark.parametrize(
    "photos", [np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8), np.zeros((2, 8, 8, 1), np.uint8)]
)
def test_photos_of_another_shape_or_dtype_are_refused(photos: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"uint8 of shape \(N, H, W, 3\)"):
        perceptual_hashes(photos)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
@pytest.mark.parametrize("bits", [0, 10, 32, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_pairs_agree_with_counting_bits(monkeypatch: pytest.MonkeyPatch, at_once: int, bits: int, count: int) -> None:
    monkeypatch.setattr(duplicates, "BLOCK_VALUES", at_once)
    monkeypatch.setattr(duplicates, "SEARCHED_AT_ONCE", at_once)
    generator = np.random.default_rng(bits)
    hashes = (generator.random((1, 64)) < 0.5) ^ (generator.random((count, 64)) < 0.1)
    distances = (hashes[:, None] != hashes).sum(axis=2)
    for others in (hashes, hashes[:3], hashes[:0]):
        assert np.array_equal(near_duplicates(hashes, others, bits), distances[:, : len(others)] <= bits)
    found = np.concatenate([np.zeros((0, 3), int), *(np.stack(block, axis=1) for block in near_pairs(hashes, bits))])
    rows, earlier = np.nonzero(np.tril(distances <= bits, k=-1))
    assert sorted(found.tolist()) == np.stack([rows, earlier, distances[rows, earlier]], axis=1).tolist()


def test_pairs_chain_into_groups_that_bear_their_first_rows() -> None:
    steps = [0, 40, 8, 16, 45]  # bits set; rows 0, 2 and 3 chain, and so do 1 and 4
    hashes = np.stack([np.arange(64) < step for step in steps])
    assert duplicates.near_duplicate_labels(hashes).tolist() == [0, 1, 0, 0, 1]
    assert duplicates.near_duplicate_labels(hashes[:0]).tolist() == []


def flat(level: int, noise: float = 0.0, seed: int = 0) -> NDArray[np.uint8]:
    grey = level + np.random.default_rng(seed).normal(0, noise, (64, 96, 3))
    return np.clip(grey, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("photo", "shows"),
    [
        (flat(0), False),
        (flat(255), False),
        (flat(128), False),
        (flat(20, noise=8), False),
        (flat(128, noise=8), False),
        (np.asarray(smooth_photo(1)), True),
        (np.asarray(smooth_photo(1)) // 20, True),  # dark, but a picture
    ],
)
def test_a_photo_that_shows_nothing_is_flat(photo: NDArray[np.uint8], shows: bool) -> None:
    assert is_flat(photo) is not shows


def test_thumbnails_confirm_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [np.asarray(smooth_photo(seed).resize((32, 32))) for seed in (1, 2)]
    brighter, black = (seen[0] * 0.5 + 60).astype(np.uint8), np.zeros_like(seen[0])
    thumbnails = np.stack([*seen, brighter, black, black])
    rows, others = np.array([0, 0, 0, 1, 3, 0, 0]), np.array([0, 1, 2, 2, 4, 3, 0])
    expected = [True, False, True, False, False, False, True]
    for at_once in (1, 3, 100):
        monkeypatch.setattr(duplicates, "CONFIRMED_AT_ONCE", at_once)
        assert same_picture(thumbnails, rows, others).tolist() == expected
    assert same_picture(thumbnails, rows[:0], others[:0]).tolist() == []
