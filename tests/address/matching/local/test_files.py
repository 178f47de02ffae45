import io
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.features import NOTHING, keypoints
from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.matching.local import voting as module
from wildtrack.address.matching.local.files import ARRAYS, open_keypoints, write_keypoints
from wildtrack.address.matching.local.voting import KeypointIndex, Parts

COUNTS = (30, 0, 45, 1)
TOTAL = sum(COUNTS)
GALLERY = [keypoints(np.random.default_rng(count), count) for count in COUNTS]


@pytest.mark.parametrize("with_parts", [True, False])
@pytest.mark.parametrize("photos", [[], [NOTHING], [NOTHING, NOTHING], GALLERY[-1:], GALLERY])
def test_what_is_written_is_what_is_opened(
    photos: list[Keypoints], with_parts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXACT_BELOW", 10 if with_parts else 10_000)
    monkeypatch.setattr(module, "PROBES", 3)
    photos = [Keypoints(each.places, each.descriptors, (100, 90 + row)) for row, each in enumerate(photos)]
    written = KeypointIndex(photos)
    write_keypoints(written, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"keypoint_{name}.npy" for name in ARRAYS}
    monkeypatch.setattr(module, "EXACT_BELOW", 10_000)  # the parts come from the files
    opened = open_keypoints(tmp_path)
    assert (opened.parts is None) == (written.parts is None)
    for before, after in zip(photos, opened.gallery, strict=True):
        assert after.size == before.size
        np.testing.assert_array_equal(after.places, before.places)
        np.testing.assert_array_equal(after.descriptors, before.descriptors)
    for query in (*photos, keypoints(np.random.default_rng(2), 20)):
        np.testing.assert_array_equal(opened.votes(query), written.votes(query))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Four photos with five parts."""
    members = np.arange(TOTAL, dtype=np.int32) % 5
    centres = np.random.default_rng(0).uniform(0, 60, (5, 128)).astype(np.float32)
    write_keypoints(KeypointIndex(GALLERY, Parts(centres, members)), tmp_path)
    assert open_keypoints(tmp_path).parts is not None
    return tmp_path


@pytest.mark.parametrize("name", ARRAYS)
def test_damaged_files_are_refused(saved: Path, name: str) -> None:
    path = saved / f"keypoint_{name}.npy"
    whole, archive = path.read_bytes(), io.BytesIO()
    np.savez(archive, a=np.zeros(3))
    for content in (b"", b"hello", whole[:20], whole[:-1], archive.getvalue(), b"\x93NUMPY" + b"\xff" * 99):
        path.write_bytes(content)
        with pytest.raises((OSError, ValueError, EOFError)):
            open_keypoints(saved)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("photos", np.zeros((4, 3), np.int32)),  # no keypoints
        ("photos", np.array([[TOTAL + 1, 9, 9], [-1, 9, 9]], np.int32)),
        ("photos", np.array([[TOTAL, -9, 9]], np.int32)),
        ("photos", np.array([[2**31 - 1, 9, 9]] * 3, np.int32)),
        ("photos", np.array(TOTAL, np.int32)),
        ("photos", np.array([[TOTAL, 9, 9]], np.int64)),
        ("places", np.zeros((TOTAL - 1, 2), np.float32)),
        ("places", np.zeros((TOTAL, 3), np.float32)),
        ("descriptors", np.zeros((TOTAL + 1, 128), np.uint8)),
        ("descriptors", np.zeros((TOTAL, 64), np.uint8)),
        ("centres", np.zeros((5, 64), np.float32)),
        ("centres", np.zeros((4, 128), np.float32)),  # the fifth has members
        ("centres", np.zeros((5, 128), ">f4")),
        ("members", np.zeros(TOTAL - 1, np.int32)),
        ("members", np.full(TOTAL, -1, np.int32)),
        ("members", np.zeros((), np.int32)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(saved: Path, name: str, values: np.ndarray) -> None:
    np.save(saved / f"keypoint_{name}.npy", values, allow_pickle=False)
    with pytest.raises((OSError, ValueError)):
        open_keypoints(saved)
