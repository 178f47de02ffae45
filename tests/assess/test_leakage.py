from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wildtrack.assess.leakage import same_side_share, suspicious_pairs
from wildtrack.errors import UserError

NUMBERS = count()


def rows(identities: list[str], paths: list[str] | None = None, **columns: Any) -> pd.DataFrame:
    paths = paths or [f"{next(NUMBERS)}.jpg" for _ in identities]
    return pd.DataFrame({"identity": identities, "path": paths}).assign(**columns)


Hashes = NDArray[np.bool_] | None


def pairs(
    queries: pd.DataFrame, gallery: pd.DataFrame, hours: float = 12, hashes: tuple[Hashes, Hashes] = (None, None)
) -> Any:
    return suspicious_pairs(queries, gallery, hours, *hashes).tolist()


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
    assert pairs(queries, gallery, hashes=(hashes[:1], hashes[[0, 0, 1]])) == [[True, False, False]]


def test_unknown_animals_give_nothing_away() -> None:
    queries = rows(["unknown"], ["p.jpg"], date="2024-05-01")
    assert pairs(queries, queries) == [[False]]


def test_strange_index_and_mixed_date_types() -> None:
    queries = rows(["a"], date=pd.to_datetime(["2024-05-01T10:00:00"], utc=True)).set_index(pd.Index([9]))
    gallery = rows(["a"], ["x"], date=pd.to_datetime(["2024-05-01T11:00:00"])).set_index(pd.Index([9]))
    assert pairs(queries, gallery) == [[True]]


@pytest.mark.parametrize(("num_queries", "num_gallery"), [(0, 0), (0, 2), (2, 0)])
def test_empty_tables(num_queries: int, num_gallery: int) -> None:
    hashes = np.zeros((num_queries, 64), bool), np.zeros((num_gallery, 64), bool)
    found = suspicious_pairs(rows(["a"] * num_queries), rows(["a"] * num_gallery), 12, *hashes)
    assert found.shape == (num_queries, num_gallery)
    assert found.dtype == np.bool_


def test_hashes_that_do_not_fit() -> None:
    one, two = np.zeros((1, 64), bool), np.zeros((2, 64), bool)
    with pytest.raises(ValueError, match="2 and 1 hashes"):
        pairs(rows(["a"]), rows(["a"]), hashes=(two, one))
    with pytest.raises(ValueError, match="or of neither"):
        pairs(rows(["a"]), rows(["a"]), hashes=(one, None))
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
def test_share_of_queries_without_a_same_side_photo(
    asked: list[tuple[str, Any]], known: list[tuple[str, Any]], expected: float | None
) -> None:
    queries, gallery = (
        pd.DataFrame(pairs, columns=["identity", "orientation"], dtype=object) for pairs in (asked, known)
    )
    assert same_side_share(queries, gallery) == expected


def test_share_without_the_column() -> None:
    side = rows(["a"], orientation="left")
    assert same_side_share(side, rows(["a"])) is None
    assert same_side_share(rows(["a"]), side) is None


def test_a_photo_that_is_not_asked_bridges_an_encounter() -> None:
    first, between, last = (
        pd.DataFrame({"identity": ["a"], "path": [f"{hour}.jpg"], "date": [f"2024-05-01T{hour:02d}:00:00"]})
        for hour in (0, 10, 20)
    )
    assert not suspicious_pairs(last, first, 12, None, None).any()
    assert suspicious_pairs(last, first, 12, None, None, others=between).tolist() == [[True]]
