from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.helpers.tables import catalogue, days
from wildtrack.access.dates import span
from wildtrack.assess.encounters import encounters, linked_groups, photo_keys, photo_times
from wildtrack.errors import UserError


def partition(labels: NDArray[np.intp]) -> set[tuple[int, ...]]:
    return {tuple(rows) for rows in pd.Series(range(len(labels))).groupby(np.asarray(labels)).indices.values()}


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
    table = catalogue("aaa").assign(date=pd.Series([date, "2020-01-01T00:00:00+01:00", "2020-01-01"], dtype=object))
    time = photo_times(table)[0]
    assert np.isnat(time) if expected == "NaT" else time == np.datetime64(expected)


@pytest.mark.parametrize("dates", [[np.nan, np.nan], [None, None], pd.DatetimeIndex(["2020-01-01", "NaT"], tz="UTC")])
def test_a_column_of_one_type_is_read(dates: Any) -> None:
    assert np.isnat(photo_times(catalogue("ab").assign(date=dates))[1])


def test_a_photo_is_named_by_photo_id_where_there_is_one() -> None:
    table = catalogue("aaaa", photo_id=["p", None, "", float("nan")])
    assert photo_keys(table).tolist() == ["p", "r1.jpg", "r2.jpg", "r3.jpg"]
    assert photo_keys(catalogue([])).shape == (0,)


@pytest.mark.parametrize(
    ("identities", "dates", "hours", "expected"),
    [
        ("", [], 12, set()),
        ("a", [None], 12, {(0,)}),
        ("aa", [None, None], 12, {(0,), (1,)}),
        ("ab", days(1, 1), 12, {(0,), (1,)}),
        ("aa", ["2024-05-01", "2024-05-01T12:00:00"], 12, {(0, 1)}),
        ("aa", ["2024-05-01", "2024-05-01T17:45:00"], 12, {(0, 1)}),  # the day may have ended with it
        ("aa", ["2024-05-01", "2024-05-02T11:00:00"], 12, {(0, 1)}),
        ("aa", ["2024-05-01", "2024-05-02T12:30:00"], 12, {(0,), (1,)}),
        ("aa", ["2024-05-02T23:00:00", "2024-05-03"], 12, {(0, 1)}),
        ("aa", ["2024-05-01", "2024-05-02"], 12, {(0,), (1,)}),
        ("aa", ["2024-05-01", "2024-05-02"], 24, {(0, 1)}),
        ("aaa", ["2024-05-01", "2024-05", "2024-05-20T10:00:00"], 12, {(0, 1, 2)}),
        ("aa", ["2023", "2024-05-20T10:00:00"], 12, {(0,), (1,)}),
        ("aa", ["2024-05-01T10:00:00+13:00", "2024-04-30T21:00:00Z"], 0, {(0, 1)}),
        ("aa", ["2024-05-01T10:00:00+13:00", "2024-05-01T10:00:00Z"], 12, {(0,), (1,)}),
        ("aa", ["2024-05-01T10:00:00", "2024-05-01T10:00:00+13:00"], 0, {(0, 1)}),  # the clock there, or UTC
        ("aa", ["2024-05-01T10:00:00", "2024-04-30T21:00:00Z"], 12, {(0,), (1,)}),  # no other zone in the table
        ("aab", ["2024-05-01T10:00:00", "2024-04-30T21:00:00Z", "2024-05-01T10:00:00+13:00"], 12, {(0, 1), (2,)}),
        ("aa", ["2024-05-01T22:00:00", "2024-05-02T03:00:00"], 12, {(0, 1)}),
        ("aa", ["2024-05-01T00:00:00+02:00", "2024-04-30T22:00:00"], 0, {(0, 1)}),
        ("aaa", days(3, 1, 2), 24, {(0, 1, 2)}),
        ("abab", days(1, 1, 1, 2), 12, {(0, 2), (1,), (3,)}),
        ("aaa", days(1, None, 1), 12, {(0, 2), (1,)}),
        ("??", days(1, 1), 12, {(0,), (1,)}),
        ("aa", days(1, 28), float("inf"), {(0, 1)}),
    ],
)
def test_encounters(identities: str, dates: Any, hours: float, expected: Any) -> None:
    labels = encounters(catalogue(identities, date=pd.Series(dates, dtype=object)), hours)
    assert partition(labels) == expected
    assert sorted(set(labels.tolist())) == list(range(len(expected)))


FORMS = st.sampled_from(["%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S+13:00", "%Y-%m-%dT%H:%M:%SZ"])
MOMENTS = st.datetimes(datetime(2024, 4, 29), datetime(2024, 5, 4))


@given(rows=st.lists(st.tuples(MOMENTS, FORMS), min_size=1, max_size=8), hours=st.sampled_from([0, 6, 12, 30]))
def test_photos_that_may_be_of_one_occasion_are_never_torn_apart(rows: list[tuple[datetime, str]], hours: int) -> None:
    """By every pair: the shortest gap that two dates of different precision or zone allow, or the gap of equal ones."""
    table = catalogue("a" * len(rows), date=[moment.strftime(form) for moment, form in rows])
    zones = [timedelta(0), *(timedelta(hours=13) for _, form in rows if "+13" in form)]
    spans = []
    for text in table["date"]:
        low, high = span(text)
        if low.tzinfo is None:
            spans.append((low - max(zones), high - min(zones)))
        else:
            spans.append((low.astimezone(UTC).replace(tzinfo=None), high.astimezone(UTC).replace(tzinfo=None)))
    linked = np.eye(len(rows), dtype=bool)
    for one, (low, high) in enumerate(spans):
        for two, (start, end) in enumerate(spans):
            gap = abs(low - start) if high - low == end - start else max(low - end, start - high)
            linked[one, two] |= gap <= timedelta(hours=hours)
    linked = np.linalg.matrix_power(linked.astype(float), len(rows)) > 0  # whatever pairs connect
    labels = encounters(table, hours)
    np.testing.assert_array_equal(labels[:, None] == labels, linked)


@pytest.mark.parametrize(
    ("identities", "dates", "filled", "expected"),
    [
        ("aa", days(1, 1), ["x", "y"], {(0,), (1,)}),
        ("aa", days(1, 20), ["x", "x"], {(0, 1)}),
        ("aa", [None, None], ["x", "x"], {(0, 1)}),
        ("ab", days(1, 1), ["x", "x"], {(0,), (1,)}),  # within an identity
        ("aaaa", days(1, 1, 9, None), ["x", None, "", None], {(0, 1), (2,), (3,)}),
        ("aaa", days(1, 1, 20), [None, "x", "x"], {(0, 1, 2)}),
        ("aaaa", days(1, 1, 1, 1), ["x", "y", "x", "y"], {(0, 2), (1, 3)}),
        ("??", days(1, 1), ["x", "x"], {(0,), (1,)}),
    ],
)
def test_the_column_encounter_decides_where_it_is_filled(
    identities: str, dates: Any, filled: list[str | None], expected: Any
) -> None:
    table = catalogue(identities, date=pd.Series(dates, dtype=object), encounter=filled)
    assert partition(encounters(table, 12)) == expected


def test_encounters_without_dates_and_with_a_strange_index() -> None:
    table = catalogue("aa").set_index(pd.Index([7, 7]))
    assert partition(encounters(table, 12)) == {(0,), (1,)}
    assert partition(encounters(table.assign(date="2024-05-01"), 12)) == {(0, 1)}


@pytest.mark.parametrize("hours", [-1, float("nan")])
def test_hours_below_0_or_nan_are_refused(hours: float) -> None:
    with pytest.raises(UserError, match="encounter-hours"):
        encounters(catalogue("a"), hours)


def test_groups_are_connected_through_photo_encounter_and_near_duplicates() -> None:
    table = catalogue("aabbba??", photo_id=list("pqprstuv"), date=days(1, 1, 9, 9, 20, 28, 1, 1))
    hashes = np.random.default_rng(0).random((8, 64)) < 0.5
    hashes[5] = hashes[3]  # the same picture, but of another identity: no link
    hashes[4] = hashes[2]  # the same picture of the same identity
    hashes[7] = hashes[6]  # nobody knows whether they are the same animal
    assert linked_groups(table, 12, None).tolist() == [0, 0, 0, 0, 4, 5, 6, 7]
    assert linked_groups(table, 12, hashes).tolist() == [0, 0, 0, 0, 0, 5, 6, 7]


def test_files_of_one_content_are_one_photo_under_whatever_names() -> None:
    table = catalogue("abbc", sha256=["x", "x", "", ""])
    assert linked_groups(table, 12, None).tolist() == [0, 0, 2, 3]


def test_groups_of_nothing_and_the_wrong_number_of_hashes() -> None:
    assert linked_groups(catalogue([]), 12, np.zeros((0, 64), bool)).shape == (0,)
    with pytest.raises(ValueError, match="3 hashes for 2 rows"):
        linked_groups(catalogue("ab"), 12, np.zeros((3, 64), bool))
