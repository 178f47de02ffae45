from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pytest

from wildtrack.address.index import Index, nearest_photos, open_index, save_index
from wildtrack.errors import UserError

FILES = ("index.faiss", "embeddings.npy", "meta.csv", "index_manifest.json")


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def table(identities: list[str]) -> pd.DataFrame:
    rows = len(identities)
    meta = pd.DataFrame({"image_id": [str(row) for row in range(rows)], "identity": identities})
    return meta.assign(path=meta["image_id"] + ".jpg", orientation="", date="", sha256="")


def make_index(embeddings: np.ndarray, identities: list[str]) -> Index:
    found = faiss.IndexFlatIP(embeddings.shape[1])
    found.add(embeddings)
    return Index(found, table(identities), Path(), "f")


def nothing(count: int) -> np.ndarray:
    return np.zeros(count, dtype=bool)


def by_the_book(
    embeddings: np.ndarray, identities: list[str], query: np.ndarray, wanted: int, excluded: np.ndarray
) -> list[int]:
    similarity = embeddings @ query
    best: dict[str, int] = {}
    for row in sorted(range(len(identities)), key=lambda row: (-similarity[row], row)):
        if not excluded[row]:
            best.setdefault(identities[row], row)
    return list(best.values())[:wanted]


@pytest.mark.parametrize("seed", range(100))
def test_agrees_with_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 200))
    corners = unit(np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]]))  # exact in float32 with these queries: many ties
    embeddings = corners[rng.integers(0, 4, count)] if seed % 2 else unit(rng.normal(size=(count, 4)))
    query = embeddings[rng.integers(count)] if seed % 2 == 0 else np.array([1.0, 0.0], np.float32)
    identities = [f"id {number}" for number in rng.integers(0, rng.integers(1, 60), count)]
    excluded = rng.random(count) < rng.choice([0.0, 0.3, 0.95])
    wanted = int(rng.integers(1, 12))
    best = nearest_photos(make_index(embeddings, identities), query, wanted, excluded)
    assert best["row"].tolist() == by_the_book(embeddings, identities, query, wanted, excluded)
    assert best["similarity"].between(-1, 1).all()
    assert best["identity"].tolist() == [identities[row] for row in best["row"]]


@pytest.mark.parametrize("count", [1, 9, 500])
def test_equals_go_by_row(count: int) -> None:
    embeddings = np.tile(np.array([[0.6, 0.8]], np.float32), (count, 1))
    best = nearest_photos(make_index(embeddings, [str(row) for row in range(count)]), embeddings[0], 5, nothing(count))
    assert best["row"].tolist() == list(range(min(5, count)))


def test_fewer_identities_than_wanted_and_all_excluded() -> None:
    embeddings = unit(np.random.default_rng(0).normal(size=(40, 3)))
    index = make_index(embeddings, ["a"] * 39 + ["b"])
    assert sorted(nearest_photos(index, embeddings[0], 5, nothing(40))["identity"]) == ["a", "b"]
    assert nearest_photos(index, embeddings[0], 5, ~nothing(40)).empty


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_index(tmp_path / "a", unit(np.eye(3)), table(["NA", "Blå, 2", "007"]), tmp_path, "fingerprint")
    return tmp_path / "a"


def test_round_trip(saved: Path) -> None:
    index = open_index(saved, "fingerprint")
    assert index is not None
    assert index.meta["identity"].tolist() == ["NA", "Blå, 2", "007"]
    assert index.root == saved.parent.resolve()
    assert nearest_photos(index, np.eye(3, dtype=np.float32)[2], 1, nothing(3))["identity"].tolist() == ["007"]
    np.testing.assert_array_equal(np.load(saved / "embeddings.npy"), np.eye(3))


def test_none_yet(tmp_path: Path) -> None:
    assert open_index(tmp_path, "fingerprint") is None


def test_another_model(saved: Path) -> None:
    with pytest.raises(UserError, match=r"another model.*--rebuild"):
        open_index(saved, "other")


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file(saved: Path, name: str) -> None:
    data = bytearray((saved / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(UserError, match=r"damaged.*--rebuild"):
        open_index(saved, "fingerprint")


@pytest.mark.parametrize("name", ["index.faiss", "meta.csv"])
def test_a_missing_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing.*--rebuild"):
        open_index(saved, "fingerprint")
