from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wildtrack.assess.encounters import encounters, linked_groups, photo_keys, photo_times
from wildtrack.errors import UserError


def catalogue(identities: Sequence[str], **columns: Any) -> pd.DataFrame:
    names = [f"r{row}" for row in range(len(identities))]
    table = pd.DataFrame({"image_id": names, "identity": identities, "path": [f"{name}.jpg" for name in names]})
    return table.assign(**columns)


def partition(labels: NDArray[np.intp]) -> set[tuple[int, ...]]:
    return {tuple(rows) for rows in pd.Series(range(len(labels))).groupby(np.asarray(labels)).indices.values()}


def days(*numbers: int | None) -> Any:
    return [None if number is None else f"2024-05-{number:02d}T10:00:00" for number in numbers]


# --- reading the columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2024-05-01", "2024-05-01T00:00"),
        ("2024-05-01T10:30:00", "2024-05-01T10:30"),
        ("2024-05-01 10:30", "2024-05-01T10:30"),
        ("2024-05-01T10:30:00+02:00", "2024-05-01T08:30"),
        ("2024-05-01T10:30:00Z", "2024-05-01T10:30"),
        (pd.Timestamp("2024-05-01 10:30", tz="Asia/Tokyo"), "2024-05-01T01:30"),
        (pd.Timestamp("2024-05-01 10:30"), "2024-05-01T10:30"),
        (2024, "2024-01-01T00:00"),
        ("", "NaT"),
        (None, "NaT"),
        (float("nan"), "NaT"),
        (pd.NaT, "NaT"),
        ("last summer", "NaT"),
        ("2024-13-45", "NaT"),
    ],
)
def test_a_date_is_read_among_dates_of_other_kinds(date: object, expected: Any) -> None:
    table = catalogue(["a"] * 3).assign(date=pd.Series([date, "2020-01-01T00:00:00+01:00", "2020-01-01"], dtype=object))
    time = photo_times(table)[0]
    assert np.isnat(time) if expected == "NaT" else time == np.datetime64(expected)


@pytest.mark.parametrize("dates", [[np.nan, np.nan], [None, None], pd.DatetimeIndex(["2020-01-01", "NaT"], tz="UTC")])
def test_whole_columns_of_dates(dates: Any) -> None:
    assert photo_times(catalogue(["a", "b"]).assign(date=dates)).shape == (2,)


def test_a_photo_is_named_by_photo_id_where_there_is_one() -> None:
    table = catalogue(["a"] * 4, photo_id=["p", None, "", float("nan")])
    assert photo_keys(table).tolist() == ["p", "r1.jpg", "r2.jpg", "r3.jpg"]
    assert photo_keys(catalogue([])).shape == (0,)


# --- encounters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identities", "dates", "hours", "expected"),
    [
        ([], [], 12, set()),
        (["a"], [None], 12, {(0,)}),
        (["a", "a"], [None, None], 12, {(0,), (1,)}),
        (["a", "b"], days(1, 1), 12, {(0,), (1,)}),
        (["a", "a"], ["2024-05-01", "2024-05-01T12:00:00"], 12, {(0, 1)}),
        (["a", "a"], ["2024-05-01", "2024-05-01T12:00:01"], 12, {(0,), (1,)}),
        (["a", "a"], ["2024-05-01T22:00:00", "2024-05-02T03:00:00"], 12, {(0, 1)}),
        (["a", "a"], ["2024-05-01T00:00:00+02:00", "2024-04-30T22:00:00"], 0, {(0, 1)}),
        (["a", "a", "a"], days(3, 1, 2), 24, {(0, 1, 2)}),
        (["a", "b", "a", "b"], days(1, 1, 1, 2), 12, {(0, 2), (1,), (3,)}),
        (["a", "a", "a"], days(1, None, 1), 12, {(0, 2), (1,)}),
        (["unknown", "unknown"], days(1, 1), 12, {(0,), (1,)}),
        (["a", "a"], days(1, 28), float("inf"), {(0, 1)}),
    ],
)
def test_encounters(identities: list[str], dates: Any, hours: float, expected: Any) -> None:
    labels = encounters(catalogue(identities, date=pd.Series(dates, dtype=object)), hours)
    assert partition(labels) == expected
    assert sorted(set(labels.tolist())) == list(range(len(expected)))


def test_encounters_without_dates_and_with_a_strange_index() -> None:
    table = catalogue(["a", "a"]).set_index(pd.Index([7, 7]))
    assert partition(encounters(table, 12)) == {(0,), (1,)}
    assert partition(encounters(table.assign(date="2024-05-01"), 12)) == {(0, 1)}


@pytest.mark.parametrize("hours", [-1, float("nan")])
def test_hours_that_make_no_sense(hours: float) -> None:
    with pytest.raises(UserError, match="encounter_hours"):
        encounters(catalogue(["a"]), hours)


# --- groups --------------------------------------------------------------------------------------------------------


def test_groups_are_connected_through_photo_encounter_and_near_duplicates() -> None:
    table = catalogue(
        ["a", "a", "b", "b", "b", "a", "unknown", "unknown"],
        photo_id=["p", "q", "p", "r", "s", "t", "u", "v"],
        date=days(1, 1, 9, 9, 20, 28, 1, 1),
    )
    hashes = np.random.default_rng(0).random((8, 64)) < 0.5
    hashes[5] = hashes[3]  # the same picture, but of another identity: no link
    hashes[4] = hashes[2]  # the same picture of the same identity
    hashes[7] = hashes[6]  # nobody knows whether they are the same animal
    assert partition(linked_groups(table, 12, None)) == {(0, 1, 2, 3), (4,), (5,), (6,), (7,)}
    assert partition(linked_groups(table, 12, hashes)) == {(0, 1, 2, 3, 4), (5,), (6,), (7,)}


def test_files_of_one_content_are_one_photo_under_whatever_names() -> None:
    table = catalogue(["a", "b", "b", "c"], sha256=["x", "x", "", ""])
    assert partition(linked_groups(table, 12, None)) == {(0, 1), (2,), (3,)}


def test_groups_of_nothing_and_the_wrong_number_of_hashes() -> None:
    assert linked_groups(catalogue([]), 12, np.zeros((0, 64), bool)).shape == (0,)
    with pytest.raises(ValueError, match="3 hashes for 2 rows"):
        linked_groups(catalogue(["a", "b"]), 12, np.zeros((3, 64), bool))
