import os
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from wildtrack.access.photos.reader import PhotoError
from wildtrack.address.features.embeddings import cached_outputs, run_engine
from wildtrack.address.models.engines import KerasEngine
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig


class CountingEngine:
    """Embeds a photo by its first pixel, and lists the photos it is run on."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        first = photos[:, 0, 0, 0].astype(np.float32)
        self.seen += first.astype(int).tolist()
        return {"embedding": np.stack([first, -first], axis=1), "probabilities": first[:, None] / 255}


def embed(cache: Path, levels: list[int], name: str = "f1", limit_gb: float = 1.0, **given: Any) -> list[int]:
    """Embed grey photos of these levels, whose digests are their levels; the levels the engine was run on."""
    pixels = np.stack([np.full((4, 4, 3), level, np.uint8) for level in levels])
    table = pd.DataFrame({"path": [f"{row}.jpg" for row in range(len(levels))], **given.get("columns", {})})
    engine = CountingEngine()
    digests = given.get("digests", [f"c{level}" for level in levels])
    found = cached_outputs(engine, name, table, digests, pixels.__getitem__, CacheConfig(limit_gb, root=cache))
    assert found.rows.tolist() == list(range(len(levels))) and found.problems.empty
    assert found.outputs["embedding"].tolist() == [[level, -level] for level in levels]
    assert np.allclose(found.outputs["probabilities"], np.array(levels)[:, None] / 255)
    assert {values.dtype for values in found.outputs.values()} == {np.dtype(np.float32)}
    return engine.seen


def entry(cache: Path, fingerprint: str = "f1") -> Path:
    return cache / "embeddings" / f"{fingerprint}.npz"


def test_only_new_or_changed_photos_are_embedded(tmp_path: Path) -> None:
    box = (0.0, 0.0, 2.0, 2.0)
    assert embed(tmp_path, [1, 2, 3]) == [1, 2, 3] and embed(tmp_path, [3, 1]) == []
    assert embed(tmp_path, [9, 1, 2, 8]) == [9, 8] and embed(tmp_path, [1, 2, 3, 8, 9]) == []
    assert embed(tmp_path, [1, 2], "f2") == [1, 2]
    assert embed(tmp_path, [5, 5, 6]) == [5, 6]  # copies
    assert embed(tmp_path, [5, 5], columns={"bbox": [None, box]}) == [5]
    assert embed(tmp_path, [5, 5], columns={"bbox": [box, float("nan")]}) == []
    many = list(range(10, 60))
    assert embed(tmp_path, many) == many and embed(tmp_path, many) == []
    with np.load(entry(tmp_path)) as file:
        np.savez(entry(tmp_path), allow_pickle=False, digest=np.array("of an older version"), **file)
    assert embed(tmp_path, many) == []


def test_a_photo_whose_file_cannot_be_read_is_embedded_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        assert embed(tmp_path, [7, 8, 9], digests=["", "", ""]) == [7, 8, 9]
    assert embed(tmp_path, [7, 8], digests=["", "c8"]) == [7, 8] and embed(tmp_path, [8]) == []


def shortened(path: Path) -> None:
    """One bit of an array's header says that there are fewer numbers: NumPy alone reads such a file."""
    arrays: dict[str, Any] = {"embedding": np.zeros((2, 1800), np.float32), "keys": np.array(["a" * 64, "b" * 64])}
    np.savez(path, **arrays)
    path.write_bytes(path.read_bytes().replace(b"(2, 1800)", b"(2, 1000)"))
    with np.load(path) as file:
        assert file["embedding"].shape == (2, 1000)


@pytest.mark.parametrize(
    "damage",
    [
        shortened,
        lambda path: np.savez(path, keys=np.array([{}], dtype=object)),  # a pickle
        lambda path: np.savez(path, embedding=np.zeros(3)),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no archive"),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
    ],
)
def test_a_damaged_file_is_dropped_and_made_anew(tmp_path: Path, damage: Any, caplog: pytest.LogCaptureFixture) -> None:
    embed(tmp_path, [1, 2])
    damage(entry(tmp_path))
    assert embed(tmp_path, [1, 2]) == [1, 2] and "is damaged" in caplog.text
    assert embed(tmp_path, [1, 2]) == []


def test_models_not_used_for_longest_go_first_then_photos_not_in_the_table(tmp_path: Path) -> None:
    for age, fingerprint in enumerate(("f1", "f2", "f3")):
        embed(tmp_path, [1, 2], fingerprint)
        os.utime(entry(tmp_path, fingerprint), (age, age))
    embed(tmp_path, [1, 2], "f1")  # used again
    size = entry(tmp_path).stat().st_size
    embed(tmp_path, [1, 2], "f4", limit_gb=2.5 * size / 1e9)
    assert {path.stem for path in (tmp_path / "embeddings").iterdir()} == {"f1", "f4"}
    embed(tmp_path, [1, 2, 3], limit_gb=0)
    embed(tmp_path, [3, 4], limit_gb=0)
    assert embed(tmp_path, [3, 4]) == [] and embed(tmp_path, [1, 3]) == [1]


def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embed(tmp_path, [1])
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(np, "savez", Mock(side_effect=OSError("the disk is full")))
        embed(tmp_path, [1, 2])
    assert embed(tmp_path, [1]) == []
    assert [path.name for path in (tmp_path / "embeddings").iterdir()] == ["f1.npz"]


def test_unreadable_photos_are_listed_and_the_others_embedded(tmp_path: Path) -> None:
    table = pd.DataFrame({"path": [f"{row}.jpg" for row in range(20)]})
    digests = ["c1", "bad", "c2", "bad", *["c3"] * 15, ""]

    def read(row: int) -> np.ndarray:
        if digests[row] in ("bad", ""):
            raise PhotoError(f"broken {row}")
        return np.full((4, 4, 3), int(digests[row][1]), np.uint8)

    for _ in range(2):  # embedded, then found
        engine = CountingEngine()
        embedded = cached_outputs(engine, "f1", table, digests, read, CacheConfig(root=tmp_path))
        assert embedded.rows.tolist() == [0, 2, *range(4, 19)]
        assert embedded.outputs["embedding"][:, 0].tolist() == [1, 2, *[3] * 15]
        problems = [["1.jpg", "broken 1"], ["3.jpg", "broken 1"], ["19.jpg", "broken 19"]]  # the second is a copy
        assert embedded.problems.to_numpy().tolist() == problems
    assert engine.seen == []
    with pytest.raises(UserError, match=r"none of the 1 photos can be read; the first: 1\.jpg: broken 1"):
        cached_outputs(engine, "f1", table[1:2], digests[1:2], lambda row: read(row + 1), CacheConfig(root=tmp_path))


def test_keras_sees_few_sizes_of_batch() -> None:
    network = Mock(predict_on_batch=Mock(side_effect=CountingEngine().run))
    photos = np.arange(100, dtype=np.uint8)[:, None, None, None] * np.ones((2, 2, 3), np.uint8)
    for count in (1, 3, 5, 16, 37):
        found = run_engine(KerasEngine(network), photos.__getitem__, np.arange(count))[0]["embedding"]
        assert found[:, 0].tolist() == list(range(count))
    sizes = [len(call.args[0]) for call in network.predict_on_batch.mock_calls]
    assert sizes == [1, 4, 8, 16, 16, 16, 8]
