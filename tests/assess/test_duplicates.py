from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wildtrack.assess import duplicates
from wildtrack.assess.duplicates import near_duplicates, perceptual_hashes


def smooth_photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 64), Image.Resampling.BICUBIC)


def test_a_recompressed_copy_is_a_near_duplicate_and_another_photo_is_not(tmp_path: Path) -> None:
    original = smooth_photo(1)
    original.save(tmp_path / "copy.jpg", quality=60)
    photos = np.stack([np.asarray(photo) for photo in (original, Image.open(tmp_path / "copy.jpg"), smooth_photo(2))])
    hashes = perceptual_hashes(photos)
    assert hashes.dtype == np.bool_
    assert hashes.shape == (3, 64)
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


@pytest.mark.parametrize("block_cells", [1, 7, 1 << 20])
@pytest.mark.parametrize("bits", [0, 10, 32, 64])
@pytest.mark.parametrize(("count_a", "count_b"), [(0, 0), (0, 3), (3, 0), (1, 1), (9, 5)])
def test_distances_agree_with_counting_bits(
    monkeypatch: pytest.MonkeyPatch, block_cells: int, bits: int, count_a: int, count_b: int
) -> None:
    monkeypatch.setattr(duplicates, "BLOCK_CELLS", block_cells)
    generator = np.random.default_rng(bits)
    base = generator.random((1, 64)) < 0.5
    hashes_a, hashes_b = (base ^ (generator.random((count, 64)) < 0.1) for count in (count_a, count_b))
    expected = np.array([[(one != other).sum() <= bits for other in hashes_b] for one in hashes_a], dtype=bool)
    assert np.array_equal(near_duplicates(hashes_a, hashes_b, bits), expected.reshape(count_a, count_b))


@pytest.mark.parametrize("hashes", [np.zeros((2, 63), bool), np.zeros(64, bool), np.zeros((2, 64))])
def test_hashes_of_another_shape_or_dtype_are_refused(hashes: NDArray[Any]) -> None:
    good = np.zeros((2, 64), bool)
    for pair in ((hashes, good), (good, hashes)):
        with pytest.raises(ValueError, match=r"bool of shape \(N, 64\)"):
            near_duplicates(*pair)
