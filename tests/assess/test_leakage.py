from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.helpers.tables import catalogue, days
from wildtrack.assess.leakage import leaking_photos, share_without_same_viewpoint, split_leakage, suspicious_pairs
from wildtrack.assess.splits import SplitConfig, split_subsets, suggested_split
from wildtrack.errors import UserError

NUMBERS = count()


def rows(identities: Sequence[str], paths: list[str] | None = None, **columns: Any) -> pd.DataFrame:
    paths = paths or [f"{next(NUMBERS)}.jpg" for _ in identities]
    return pd.DataFrame({"identity": list(identities), "path": paths}).assign(**columns)


def pairs(queries: pd.DataFrame, gallery: pd.DataFrame, hashes: NDArray[np.bool_] | None = None) -> Any:
    """Which gallery photos give which query away; `hashes` are those of the queries, then of the gallery."""
    table = pd.concat([queries.astype(object), gallery.astype(object)])
    rows = np.arange(len(table))
    return suspicious_pairs(table, rows[: len(queries)], rows[len(queries) :], 12, hashes).tolist()


TEN = "2024-05-01T10:00:00"
NINE_ELSEWHERE = "2024-05-01T09:00:00+02:00"


@pytest.mark.parametrize(
    ("queries", "gallery", "expected"),
    [
        (rows("ab", date=TEN), rows("aaba", date=["2024-05-01", "2024-05-03", NINE_ELSEWHERE, None]), ["1000", "0010"]),
        (rows("aa", date=TEN), rows("aa"), ["00", "00"]),
        (rows("a"), rows("a"), ["0"]),
        (rows(""), rows(""), []),
        (rows(""), rows("aa"), []),
        (rows("aa"), rows(""), ["", ""]),
        (rows("ab", ["p", "q"]), rows("abb", ["p", "p", "x"], photo_id=[None, None, "q"]), ["100", "001"]),
        (rows(["unknown"], ["p"], date=TEN), rows(["unknown"], ["p"], date=TEN), ["0"]),
        (
            rows("a", date=pd.to_datetime([TEN], utc=True)).set_index(pd.Index([9])),
            rows("a", date=pd.to_datetime([TEN])).set_index(pd.Index([9])),
            ["1"],
        ),
    ],
)
def test_photos_of_the_same_identity_and_encounter_or_source_photo_give_the_answer_away(
    queries: pd.DataFrame, gallery: pd.DataFrame, expected: list[str]
) -> None:
    assert pairs(queries, gallery) == [[letter == "1" for letter in row] for row in expected]


def test_an_encounter_is_chained_through_all_photos_of_the_catalogue() -> None:
    queries = rows("aa", date=["2024-05-01T00:00:00", "2024-05-01T20:00:00"])
    gallery = rows("aa", date=[TEN, "2024-05-03"])
    assert pairs(queries, gallery) == [[True, False], [True, False]]
    table, first, last = pd.concat([queries, gallery]), np.array([0]), np.array([1])
    assert suspicious_pairs(table, last, first, 12, None).tolist() == [[True]]  # by a photo that is neither
    assert not suspicious_pairs(table.iloc[[0, 1, 3]], last, first, 12, None).any()


def test_near_duplicates_count_for_the_same_identity_only() -> None:
    hashes = np.random.default_rng(0).random((2, 64)) < 0.5
    queries, gallery = rows(["a"]), rows(["a", "b", "a"], ["x", "y", "z"])
    assert pairs(queries, gallery, hashes=hashes[[0, 0, 0, 1]]) == [[True, False, False]]


@pytest.mark.parametrize(
    ("query_rows", "gallery_rows", "expected"),
    [
        ([("a", "left")], [("a", "left")], 0.0),
        ([("a", "left")], [("a", "right"), ("b", "left")], 1.0),
        ([("a", "left"), ("b", "left")], [("a", "left")], 0.5),
        ([("a", "left"), ("a", None), ("a", float("nan")), ("a", "")], [("b", "left")], 1.0),
        ([("a", "unknown")], [("a", "unknown")], None),
        ([("a", None)], [("a", "left")], None),
        ([("a", "left")], [], 1.0),
        ([], [("a", "left")], None),
        (None, [("a", "left")], None),
        ([("a", "left")], None, None),
    ],
)
def test_share_of_queries_without_a_photo_of_the_same_viewpoint(
    query_rows: list[Any] | None, gallery_rows: list[Any] | None, expected: float | None
) -> None:
    queries, gallery = (
        pd.DataFrame({"identity": ["a"]}) if pairs is None else pd.DataFrame(pairs, columns=["identity", "orientation"])
        for pairs in (query_rows, gallery_rows)
    )
    assert share_without_same_viewpoint(queries, gallery) == expected


def split_table(**columns: Any) -> pd.DataFrame:
    """Two animals: a has an encounter torn apart by the split, b a photo that shows in train and test."""
    dates = ["2024-05-01", "2024-05-01", "2024-05-09", None, None, None, "2024-05-01", "2024-05-01"]
    words = ["Gallery", "query", "test", "train", " Test ", "val", "train", "test"]
    table = catalogue("aaabbc??", path=list("12344566"), date=dates, mine=words)
    return table.assign(**columns)


def test_leaks_of_any_split_column() -> None:
    hashes = np.random.default_rng(0).random((8, 64)) < 0.5
    hashes[2] = hashes[0]
    hashes[5] = hashes[3]  # of another identity: it gives nothing away
    leaks = leaking_photos(split_table(), "mine", 12, hashes).set_index("image_id")
    assert leaks["subset"].to_dict() == {"r5": "valid", "r1": "test", "r2": "test", "r4": "test"}
    reasons = leaks[["same_encounter", "near_duplicate", "same_photo", "any"]].astype(int)
    assert reasons.to_numpy().tolist() == [[0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]
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
    table = catalogue(
        generator.choice(["a", "b", "?"], 60).tolist(),
        path=generator.integers(0, 40, 60).astype(str),
        date=days(*generator.integers(1, 29, 60)),
        split=generator.choice(["train", "test"], 60),
    )
    hashes = (np.arange(64) % 2 == 0) ^ (generator.random((60, 64)) < 0.12)
    tested = (table["split"] == "test").to_numpy() & (table["identity"] != "unknown").to_numpy()
    gallery = (table["split"] == "train").to_numpy()
    pairs = suspicious_pairs(table, np.flatnonzero(tested), np.flatnonzero(gallery), 12, hashes)
    expected = [bool(row.any()) for row in pairs]
    found = leaking_photos(table, "split", 12, hashes)
    assert 0 < sum(expected) < len(expected)
    assert found["image_id"].tolist() == table["image_id"][tested].tolist()
    assert found["any"].tolist() == expected


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


SHARES = SplitConfig(test_share=0.5, valid_share=0.0)
NO_ROWS = np.zeros(0, dtype=np.intp)


def test_another_number_of_hashes_is_refused() -> None:
    table, hashes = split_table(), np.zeros((1, 64), bool)
    for check in (
        lambda: leaking_photos(table, "mine", 12, hashes),
        lambda: suspicious_pairs(table, NO_ROWS, NO_ROWS, 12, hashes),
        lambda: suggested_split(table, hashes, SHARES),
    ):
        with pytest.raises(ValueError, match="1 hashes for 8 rows"):
            check()


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
