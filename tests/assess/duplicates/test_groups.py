from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.tables import catalogue
from wildtrack.assess.derived import remove_duplicates
from wildtrack.assess.duplicates.groups import Pictures, check_for_duplicates

BASE = np.random.default_rng(0).random(64) < 0.5
FLAGS = ["removable", "within_identity", "across_identities", "across_splits"]
SEEN = np.random.default_rng(1).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)
SEEN[8] = 7  # shows nothing


def check(
    table: pd.DataFrame, shifts: Sequence[int], files: str = "", pictures: Sequence[int] = (), **even: Sequence[int]
) -> pd.DataFrame:
    """Hash i differs from the first in `shifts[i]` bits; equal letters are equal files, "-" cannot be read."""
    hashes = BASE ^ (np.arange(64) < np.reshape(shifts, (-1, 1)))
    letters = enumerate(files or "." * len(table))
    digests = ["" if letter == "-" else f"f{row}" if letter == "." else letter for row, letter in letters]
    thumbnails = SEEN[list(pictures) or [0] * len(table)]
    faults, sizes = (np.array(even.get(name) or [0] * len(table)) for name in ("faults", "sizes"))
    return check_for_duplicates(table, Pictures(thumbnails, hashes, digests, faults, sizes))


def rows_of(found: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(found[["group", "image_id", "kind", "distance", "duplicate_of"]].itertuples(index=False, name=None))


def pair(kind: str, distance: int, one: int = 0, other: int = 1, group: int = 0) -> list[tuple[Any, ...]]:
    return [(group, f"r{one}", kind, distance, f"r{other}"), (group, f"r{other}", kind, distance, f"r{one}")]


@pytest.mark.parametrize(
    ("identities", "shifts", "files", "pictures", "expected"),
    [
        pytest.param("", [], "", [], [], id="no photos"),
        pytest.param("a", [0], "", [], [], id="one photo"),
        pytest.param("aa", [0, 11], "", [], [], id="one bit too many"),
        pytest.param("aa", [0, 10], "", [], pair("near", 10), id="near"),
        pytest.param("aa", [0, 0], "", [], pair("near", 0), id="equal pixels"),
        pytest.param("aa", [0, 30], "xx", [], pair("exact file", 0), id="file"),
        pytest.param("aa", [0, 30], "--", [], [], id="files that cannot be read equal none"),
        pytest.param("aaa", [0, 0, 0], "", [8, 8, 8], [], id="photos that show nothing"),
        pytest.param("aaa", [0, 0, 0], "x.x", [8, 8, 8], pair("exact file", 0, 0, 2), id="but by their files"),
        pytest.param("aaaa", [0, 40, 45, 3], "", [], pair("near", 3, 0, 3) + pair("near", 5, 1, 2, 1), id="two"),
    ],
)  # fmt: skip
def test_groups(
    identities: str, shifts: list[int], files: str, pictures: list[int], expected: list[tuple[Any, ...]]
) -> None:
    assert rows_of(check(catalogue(identities), shifts, files, pictures)) == expected


def test_two_animals_in_one_pose_have_one_hash_and_are_no_duplicates() -> None:
    assert rows_of(check(catalogue("abaa"), [0, 0, 0, 0], pictures=[0, 1, 2, 0])) == pair("near", 0, 0, 3)
    linked = check(catalogue("aaaa"), [0, 5, 5, 0], "xx..", [0, 1, 1, 0])  # r0 and r1 are linked by their file only
    assert linked["duplicate_of"].tolist() == ["r1", "r0", "r1", "r0"]
    assert linked.loc[linked["removable"], "image_id"].tolist() == ["r1", "r3"]


def test_an_empty_answer_has_the_columns() -> None:
    found = check(catalogue("ab", split=["train", "test"]), [0, 40])
    columns = ["group", "image_id", "identity", "path", "split", "kind", "distance", "duplicate_of"]
    assert list(found) == columns + FLAGS
    cleaned, removed = remove_duplicates(catalogue("ab"), found)
    assert len(cleaned) == 2
    assert list(removed) == ["image_id", "path", "kept_image_id", "reason"]


@pytest.mark.parametrize(
    ("identities", "sides", "expected"),
    [
        ("aa", None, [(0, 1, 0, 0), (1, 1, 0, 0)]),
        ("aa", ["train", "test"], [(0, 1, 0, 1), (1, 1, 0, 1)]),
        ("aa", ["train", None], [(0, 1, 0, 0), (1, 1, 0, 0)]),
        ("ab", ["test", "test"], [(0, 0, 1, 0), (0, 0, 1, 0)]),
        ("aab", None, [(0, 1, 1, 0), (0, 1, 1, 0), (0, 0, 1, 0)]),
        ("a?", None, [(0, 0, 0, 0), (0, 0, 0, 0)]),
        ("??", ["train", "test"], [(0, 0, 0, 1), (1, 0, 0, 1)]),
    ],
)
def test_flags(identities: str, sides: list[str | None] | None, expected: list[tuple[int, ...]]) -> None:
    table = catalogue(identities) if sides is None else catalogue(identities, split=sides)
    found = check(table, [0] * len(table))
    assert [tuple(row) for row in found[FLAGS].astype(int).itertuples(index=False, name=None)] == expected


def test_two_animals_in_one_photo_or_in_two_copies_of_it_are_no_duplicates_of_each_other() -> None:
    assert check(catalogue("ab", photo_id="one"), [0, 0], "xx").empty
    assert check(catalogue("ab", path="one.jpg"), [0, 0], "xx").empty
    left, right = (0.0, 0.0, 9.0, 9.0), (50.0, 0.0, 9.0, 9.0)
    table = catalogue("abab", path=["1.jpg", "1.jpg", "2.jpg", "2.jpg"], bbox=[left, right, left, right])
    found = check(table, [0, 30, 0, 30], "xxxx")
    assert rows_of(found) == [*pair("exact file", 0, 0, 2), *pair("exact file", 0, 1, 3, 1)]
    assert not found["across_identities"].any()


@pytest.mark.parametrize(("identities", "across"), [("abab", False), ("abaa", True), ("ab?a", True), ("ab??", False)])
def test_two_names_of_a_photo_and_the_same_two_of_its_copy_agree(identities: str, across: bool) -> None:
    table = catalogue(identities, path=["1.jpg", "1.jpg", "2.jpg", "2.jpg"])
    found = check(table, [0] * 4, "xxxx")
    assert found["across_identities"].any() == across and not found["removable"].any()


@pytest.mark.parametrize(
    ("identities", "shifts", "expected"),
    [
        pytest.param("aab", [0, 1, 30], {"r1": "r0"}, id="the first stays"),
        pytest.param("aaaa", [0, 8, 16, 24], {"r1": "r0", "r3": "r2"}, id="a slow pan keeps every second frame"),
        pytest.param("ab", [0, 0], {}, id="which label is right nobody knows"),
        pytest.param("aab", [0, 0, 0], {}, id="nor are the copies taken away that would help to see it"),
        pytest.param("aa?", [0, 0, 0], {"r1": "r0"}, id="an unlabelled copy is no other label"),
        pytest.param("??", [0, 0], {"r1": "r0"}, id="unlabelled copies"),
    ],
)
def test_what_leaves(identities: str, shifts: list[int], expected: dict[str, str]) -> None:
    table = catalogue(identities)
    cleaned, removed = remove_duplicates(table, check(table, shifts))
    assert dict(zip(removed["image_id"], removed["kept_image_id"], strict=True)) == expected
    assert list(cleaned["image_id"]) == [name for name in table["image_id"] if name not in expected]
    assert list(cleaned.index) == list(range(len(cleaned)))


BOX = (0.0, 0.0, 5.0, 5.0)


@pytest.mark.parametrize(
    ("columns", "faults", "sizes", "stays"),
    [
        pytest.param({}, [], [], "r0", id="the first"),
        pytest.param({"path": ["IMG 1 (copy).jpg", "IMG 1 é.jpg"]}, [], [], "r1", id="the shortest name"),
        pytest.param({"path": ["1 (1).jpg", "DSC 0012345.jpg"]}, [], [], "r1", id="a name that does not say copy"),
        pytest.param({"path": ["copy of 1.jpg", "Kopie (2) of 1.jpg"]}, [], [], "r0", id="two that say copy"),
        pytest.param({"path": ["a/IMG 2.jpg", "longer folder/IMG.jpg"]}, [], [], "r1", id="folders are no name"),
        pytest.param({"path": ["1.jpg", "copy of 1.jpg"]}, [], [100, 200], "r1", id="the largest before its name"),
        pytest.param({"bbox": [None, BOX]}, [], [100, 25], "r1", id="one with a box before the largest"),
        pytest.param({"bbox": [None, BOX]}, [1, 2], [100, 25], "r0", id="a sound one before one with a box"),
        pytest.param({}, [3, 0], [200, 100], "r1", id="a sound one before the largest"),
    ],
)
@pytest.mark.parametrize("files", ["..", "xx"])
def test_the_best_copy_stays(
    columns: dict[str, Any], faults: list[int], sizes: list[int], stays: str, files: str
) -> None:
    table = catalogue("aa", **columns)
    cleaned, _ = remove_duplicates(table, check(table, [0, 1], files, faults=faults, sizes=sizes))
    assert cleaned["image_id"].tolist() == [stays]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("1", BOX), ("2", BOX)], {"r0": "r1", "r1": "r0"}, id="equal boxes"),
        pytest.param([("1", BOX), ("2", None)], {"r0": "r1", "r1": "r0"}, id="one box"),
        pytest.param([("1", BOX), ("2", (9.0, 0.0, 5.0, 5.0))], {}, id="two animals"),
        pytest.param([("1", BOX), ("1", None)], {}, id="rows of one photo"),
        pytest.param(
            [("1", BOX), ("1", None), ("2", None)], {"r0": "r2", "r1": "r2", "r2": "r0"}, id="one photo and its copy"
        ),
        pytest.param(
            [("1", BOX), ("2", None), ("3", BOX)], {"r0": "r2", "r1": "r0", "r2": "r0"}, id="the equal box is nearer"
        ),
    ],
)
def test_equal_files_are_copies_unless_their_boxes_show_two_animals(rows: list[Any], expected: dict[str, str]) -> None:
    photos, bboxes = zip(*rows, strict=True)
    table = catalogue("abc"[: len(rows)], photo_id=photos, bbox=pd.Series(bboxes, dtype=object))  # so that none leaves
    found = check(table, [number * 21 for number in range(len(rows))], "x" * len(rows))
    assert dict(zip(found["image_id"], found["duplicate_of"], strict=True)) == expected
    assert set(found["kind"]) <= {"exact file"}


def test_reasons_go_with_the_photo_that_stays() -> None:
    table = catalogue("aaaa")
    _, removed = remove_duplicates(table, check(table, [0, 0, 4, 4], ".xx.", sizes=[1, 1, 9, 1]))
    assert list(removed["kept_image_id"]) == ["r2"] * 3
    near = "near-duplicate: {} of 64 bits differ"
    assert list(removed["reason"]) == [near.format(4), "exact file duplicate", near.format(0)]


def test_groups_agree_with_a_plain_loop() -> None:
    generator = np.random.default_rng(3)
    centres = generator.random((12, 64)) < 0.5
    hashes = centres[generator.integers(0, 12, 700)] ^ (generator.random((700, 64)) < 0.06)  # more than one block
    photos, rows = generator.integers(0, 500, 700), np.arange(700)
    table = catalogue("".join(generator.choice(list("abc"), 700)), photo_id=photos.astype(str))
    pictures = Pictures(np.repeat(SEEN[:1], 700, axis=0), hashes, [str(row) for row in rows], rows, rows * 0.0)
    found = check_for_duplicates(table, pictures)
    masked = np.where(photos[:, None] != photos, (hashes[:, None] != hashes).sum(axis=2), 99)
    assert sorted(found["image_id"]) == sorted(table["image_id"][masked.min(axis=1) <= 10])
    stays = found[~found["removable"]]
    numbers = stays["image_id"].str[1:].astype(int).to_numpy()
    assert stays["distance"].tolist() == masked[numbers].min(axis=1).tolist()
    assert stays["duplicate_of"].tolist() == [f"r{row}" for row in masked[numbers].argmin(axis=1)]


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="2 thumbnails, 1 hashes, 2 digests, 2 faults, 2 sizes for 2 rows"):
        two = ["", ""], np.zeros(2, int), np.zeros(2)
        check_for_duplicates(catalogue("ab"), Pictures(SEEN[:2], np.zeros((1, 64), bool), *two))
