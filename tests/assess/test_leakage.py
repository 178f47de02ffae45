from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wildtrack.assess.leakage import (
    leaking_photos,
    share_without_same_viewpoint,
    split_leakage,
    suspicious_pairs,
)
from wildtrack.assess.splits import SplitConfig, split_subsets, suggested_split
from wildtrack.errors import UserError

NUMBERS = count()


def rows(identities: list[str], paths: list[str] | None = None, **columns: Any) -> pd.DataFrame:
    paths = paths or [f"{next(NUMBERS)}.jpg" for _ in identities]
    return pd.DataFrame({"identity": identities, "path": paths}).assign(**columns)


def pairs(
    queries: pd.DataFrame, gallery: pd.DataFrame, hours: float = 12, hashes: NDArray[np.bool_] | None = None
) -> Any:
    """Which gallery photos give which query away; `hashes` are those of the queries, then of the gallery."""
    table = pd.concat([queries.astype(object), gallery.astype(object)])
    rows = np.arange(len(table))
    return suspicious_pairs(table, rows[: len(queries)], rows[len(queries) :], hours, hashes).tolist()


def test_same_identity_and_encounter() -> None:
    queries = rows(["a", "b"], date=["2024-05-01T10:00:00", "2024-05-01T10:00:00"])
    gallery = rows(["a", "a", "b", "a"], date=["2024-05-01", "2024-05-03", "2024-05-01T09:00:00+02:00", None])
    assert pairs(queries, gallery) == [[True, False, False, False], [False, False, True, False]]


def test_an_encounter_is_chained_through_queries_and_gallery() -> None:
    queries = rows(["a", "a"], date=["2024-05-01T00:00:00", "2024-05-01T20:00:00"])
    gallery = rows(["a", "a"], date=["2024-05-01T10:00:00", "2024-05-03"])
    assert pairs(queries, gallery) == [[True, False], [True, False]]


def test_dates_on_one_side_only_and_no_dates() -> None:
    dated = rows(["a", "a"], date=["2024-05-01", "2024-05-01"])
    assert pairs(dated, dated.drop(columns="date").assign(path=["x", "y"])) == [[False, False]] * 2
    assert pairs(rows(["a"]), rows(["a"], ["other.jpg"])) == [[False]]


def test_the_same_source_photo_counts_for_the_same_identity_only() -> None:
    queries = rows(["a", "b"], ["p.jpg", "q.jpg"])
    gallery = rows(["a", "b", "b"], ["p.jpg", "p.jpg", "x.jpg"], photo_id=[None, None, "q.jpg"])
    assert pairs(queries, gallery) == [[True, False, False], [False, False, True]]


def test_near_duplicates_count_for_the_same_identity_only() -> None:
    hashes = np.random.default_rng(0).random((2, 64)) < 0.5
    queries, gallery = rows(["a"]), rows(["a", "b", "a"], ["x", "y", "z"])
    assert pairs(queries, gallery, hashes=hashes[[0, 0, 0, 1]]) == [[True, False, False]]


def test_unknown_animals_give_nothing_away() -> None:
    queries = rows(["unknown"], ["p.jpg"], date="2024-05-01")
    assert pairs(queries, queries) == [[False]]


def test_strange_index_and_mixed_date_types() -> None:
    queries = rows(["a"], date=pd.to_datetime(["2024-05-01T10:00:00"], utc=True)).set_index(pd.Index([9]))
    gallery = rows(["a"], ["x"], date=pd.to_datetime(["2024-05-01T11:00:00"])).set_index(pd.Index([9]))
    assert pairs(queries, gallery) == [[True]]


@pytest.mark.parametrize(("num_queries", "num_gallery"), [(0, 0), (0, 2), (2, 0)])
def test_empty_tables(num_queries: int, num_gallery: int) -> None:
    num_rows = num_queries + num_gallery
    queries, gallery = np.split(np.arange(num_rows), [num_queries])
    found = suspicious_pairs(rows(["a"] * num_rows), queries, gallery, 12, np.zeros((num_rows, 64), bool))
    assert found.shape == (num_queries, num_gallery)
    assert found.dtype == np.bool_


def test_pairs_that_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="3 hashes for 2 rows"):
        pairs(rows(["a"]), rows(["a"]), hashes=np.zeros((3, 64), bool))
    with pytest.raises(UserError, match="encounter_hours"):
        pairs(rows(["a"]), rows(["a"]), hours=-1)


@pytest.mark.parametrize(
    ("asked", "known", "expected"),
    [
        ([("a", "left")], [("a", "left")], 0.0),
        ([("a", "left")], [("a", "right"), ("b", "left")], 1.0),
        ([("a", "left"), ("b", "left")], [("a", "left")], 0.5),
        ([("a", "left"), ("a", None), ("a", float("nan")), ("a", "")], [("b", "left")], 1.0),
        ([("a", "unknown")], [("a", "unknown")], None),
        ([("a", None)], [("a", "left")], None),
        ([("a", "left")], [], 1.0),
        ([], [("a", "left")], None),
    ],
)
def test_share_of_queries_without_a_photo_of_the_same_viewpoint(
    asked: list[tuple[str, Any]], known: list[tuple[str, Any]], expected: float | None
) -> None:
    queries, gallery = (
        pd.DataFrame(pairs, columns=["identity", "orientation"], dtype=object) for pairs in (asked, known)
    )
    assert share_without_same_viewpoint(queries, gallery) == expected


def test_share_without_the_column() -> None:
    left = rows(["a"], orientation="left")
    assert share_without_same_viewpoint(left, rows(["a"])) is None
    assert share_without_same_viewpoint(rows(["a"]), left) is None


def test_a_photo_that_is_not_asked_bridges_an_encounter() -> None:
    dates = [f"2024-05-01T{hour:02d}:00:00" for hour in (0, 10, 20)]
    table, first, last = rows(["a"] * 3, date=dates), np.array([0]), np.array([2])
    assert suspicious_pairs(table, last, first, 12, None).tolist() == [[True]]
    assert not suspicious_pairs(table.iloc[[0, 2]], np.array([1]), first, 12, None).any()


def split_table(**columns: Any) -> pd.DataFrame:
    """Two animals: a has an encounter torn apart by the split, b a photo that shows in train and test."""
    table = pd.DataFrame(
        {
            "identity": ["a", "a", "a", "b", "b", "c", "unknown", "unknown"],
            "path": ["1", "2", "3", "4", "4", "5", "6", "6"],
            "date": ["2024-05-01", "2024-05-01", "2024-05-09", None, None, None, "2024-05-01", "2024-05-01"],
            "mine": ["Gallery", "query", "test", "train", " Test ", "val", "train", "test"],
        }
    )
    return table.assign(image_id=[f"r{row}" for row in range(len(table))], **columns)


def test_leaks_of_any_split_column() -> None:
    hashes = np.random.default_rng(0).random((8, 64)) < 0.5
    hashes[2] = hashes[0]
    hashes[5] = hashes[3]  # of another identity: it gives nothing away
    leaks = leaking_photos(split_table(), "mine", 12, hashes).set_index("image_id")
    assert list(leaks.index) == ["r5", "r1", "r2", "r4"]
    assert list(leaks["subset"]) == ["valid", "test", "test", "test"]
    assert list(leaks["same_encounter"]) == [False, True, False, False]
    assert list(leaks["near_duplicate"]) == [False, False, True, False]
    assert list(leaks["same_photo"]) == [False, False, False, True]
    assert list(leaks["any"]) == [False, True, True, True]
    assert not leaking_photos(split_table(), "mine", 12, None)["near_duplicate"].any()


def test_the_summary_of_a_split() -> None:
    report = split_leakage(split_table(), "mine", 12, None)
    assert report["photos"] == {"train": 3, "valid": 1, "test": 4, "none": 0}
    assert report["identities"] == {"train": 2, "valid": 1, "test": 2}
    assert report["test"] == {
        "photos": 3,
        "identities_in_gallery": 2,
        "same_encounter": {"count": 1, "share": 1 / 3},
        "near_duplicate": {"count": 0, "share": 0.0},
        "same_photo": {"count": 1, "share": 1 / 3},
        "any": {"count": 2, "share": 2 / 3},
    }
    assert report["valid"]["identities_in_gallery"] == 0


def test_leaks_agree_with_the_pairs() -> None:
    generator = np.random.default_rng(5)
    count = 60
    table = pd.DataFrame(
        {
            "image_id": [str(row) for row in range(count)],
            "identity": generator.choice(["a", "b", "unknown"], count),
            "path": generator.integers(0, 40, count).astype(str),
            "date": [f"2024-05-{day:02d}" for day in generator.integers(1, 29, count)],
            "split": generator.choice(["train", "test"], count),
        }
    )
    hashes = (np.arange(64) % 2 == 0) ^ (generator.random((count, 64)) < 0.12)
    asked = (table["split"] == "test").to_numpy() & (table["identity"] != "unknown").to_numpy()
    gallery = (table["split"] == "train").to_numpy()
    pairs = suspicious_pairs(table, np.flatnonzero(asked), np.flatnonzero(gallery), 12, hashes)
    expected = [bool(row.any()) for row in pairs]
    found = leaking_photos(table, "split", 12, hashes)
    assert 0 < sum(expected) < len(expected)
    assert dict(zip(found["image_id"], found["any"], strict=True)) == dict(
        zip(table["image_id"][asked], expected, strict=True)
    )


def test_a_split_with_an_empty_subset_and_rows_on_none() -> None:
    table = split_table(mine=["train", None, "", *["train"] * 5])
    report = split_leakage(table, "mine", 12, np.zeros((8, 64), bool))
    assert report["photos"] == {"train": 6, "valid": 0, "test": 0, "none": 2}
    assert report["test"]["any"] == {"count": 0, "share": None}


@pytest.mark.parametrize(
    ("column", "words", "message"),
    [
        ("absent", "train", 'no column "absent"'),
        ("mine", "left", "it says left; allowed: train"),
        ("mine", None, "it says nothing"),
    ],
)
def test_a_column_that_is_no_split(column: str, words: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split_subsets(split_table(mine=words), column)


def test_leaks_want_one_hash_a_row() -> None:
    for function in (leaking_photos, split_leakage):
        with pytest.raises(ValueError, match="1 hashes for 8 rows"):
            function(split_table(), "mine", 12, np.zeros((1, 64), bool))
    with pytest.raises(ValueError, match="1 hashes for 8 rows"):
        suggested_split(split_table(), np.zeros((1, 64), bool), SHARES)


SHARES = SplitConfig(test_share=0.5, valid_share=0.0)


@pytest.mark.parametrize(("dated", "said"), [(True, "by encounter"), (False, "random")])
def test_the_suggested_split_leaks_nothing_and_leaves_the_unlabelled_out(dated: bool, said: str) -> None:
    table = split_table(split=["test", *["train"] * 7])
    table = table if dated else table.drop(columns="date")
    hashes = np.random.default_rng(0).random((8, 64)) < 0.5
    split, method = suggested_split(table, hashes, SHARES)
    assert list(split) == ["image_id", "identity", "path", "split"]
    assert list(split["image_id"]) == [f"r{row}" for row in range(6)]
    assert said in method
    assert (split["split"] == "test").any()
    suggested = table.merge(split[["image_id", "split"]], on="image_id", suffixes=("_own", ""))
    assert not leaking_photos(suggested, "split", 12, None)["any"].any()
