import io
import logging
import shutil
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pytest
from wildtrack.address.gallery.nearest import Floats, Rows, nearest

from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.gallery import index as module
from wildtrack.address.gallery import sketches
from wildtrack.address.gallery.index import Index, best_photos, index_files, nearest_photos, open_index, save_index
from wildtrack.address.matching.local.voting import LocalIndex
from wildtrack.errors import UserError

KEYPOINTS = tuple(f"keypoint_{name}.npy" for name in ("photos", "places", "descriptors", "centres", "members"))
FILES = ("index.faiss", "embeddings.npy", "meta.csv", "index_manifest.json")
SKETCHES = ("sketch_words.npy", "sketch_codes.npy")


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def table(identities: list[str]) -> pd.DataFrame:
    rows = len(identities)
    meta = pd.DataFrame({"image_id": [str(row) for row in range(rows)], "identity": identities})
    boxes = pd.Series([(1.5, 2.0, 30.0, 1e-3), *[None] * (rows - 1)], dtype=object)
    return meta.assign(path=meta["image_id"] + ".jpg", bbox=boxes, orientation="", date="", sha256="")


def make_index(embeddings: np.ndarray, identities: list[str]) -> Index:
    return Index(embeddings, table(identities), Path(), Path(), "f")


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


@pytest.mark.parametrize("seed", range(30))
def test_the_best_photo_of_each_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 80))
    identities = [f"id {number}" for number in rng.integers(0, rng.integers(1, 20), count)]
    index = make_index(np.ones((count, 1), np.float32), identities)
    rows = rng.permutation(count)[: rng.integers(0, count + 1)]
    scores, similarity = rng.integers(0, 5, len(rows)) / 1.0, rng.uniform(-1.5, 1.5, len(rows))
    excluded, wanted = rng.random(count) < 0.3, int(rng.integers(1, 30))
    best = best_photos(index, rows, similarity, scores, wanted, excluded)
    found: dict[str, int] = {}
    for score, row in sorted(zip(-scores, rows.tolist(), strict=True)):
        if not excluded[row]:
            found.setdefault(identities[row], row)
            assert row != found[identities[row]] or score == -scores[rows == row][0]
    assert best["row"].tolist() == list(found.values())[:wanted]
    places = {row: place for place, row in enumerate(rows.tolist())}
    for row, likeness, score, known, identity in best[
        ["row", "similarity", "score", "known_photos", "identity"]
    ].itertuples(index=False):
        assert likeness == np.clip(similarity[places[row]], -1, 1)
        assert score == scores[places[row]]
        assert (identity, known) == (identities[row], identities.count(identities[row]))


def in_threes(similarity: Floats, rows: Rows | None) -> np.ndarray:
    """A score that jumps, and that photos of every third row have less of."""
    worth = 0.5 if rows is None else np.where(rows % 3, 0.5, 0.0)
    return np.asarray(np.round(4 * similarity) / 4 + worth)


@pytest.mark.parametrize("seed", range(20))
def test_any_score_is_settled_only_when_no_other_photo_can_come_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 1500))
    embeddings = unit(rng.normal(size=(count, 3)))
    identities = [f"id {number}" for number in rng.integers(0, rng.integers(1, 300), count)]
    index, wanted = make_index(embeddings, identities), int(rng.integers(1, 12))
    best = nearest_photos(index, embeddings[0], wanted, nothing(count), in_threes)
    similarity = (embeddings * embeddings[0]).sum(axis=1, dtype=np.float64).astype(np.float32)
    everyone = np.arange(count)
    expected = best_photos(index, everyone, similarity, in_threes(similarity, everyone), wanted, nothing(count))
    pd.testing.assert_frame_equal(best, expected)


@pytest.mark.parametrize("contents", [[], ["a"], ["a", "b", "a", ""], ["é", "b", "a"]])
def test_photos_of_one_content(contents: list[str]) -> None:
    meta = pd.DataFrame({"sha256": pd.Series(contents, dtype=object)})
    index = Index(np.ones((len(contents), 1), np.float32), meta, Path(), Path(), "f")
    for wanted in ("a", "b", "", "c"):
        assert index.with_content(wanted).tolist() == [content == wanted for content in contents]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    meta = table(["NA", "Blå, 2", "007"])
    save_index(tmp_path / "a", unit(np.eye(3)), meta, tmp_path, tmp_path / "photos.csv", "fingerprint")
    return tmp_path / "a"


def test_round_trip(saved: Path) -> None:
    index = open_index(saved, "fingerprint", 3)
    assert index is not None
    assert index.meta["identity"].tolist() == ["NA", "Blå, 2", "007"]
    assert index.meta["bbox"].tolist() == [(1.5, 2.0, 30.0, 1e-3), None, None]
    assert index.root == saved.parent.resolve()
    assert index.data == (saved.parent / "photos.csv").resolve()
    assert nearest_photos(index, np.eye(3, dtype=np.float32)[2], 1, nothing(3))["identity"].tolist() == ["007"]
    np.testing.assert_array_equal(np.load(saved / "embeddings.npy"), np.eye(3))


def test_the_embeddings_stay_on_disk(saved: Path) -> None:
    opened = open_index(saved, "fingerprint", 3)
    built = save_index(saved.parent / "b", unit(np.eye(3)), table(["a", "b", "c"]), saved, saved, "fingerprint")
    for index in (opened, built):
        assert index is not None
        assert isinstance(index.embeddings.base, np.memmap)
        assert not index.embeddings.flags.writeable


def test_none_yet(tmp_path: Path) -> None:
    assert open_index(tmp_path, "fingerprint", 3) is None


def test_another_model(saved: Path) -> None:
    with pytest.raises(UserError, match=r"another model.*--rebuild"):
        open_index(saved, "other", 3)


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file(saved: Path, name: str) -> None:
    data = bytearray((saved / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(UserError, match=r"damaged.*--rebuild"):
        open_index(saved, "fingerprint", 3)


@pytest.mark.parametrize("name", ["embeddings.npy", "meta.csv"])
def test_a_missing_file(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing.*--rebuild"):
        open_index(saved, "fingerprint", 3)


def seal_again(saved: Path, name: str, content: bytes) -> None:
    """Put other content into the set with a manifest that fits it, as somebody hostile can."""

    def write(path: Path) -> None:
        path.write_bytes(content)

    index_files(saved).add(name, write)


def as_npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, a=array)
    return file.getvalue()


META = "image_id,identity,path,bbox,orientation,date,sha256\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("embeddings.npy", as_npy(np.eye(4, dtype=np.float32))),
        ("embeddings.npy", as_npy(np.eye(2, dtype=np.float32))),
        ("embeddings.npy", as_npy(np.ones((3, 4), np.float32))),
        ("embeddings.npy", as_npy(np.ones(3, np.float32))),
        ("embeddings.npy", as_npy(np.eye(3))),
        ("embeddings.npy", as_npy(np.array([["a pickle"]], dtype=object))),
        ("embeddings.npy", as_npy(np.eye(3, dtype=np.float32))[:-4]),
        ("embeddings.npy", b""),
        ("embeddings.npy", b"hello"),
        ("embeddings.npy", npz(np.eye(3, dtype=np.float32))),
        ("meta.csv", b""),
        ("meta.csv", b"\xff\xfe"),
        ("meta.csv", b"image_id,identity\na,b\n"),
        ("meta.csv", META.encode()),
        ("meta.csv", f"{META}a,b,c,a box,,,\n".encode() * 3),
    ],
)
def test_what_does_not_fit_is_one_line(saved: Path, name: str, content: bytes) -> None:
    seal_again(saved, name, content)
    with pytest.raises(UserError, match="--rebuild") as error:
        open_index(saved, "fingerprint", 3)
    assert "\n" not in str(error.value)


def test_a_model_with_longer_embeddings(saved: Path) -> None:
    with pytest.raises(UserError, match=r"float32 \(3, 3\), and not float32 \(3, 4\).*--rebuild"):
        open_index(saved, "fingerprint", 4)


def test_faiss_parses_no_file(saved: Path) -> None:
    seal_again(saved, "index.faiss", b"IxFI hostile")
    index = open_index(saved, "fingerprint", 3)
    assert index is not None
    assert nearest_photos(index, np.eye(3, dtype=np.float32)[1], 1, nothing(3))["identity"].tolist() == ["Blå, 2"]


def test_other_programs_can_read_the_index(saved: Path) -> None:
    found = faiss.deserialize_index(np.frombuffer((saved / "index.faiss").read_bytes(), dtype=np.uint8))
    np.testing.assert_array_equal(found.reconstruct_n(0, 3), np.load(saved / "embeddings.npy"))


def test_an_index_that_does_not_say_what_it_was_built_from(saved: Path) -> None:
    def copy(staging: Path) -> None:
        for name in FILES[:-1]:
            shutil.copy(saved / name, staging)

    index_files(saved).replace(copy, {"fingerprint": "fingerprint", "root": "/", "photos": 3})
    with pytest.raises(UserError, match=r"older kind.*--rebuild"):
        open_index(saved, "fingerprint", 3)


def local_index(*counts: int) -> LocalIndex:
    """So many keypoints a photo."""
    rng = np.random.default_rng(0)
    return LocalIndex(
        [
            Keypoints(
                rng.uniform(0, 90, (count, 2)).astype(np.float32),
                rng.integers(0, 60, (count, 128), dtype=np.uint8),
                (90, 100 + count),
            )
            for count in counts
        ]
    )


@pytest.fixture
def with_keypoints(tmp_path: Path) -> Path:
    meta = table(["NA", "Blå, 2", "007"])
    save_index(tmp_path / "a", unit(np.eye(3)), meta, tmp_path, tmp_path / "p.csv", "fingerprint", local_index(5, 0, 9))
    return tmp_path / "a"


def test_keypoints_come_back(with_keypoints: Path) -> None:
    assert {path.name for path in with_keypoints.iterdir()} == {*FILES, *KEYPOINTS}
    opened = open_index(with_keypoints, "fingerprint", 3, with_keypoints=True)
    assert opened is not None
    assert opened.local is not None
    for found, expected in zip(opened.local.gallery, local_index(5, 0, 9).gallery, strict=True):
        np.testing.assert_array_equal(found.places, expected.places)
        np.testing.assert_array_equal(found.descriptors, expected.descriptors)
        assert found.size == expected.size
    without = open_index(with_keypoints, "fingerprint", 3)
    assert without is not None
    assert without.local is None


def test_keypoints_are_not_missed_where_nobody_asks_for_them(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == set(FILES)
    with pytest.raises(UserError, match=r"built without keypoints.*--rebuild"):
        open_index(saved, "fingerprint", 3, with_keypoints=True)


def test_keypoints_of_another_kind(with_keypoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTINGS", "ORB 3 OpenCV 1.0")
    with pytest.raises(UserError, match=r"with keypoints of another kind.*--rebuild"):
        open_index(with_keypoints, "fingerprint", 3, with_keypoints=True)
    assert open_index(with_keypoints, "fingerprint", 3) is not None  # who does not need them is not troubled


@pytest.mark.parametrize("name", KEYPOINTS)
def test_keypoints_that_were_altered_or_are_gone(with_keypoints: Path, name: str) -> None:
    data = (with_keypoints / name).read_bytes()
    (with_keypoints / name).unlink()
    with pytest.raises(UserError, match=r"keypoints in .* cannot be read.*--rebuild") as error:
        open_index(with_keypoints, "fingerprint", 3, with_keypoints=True)
    assert "\n" not in str(error.value)
    (with_keypoints / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(UserError, match=r"damaged.*--rebuild"):
        open_index(with_keypoints, "fingerprint", 3)


def test_keypoints_of_other_photos(with_keypoints: Path) -> None:
    meta = table(["a", "b"])
    save_index(with_keypoints, unit(np.eye(2)), meta, Path(), Path(), "fingerprint", local_index(5, 0, 9))
    with pytest.raises(UserError, match=r"are of 3 photos, not of 2.*--rebuild"):
        open_index(with_keypoints, "fingerprint", 2, with_keypoints=True)


def test_an_index_without_keypoints_leaves_none_of_an_older_one(with_keypoints: Path) -> None:
    save_index(with_keypoints, unit(np.eye(3)), table(["a", "b", "c"]), Path(), Path(), "fingerprint")
    assert {path.name for path in with_keypoints.iterdir()} == set(FILES)


def many(animals: int = 40, each: int = 10) -> tuple[np.ndarray, list[str]]:
    """Photos of each animal, and who they show."""
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(animals, 16)), each, axis=0)
    return unit(centres + 0.5 * rng.normal(size=centres.shape)), [f"id {row // each}" for row in range(len(centres))]


@pytest.fixture
def approximate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index that is large, as sizes go here: 400 photos, 40 of which are compared at first."""
    for place, name, value in (
        (module, "APPROXIMATE_FROM", 400),
        (module, "LEAST", 10),
        (sketches, "SHORTLIST", 40),
    ):
        monkeypatch.setattr(place, name, value)
    embeddings, identities = many()
    save_index(tmp_path / "a", embeddings, table(identities), tmp_path, tmp_path / "p.csv", "fingerprint")
    return tmp_path / "a"


def opened(folder: Path) -> Index:
    index = open_index(folder, "fingerprint", 16)
    assert index is not None
    return index


def test_a_large_index_answers_approximately(approximate: Path) -> None:
    assert {path.name for path in approximate.iterdir()} == {*FILES, *SKETCHES}
    index, (embeddings, identities) = opened(approximate), many()
    assert index.approximate is not None
    assert index.approximate.embeddings is index.embeddings
    assert index.approximate.sketches.found >= module.FOUND
    asked = 0

    def count(similarity: Floats, rows: Rows | None) -> np.ndarray:
        nonlocal asked
        asked += 0 if rows is None else len(rows)
        return similarity

    same = 0
    for row in range(0, 400, 7):
        excluded = np.arange(400) == row
        best = nearest_photos(index, embeddings[row], 1, excluded, count)
        same += best["row"].tolist() == by_the_book(embeddings, identities, embeddings[row], 1, excluded)
        assert best["similarity"].iloc[0] == pytest.approx(float(embeddings[row] @ embeddings[best["row"].iloc[0]]))
    assert same >= 55  # of 58
    assert asked < 30 * 58  # photos that were scored


def test_an_index_that_is_not_large_is_exact(approximate: Path, tmp_path: Path) -> None:
    embeddings, identities = many()
    fewer = save_index(approximate, embeddings[:399], table(identities[:399]), tmp_path, tmp_path, "fingerprint")
    assert fewer.approximate is None
    assert opened(approximate).approximate is None
    assert {path.name for path in approximate.iterdir()} == set(FILES)


@pytest.mark.parametrize("wanted", [3, 40, 99])
def test_what_is_not_found_soon_is_found_exactly(approximate: Path, tmp_path: Path, wanted: int) -> None:
    """One animal has most of the photos, and sketches find no other at first."""
    embeddings, identities = many()
    names = ["id 0" if row % 9 else identities[row] for row in range(400)]
    index = save_index(tmp_path / "b", embeddings, table(names), tmp_path, tmp_path, "fingerprint")
    assert index.approximate is not None
    best = nearest_photos(index, embeddings[1], wanted, nothing(400))
    assert len(best) == min(wanted, len(set(names)))
    if wanted > 3:
        assert best["row"].tolist() == by_the_book(embeddings, names, embeddings[1], wanted, nothing(400))


def test_an_approximate_search_that_finds_too_little_is_not_used(
    approximate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sketches, "SHORTLIST", 5)
    monkeypatch.setattr(sketches, "SHORTLISTED", 1)
    embeddings = unit(np.random.default_rng(0).normal(size=(2000, 16)))
    with caplog.at_level(logging.INFO):
        index = save_index(tmp_path / "b", embeddings, table(["a"] * 2000), tmp_path, tmp_path, "fingerprint")
    assert index.approximate is None
    assert "The search stays exact: an approximate one would find" in caplog.text
    assert {path.name for path in (tmp_path / "b").iterdir()} == set(FILES)


@pytest.mark.parametrize("name", SKETCHES)
def test_sketches_that_were_altered_or_are_gone(approximate: Path, name: str) -> None:
    data = (approximate / name).read_bytes()
    (approximate / name).unlink()
    with pytest.raises(UserError, match=r"sketches in .* cannot be read.*--rebuild") as error:
        opened(approximate)
    assert "\n" not in str(error.value)
    (approximate / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(UserError, match=r"damaged.*--rebuild"):
        opened(approximate)
    (approximate / name).write_bytes(data)
    seal_again(approximate, name, as_npy(np.zeros((3, 3), np.float32)))
    with pytest.raises(UserError, match=r"sketches in .* do not fit the embeddings.*--rebuild"):
        opened(approximate)


@pytest.mark.parametrize("found", [None, "0.99", 1, [0.5], {}])
def test_a_manifest_that_does_not_say_what_sketches_find(approximate: Path, found: object) -> None:
    about = index_files(approximate).open()
    assert about is not None

    def copy(staging: Path) -> None:
        for name in (*FILES[:-1], *SKETCHES):
            shutil.copy(approximate / name, staging)

    index_files(approximate).replace(copy, about | {"sketches_find": found})
    assert opened(approximate).approximate is None


def test_more_identities_wanted_than_there_are_looks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, identities = many(animals=3, each=400)
    index, looked = make_index(embeddings, identities), []

    def spy(*args: object) -> tuple[Floats, Rows]:
        looked.append(args)
        return nearest(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "nearest", spy)
    assert len(nearest_photos(index, embeddings[0], 50, nothing(len(identities)))) == 3
    assert len(looked) <= 3
    gone = np.array(identities) == identities[0]
    assert len(nearest_photos(index, embeddings[0], 50, gone)) == 2


@pytest.mark.parametrize("recent", [0, 1, 7, 60])
def test_photos_that_come_later_are_ranked_with_the_others(recent: int) -> None:
    rng = np.random.default_rng(recent)
    embeddings = unit(rng.normal(size=(80, 6)))
    embeddings[70:75] = embeddings[:5]  # ties between both parts
    identities = [str(number) for number in rng.integers(0, 12, 80)]
    first = make_index(embeddings[: 80 - recent], identities[: 80 - recent])
    whole = make_index(embeddings, identities)
    longer = first.extended(embeddings[80 - recent :], whole.meta[80 - recent :], [])
    again = first
    for row in range(80 - recent, 80):  # one by one
        again = again.extended(embeddings[row : row + 1], whole.meta[row : row + 1], [])
    assert len(first.meta) == 80 - recent
    for index in (longer, again):
        np.testing.assert_array_equal(index.all_embeddings, whole.embeddings)
        for row in (0, 3, 71, 79):
            found = nearest_photos(index, embeddings[row], 5, nothing(80))
            pd.testing.assert_frame_equal(found, nearest_photos(whole, embeddings[row], 5, nothing(80)))


def test_photos_that_come_later_to_an_approximate_index(approximate: Path) -> None:
    index = opened(approximate)
    assert index.approximate is not None
    new = unit(index.embeddings[:1] + 0.01)
    longer = index.extended(new, index.meta[:1].assign(identity="new"), [])
    best = nearest_photos(longer, new[0], 2, nothing(len(longer.meta)))
    assert best["identity"].tolist() == ["new", index.meta["identity"].iloc[0]]
    assert best["row"].tolist()[0] == len(index.meta)
