import io
import shutil
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import keypoints, photos, quantised, table, unit
from wildtrack.address.gallery import files as module
from wildtrack.address.gallery.files import gallery_files, read_gallery, save_gallery
from wildtrack.address.gallery.gallery import Gallery, Source
from wildtrack.address.gallery.index import build_index, is_exact, write_index
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.errors import UserError

KEYPOINTS = tuple(f"keypoint_{name}.npy" for name in ("photos", "places", "descriptors", "centres", "members"))
FILES = ("index.faiss", "embeddings.npy", "meta.csv", "index_manifest.json")
NAMES = ["NA", "Blå, 2", "007"]
POINTS = KeypointIndex([keypoints(np.random.default_rng(0), count) for count in (5, 0, 9)])


def save(folder: Path, embeddings: np.ndarray, names: list[str], keypoints: KeypointIndex | None = None) -> Gallery:
    source = Source(folder.parent, folder.parent / "photos.csv", "fingerprint")
    return save_gallery(Gallery(table(names), unit(embeddings), keypoints, source=source), folder)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(tmp_path / "a", np.eye(3), NAMES)
    return tmp_path / "a"


@pytest.fixture
def with_keypoints(tmp_path: Path) -> Path:
    save(tmp_path / "a", np.eye(3), NAMES, POINTS)
    return tmp_path / "a"


def opened(folder: Path, dimensions: int = 3, *, with_keypoints: bool = False) -> Gallery:
    gallery = read_gallery(folder, "fingerprint", dimensions, with_keypoints)
    assert gallery is not None
    return gallery


def refused(folder: Path, reason: str, dimensions: int = 3, *, with_keypoints: bool = False) -> None:
    with pytest.raises(UserError, match=rf"{reason}.*--rebuild") as error:
        read_gallery(folder, "fingerprint", dimensions, with_keypoints)
    assert "\n" not in str(error.value)


def test_what_is_saved_is_what_is_opened(saved: Path, tmp_path: Path) -> None:
    assert {path.name for path in saved.iterdir()} == set(FILES)
    for gallery in (opened(saved), save(tmp_path / "b", np.eye(3), NAMES)):
        pd.testing.assert_frame_equal(gallery.table, table(NAMES), check_dtype=False)
        assert gallery.source == Source(tmp_path.resolve(), (tmp_path / "photos.csv").resolve(), "fingerprint")
        np.testing.assert_array_equal(gallery.embeddings, np.eye(3))
        assert isinstance(gallery.embeddings.base, np.memmap) and not gallery.embeddings.flags.writeable
        assert is_exact(gallery.index) and (gallery.keypoints, gallery.recent) == (None, None)
        assert gallery.shortlist(np.eye(3, dtype=np.float32)[2], 1).tolist() == [2]
    about = gallery_files(saved).open()
    assert about is not None and (about["photos"], about["keypoints"], about["index"]) == (3, "", "exact")
    other_program = faiss.deserialize_index(np.frombuffer((saved / "index.faiss").read_bytes(), dtype=np.uint8))
    np.testing.assert_array_equal(other_program.reconstruct_n(0, 3), np.eye(3))


def test_no_gallery_yet(saved: Path) -> None:
    (saved / "index_manifest.json").unlink()
    assert read_gallery(saved, "fingerprint", 3) is None
    assert read_gallery(saved.parent, "fingerprint", 3) is None


def test_a_gallery_of_another_model_is_refused(saved: Path) -> None:
    with pytest.raises(UserError, match=r"another model.*--rebuild"):
        read_gallery(saved, "other", 3)
    refused(saved, r"holds float32 \(3, 3\), and not float32 \(3, 4\)", 4)


@pytest.mark.parametrize("name", [*FILES[:3], *KEYPOINTS])
def test_a_missing_file(with_keypoints: Path, name: str) -> None:
    (with_keypoints / name).unlink()
    refused(with_keypoints, f"{name} is missing", with_keypoints=True)
    (with_keypoints / name).mkdir()
    refused(with_keypoints, "cannot be read", with_keypoints=True)


def seal_again(saved: Path, name: str, content: bytes) -> None:
    """Put other content into the set with a manifest that fits it, as somebody hostile can."""
    gallery_files(saved).add(name, lambda path: path.write_bytes(content))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


COLUMNS = "image_id,identity,path,bbox,orientation,date,sha256\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("embeddings.npy", npy(np.eye(4, dtype=np.float32))),
        ("embeddings.npy", npy(np.ones(3, np.float32))),
        ("embeddings.npy", npy(np.eye(3))),
        ("embeddings.npy", npy(np.eye(3, dtype=np.float32))[:-4]),
        ("meta.csv", b""),
        ("meta.csv", b"\xff\xfe"),
        ("meta.csv", b"image_id,identity\na,b\n"),
        ("meta.csv", COLUMNS.encode()),
        ("meta.csv", f"{COLUMNS}a,b,c,a box,,,\n".encode() * 3),
        ("index.faiss", b""),
        ("index.faiss", faiss.serialize_index(faiss.IndexFlatIP(3)).tobytes()),
        ("index.faiss", faiss.serialize_index(faiss.IndexFlatL2(3)).tobytes()),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(saved: Path, name: str, content: bytes) -> None:
    seal_again(saved, name, content)
    refused(saved, "")


def test_keypoints_are_opened_only_for_their_matcher(with_keypoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {path.name for path in with_keypoints.iterdir()} == {*FILES, *KEYPOINTS}
    found = opened(with_keypoints, with_keypoints=True).keypoints
    assert found is not None and [len(photo.places) for photo in found.gallery] == [5, 0, 9]
    assert opened(with_keypoints).keypoints is None
    monkeypatch.setattr(module, "KIND", "ORB 3 OpenCV 1.0")
    refused(with_keypoints, "with keypoints of another kind", with_keypoints=True)
    assert len(opened(with_keypoints)) == 3


def test_keypoints_of_other_photos_are_refused(with_keypoints: Path) -> None:
    with pytest.raises(UserError, match=r"are of 3 photos, not of 2.*--rebuild"):
        save(with_keypoints, np.eye(2), ["a", "b"], POINTS)


def test_a_large_gallery_keeps_an_approximate_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "build_index", partial(build_index, exact_up_to=399))
    embeddings, names, folder = photos(40, 12), [str(row // 10) for row in range(400)], tmp_path / "a"
    save(folder, embeddings, names)
    gallery, about = opened(folder, 12), gallery_files(folder).open()
    assert not is_exact(gallery.index) and about is not None and about["index"] == "product quantisation"
    assert 7 in gallery.shortlist(embeddings[7], 5)
    for other in (photos(39, 12), photos(40, 8)):  # fewer photos; other dimensions
        write_index(quantised(other), tmp_path / "other.faiss")
        seal_again(folder, "index.faiss", (tmp_path / "other.faiss").read_bytes())
        refused(folder, r"cannot be read: index\.faiss is no index of 400 photos", 12)
    save(folder, embeddings[:399], names[:399])
    assert is_exact(opened(folder, 12).index)


def test_a_large_gallery_of_0_1_has_a_warning(saved: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gallery_files(saved).add("sketch_words.npy", lambda path: path.write_bytes(b"not read any more"))
    opened(saved)
    assert "--rebuild" not in caplog.text
    about = gallery_files(saved).open() or {}

    copy = partial(shutil.copytree, saved, dirs_exist_ok=True, ignore=lambda _, names: {*names} - {*FILES[:3]})
    gallery_files(tmp_path / "old").replace(copy, {**about, "sketches_find": 0.99})
    assert len(opened(tmp_path / "old")) == 3
    assert "each of its photos is compared; --rebuild is quicker" in caplog.text
