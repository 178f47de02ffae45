import os
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.address.features import keypoints as module
from wildtrack.address.features.keypoints import MOST, SIDE, cached_keypoints, find_keypoints, read_keypoints
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig

NOISE = np.random.default_rng(0).integers(0, 256, (400, 300, 3), dtype=np.uint8)
BLACK, WHITE = np.zeros((100, 100, 3), np.uint8), np.full((100, 100, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("photo", "some"), [(NOISE, True), (NOISE[:20, :20], None), (NOISE[:1, :1], False), (BLACK, False), (WHITE, False)]
)
def test_keypoints_of_a_photo(photo: np.ndarray, some: bool | None) -> None:
    found = find_keypoints(photo)
    count = len(found.places)
    assert count <= MOST
    assert some is None or (count > 0) == some
    assert (found.places.shape, found.places.dtype.name) == ((count, 2), "float32")
    assert (found.descriptors.shape, found.descriptors.dtype.name) == ((count, 128), "uint8")
    assert found.size == photo.shape[:2]
    assert ((found.places >= -1) & (found.places <= np.array(photo.shape[1::-1]))).all()
    lengths = np.linalg.norm(found.descriptors.astype(float), axis=1) / module.SCALE
    np.testing.assert_allclose(lengths, 1, atol=0.02)  # roots of shares, rounded to bytes


@pytest.fixture
def cache(tmp_path: Path) -> CacheConfig:
    return CacheConfig(root=tmp_path / "cache")


def catalogue(folder: Path, count: int = 3) -> tuple[pd.DataFrame, list[str]]:
    folder.mkdir()
    table = pd.DataFrame({"path": [f"{number}.png" for number in range(count)]})
    for number, path in enumerate(table["path"]):
        Image.fromarray(np.roll(NOISE, 40 * number, axis=0)).save(folder / path)
    return table, [f"c{n}" for n in range(count)]


def test_keypoints_are_found_once(tmp_path: Path, cache: CacheConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    table, digests = catalogue(tmp_path / "photos")
    assert read_keypoints(tmp_path / "photos" / "0.png", None).size == (SIDE, 384)
    assert read_keypoints(tmp_path / "photos" / "0.png", (0.0, 0.0, 200.0, 100.0)).size == (SIDE // 2, SIDE)
    first = cached_keypoints(table, tmp_path / "photos", digests, cache)
    look = Mock(side_effect=read_keypoints)
    monkeypatch.setattr(module, "read_keypoints", look)
    again = cached_keypoints(table, tmp_path / "photos", digests, cache)
    assert not look.called
    for one, other in zip(first, again, strict=True):
        for name in ("places", "descriptors", "size"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    cached_keypoints(table.iloc[::-1], tmp_path / "photos", ["c2", "changed", ""], cache)
    assert sorted(call.args[0].name for call in look.mock_calls) == ["0.png", "1.png"]  # in threads, in any order
    boxed = table.assign(bbox=pd.Series([(0.0, 0.0, 100.0, 100.0), None, None], dtype=object))
    cached_keypoints(boxed, tmp_path / "photos", digests, cache)
    assert [call.args[0].name for call in look.mock_calls[2:]] == ["0.png"]


def test_a_damaged_entry_is_made_anew(tmp_path: Path, cache: CacheConfig) -> None:
    table, digests = catalogue(tmp_path / "photos", 1)
    cached_keypoints(table, tmp_path / "photos", digests, cache)
    (entry,) = cache.root.rglob("*.npz")
    whole = entry.read_bytes()
    for damage in (b"", b"noise", whole[: len(whole) // 2]):
        entry.write_bytes(damage)
        cached_keypoints(table, tmp_path / "photos", digests, cache)
        assert entry.read_bytes() == whole


def test_a_missing_photo_is_named_and_old_entries_make_room(tmp_path: Path, cache: CacheConfig) -> None:
    table, digests = catalogue(tmp_path / "photos")
    cached_keypoints(table, tmp_path / "photos", digests, cache)
    entries = sorted(cache.root.rglob("*.npz"), key=lambda entry: entry.stat().st_mtime_ns)
    for age, entry in enumerate(entries):
        os.utime(entry, (1000 + age, 1000 + age))
    largest = max(entry.stat().st_size for entry in entries)
    cached_keypoints(table.iloc[:1], tmp_path / "photos", digests[:1], replace(cache, cache_gb=1.5 * largest / 1e9))
    assert len(list(cache.root.rglob("*.npz"))) == 1
    (tmp_path / "photos" / "1.png").unlink()
    with pytest.raises(UserError, match=r"^1\.png could be read a moment ago"):
        cached_keypoints(table, tmp_path / "photos", ["", "", ""], cache)
