import io
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.features import NOTHING, keypoints
from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.matching.local import voting as module
from wildtrack.address.matching.local.files import ARRAYS, open_keypoints, write_keypoints
from wildtrack.address.matching.local.voting import KeypointIndex, Parts
from wildtrack.errors import UserError

COUNTS = (30, 0, 45, 1)
TOTAL = sum(COUNTS)


def gallery(seed: int = 0) -> list[Keypoints]:
    rng = np.random.default_rng(seed)
    return [keypoints(rng, count) for count in COUNTS]


@pytest.mark.parametrize("with_parts", [True, False])
@pytest.mark.parametrize(
    "photos", [[], [NOTHING], [NOTHING, NOTHING], [keypoints(np.random.default_rng(1), 1)], gallery()]
)
def test_round_trip(photos: list[Keypoints], with_parts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_BELOW", 10 if with_parts else 10_000)
    monkeypatch.setattr(module, "PROBES", 3)
    written = KeypointIndex(photos)
    write_keypoints(written, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"keypoint_{name}.npy" for name in ARRAYS}
    monkeypatch.setattr(module, "EXACT_BELOW", 10_000)  # the parts come from the files
    opened = open_keypoints(tmp_path)
    assert (opened.parts is None) == (written.parts is None)
    assert [photo.size for photo in opened.gallery] == [photo.size for photo in photos]
    for before, after in zip(photos, opened.gallery, strict=True):
        np.testing.assert_array_equal(after.places, before.places)
        np.testing.assert_array_equal(after.descriptors, before.descriptors)
    for query in (*photos, keypoints(np.random.default_rng(2), 20)):
        np.testing.assert_array_equal(opened.votes(query), written.votes(query))


def test_photos_of_any_shape_keep_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = [(512, 384), (1, 512), (384, 512)]
    photos = [Keypoints(each.places, each.descriptors, size) for each, size in zip(gallery(), sizes, strict=False)]
    write_keypoints(KeypointIndex(photos), tmp_path)
    assert [photo.size for photo in open_keypoints(tmp_path).gallery] == sizes
    assert open_keypoints(tmp_path).votes(keypoints(rng, 9)).shape == (3,)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Four photos with parts, five of them."""
    members = np.arange(TOTAL, dtype=np.int32) % 5
    centres = np.random.default_rng(0).uniform(0, 60, (5, 128)).astype(np.float32)
    write_keypoints(KeypointIndex(gallery(), Parts(centres, members)), tmp_path)
    assert open_keypoints(tmp_path).parts is not None
    return tmp_path


def refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^the keypoints in .* (cannot be read: .|do not fit together$)") as error:
        open_keypoints(folder)
    assert "\n" not in str(error.value)


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize("name", ARRAYS)
def test_missing_or_damaged_files_are_one_line(saved: Path, name: str) -> None:
    path = saved / f"keypoint_{name}.npy"
    whole = path.read_bytes()
    for content in (
        b"",
        b"hello",
        whole[:20],
        whole[:-1],
        b"PK\x03\x04 no archive",
        npz(),
        b"\x93NUMPY" + b"\xff" * 99,
    ):
        path.write_bytes(content)
        refused(saved)
    path.unlink()
    refused(saved)
    path.mkdir()
    refused(saved)


class Hostile:
    """What a pickle that lies in wait would do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("pwned"),)  # type: ignore[return-value]


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_objects_are_refused(saved: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved)
    np.save(saved / f"keypoint_{name}.npy", np.array([[Hostile()] * 3], dtype=object), allow_pickle=True)
    refused(saved)
    assert not (saved / "pwned").exists()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("photos", np.zeros((4, 3), np.int32)),  # no keypoints
        ("photos", np.full((4, 3), TOTAL, np.int32)),  # too many
        ("photos", np.array([[TOTAL + 1, 9, 9], [-1, 9, 9]], np.int32)),
        ("photos", np.array([[TOTAL, -9, 9]], np.int32)),
        ("photos", np.array([[2**31 - 1, 9, 9]] * 3, np.int32)),
        ("photos", np.array([[TOTAL, 9]], np.int32)),
        ("photos", np.array([TOTAL, 9, 9], np.int32)),
        ("photos", np.array(TOTAL, np.int32)),
        ("photos", np.array([[TOTAL, 9, 9]], np.int64)),
        ("photos", np.array([[TOTAL, 9, 9]], np.float32)),
        ("photos", np.array([["a", "b", "c"]])),
        ("places", np.zeros((TOTAL - 1, 2), np.float32)),
        ("places", np.zeros((TOTAL, 3), np.float32)),
        ("places", np.zeros(TOTAL, np.float32)),
        ("places", np.zeros((TOTAL, 2), np.float64)),
        ("places", np.zeros((), np.float32)),
        ("descriptors", np.zeros((TOTAL + 1, 128), np.uint8)),
        ("descriptors", np.zeros((TOTAL, 64), np.uint8)),
        ("descriptors", np.zeros((TOTAL, 128), np.int8)),
        ("descriptors", np.zeros((TOTAL, 128, 1), np.uint8)),
        ("centres", np.zeros((5, 64), np.float32)),
        ("centres", np.zeros((4, 128), np.float32)),  # the fifth has members
        ("centres", np.zeros((0, 128), np.float32)),
        ("centres", np.zeros((), np.float32)),
        ("centres", np.zeros((5, 128), ">f4")),
        ("members", np.zeros(TOTAL - 1, np.int32)),
        ("members", np.zeros(0, np.int32)),
        ("members", np.full(TOTAL, -1, np.int32)),
        ("members", np.full(TOTAL, 5, np.int32)),
        ("members", np.zeros((TOTAL, 1), np.int32)),
        ("members", np.zeros((), np.int32)),
    ],
)
def test_arrays_that_do_not_fit_are_one_line(saved: Path, name: str, values: np.ndarray) -> None:
    np.save(saved / f"keypoint_{name}.npy", values, allow_pickle=False)
    refused(saved)
