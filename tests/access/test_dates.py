from datetime import date, datetime, timedelta

import pytest

from wildtrack.access.dates import clock_of_most, clock_resets, date_parser, span
from wildtrack.errors import UserError

NEXT_WEEK = (date.today() + timedelta(days=7)).isoformat()


def read(*cells: object, date_format: str = "auto") -> list[str | None]:
    parse = date_parser(cells, date_format)
    return [parse(cell) for cell in cells]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *(
            (form, "2024-05-31")
            for form in ("2024-05-31", "2024/5/31", "2024.05.31", "2024:05:31", "20240531", 20240531)
        ),
        *(
            (form, "2024-05-31")
            for form in ("31.05.2024", "31.5.2024", "31. 5. 2024", "5/31/2024", "31-05-2024", "31.5.24")
        ),
        *(
            (form, "2024-05-31")
            for form in ("31-May-2024", " 31 May 2024", "May 31, 2024", "31. Mai 2024", "2024-W22-5")
        ),
        *((form, "2024-05-31T17:45:00") for form in ("31.05.2024 17:45", "5/31/2024 5:45 PM", "2024-05-31, 17:45")),
        *((form, "2024-05-31T17:45:10") for form in ("20240531T174510", "20240531174510", "31-May-2024 17:45:10")),
        *((form, "2024-05-31T17:45:10+13:00") for form in ("2024-05-31T17:45:10+13:00", "2024-05-31 17:45:10 +1300")),
        *((form, "2024-05-31T17:45:10+00:00") for form in ("2024-05-31T17:45:10Z", "2024-05-31 17:45:10 UTC")),
        *((form, "2024") for form in ("2024", 2024, 2024.0)),
        ("2024-05", "2024-05"),
        ("12/31/2023 12:05 AM", "2023-12-31T00:05:00"),
        ("05/05/2024", "2024-05-05"),  # either way
        *((taken, taken) for taken in ("2000", "2000-01-01", "2000-06-15T00:00:00", "1851-07-01", "1970-06-01")),
        *((nothing, None) for nothing in ("", "NA", "n/a", "null", "NaT", "-", "unknown", 0)),
    ],
)
def test_a_date_keeps_its_precision_and_its_zone(written: object, expected: str | None) -> None:
    assert read(written) == [expected]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        *(
            (number, "is a number")
            for number in (1593561600, "1593561600.0", "1593561600000", "45413", "45413.73", "1.7e9")
        ),
        *((early, "before photography") for early in ("1593-05-16", "0001-01-01", "1601-01-01T00:00:00", "1776")),
        *((late, "in the future") for late in ("2099-01-01", NEXT_WEEK, "9999-12-31T23:59:59Z", "2099")),
        *((zero, "count from there") for zero in ("1970-01-01", "1970-01-01T01:00:00", "1904-01-01", "1899-12-30")),
        *(
            (other, "not understood")
            for other in (
                "spring",
                "2024-02-30",
                "31/02/2024",
                "31.02.2024",
                "31.02.24",
                "2024-05-31T25:00",
                "0000-00-00",
            )
        ),
    ],
)
def test_what_is_no_date_of_a_photo_is_refused(written: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(written)


@pytest.mark.parametrize(
    ("column", "first"),
    [
        (["01.05.2024", "13.05.2024"], "2024-05-01"),
        (["5/1/2024", "5/13/2024"], "2024-05-01"),
        (["1/5/2024 10:00", "13/5/2024 10:00", "2024-05-20"], "2024-05-01T10:00:00"),
        (["1/5/2024", "33/5/2024", "13/5/2024"], "2024-05-01"),  # the second one is a slip
    ],
)
def test_a_column_in_which_one_date_decides_is_read(column: list[str], first: str) -> None:
    assert date_parser(column, "auto")(column[0]) == first


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (["01.05.2024"], "01.05.2024 may be 5 January 2024 or 1 May 2024.*--date-format day-first"),
        (["5/1/2024", "6/2/2024"], "5/1/2024 may be .* --date-format"),
        (["13/5/2024", "5/13/2024"], "written in different orders.* --date-format"),
        (["10/11/12"], "--date-format"),
    ],
)
def test_a_column_that_can_be_read_in_two_ways_is_asked_about(column: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        date_parser(column, "auto")


@pytest.mark.parametrize(
    ("date_format", "expected"),
    [
        *(("day-first", "2024-01-05"), ("month-first", "2024-05-01"), ("%m/%d/%Y", "2024-05-01")),
        ("%d/%m/%Y", "2024-01-05"),
    ],
)
def test_the_flag_decides(date_format: str, expected: str) -> None:
    assert read("5/1/2024", "2024-05-31", date_format=date_format) == [expected, "2024-05-31"]


def test_a_pattern_reads_what_no_form_does_and_another_word_is_refused() -> None:
    assert read("31.05.24 um 17.45", date_format="%d.%m.%y um %H.%M") == ["2024-05-31T17:45:00"]
    with pytest.raises(UserError, match="--date-format DMY is not allowed; give auto, day-first"):
        read(date_format="DMY")


@pytest.mark.parametrize(
    ("dates", "rows"),
    [
        (["2000-01-01T00:00:00", "2024-05-01T10:00:00"], {0}),
        (["2000-01-01T00:13:00", "2000-01-09T10:00:00", None, "2024-05-01"], {0, 1}),  # the clock goes on
        (["2000-01-01T00:00:00", "2000-06-15T10:00:00"], {0}),
        (["1980-01-01T00:00:05"], {0}),
        (["2015-01-01T00:02:00", "2015-01-02T07:00:00", *["2024-05-01", "2024-07-01", "2025-01-01"]], {0, 1}),
        (["2000-01-01T10:30:00", "2000-06-15T00:00:00", "2000-01-01"], set()),  # really taken then
        (["1999-12-31T23:50:00", "2000-01-01T00:20:00"], set()),  # the night of New Year
        (["2023-12-20T23:50:00", "2024-01-01T00:20:00", "2024-05-01T10:00:00"], set()),
        ([f"{year}-01-01T00:00:00" for year in (1999, 2000, 2001, 2002)], set()),  # a spreadsheet's years
        ([], set()),
    ],
)
def test_a_clock_after_a_reset(dates: list[str | None], rows: set[int]) -> None:
    assert set(clock_resets(dates)) == rows


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (["2015-01-01T00:02:00", "2015-01-02T07:00:00", "2015-01-03T08:00:00", "2024-05-01T10:00:00"], "2015: 3 of 4"),
        (["2015-01-01T00:02:00", "2024-05-01T10:00:00", "2024-05-02T10:00:00"], ""),  # clock_resets' own
        (["2015-01-01T09:00:00", "2015-01-02T07:00:00", "2015-01-03T08:00:00"], ""),  # a survey in January
        (["2014-12-30T09:00:00", "2015-01-01T00:02:00", "2015-01-02T07:00:00", "2015-01-03T08:00:00"], ""),  # New Year
        ([f"2015-01-0{day}T00:00:00" for day in (1, 2, 3)], ""),  # a spreadsheet's days
        (["2015-01-01", "2015", None, float("nan")], ""),
    ],
)
def test_a_reset_of_most_dates_is_said(dates: list[object], said: str) -> None:
    remark = f"dates in the first days of January {said}; was a camera's clock reset?"
    assert clock_of_most(dates) == (remark if said else "")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", datetime(2024, 1, 1), datetime(2025, 1, 1)),
        ("2024-12", datetime(2024, 12, 1), datetime(2025, 1, 1)),
        ("2024-02", datetime(2024, 2, 1), datetime(2024, 3, 1)),
        ("2024-02-29", datetime(2024, 2, 29), datetime(2024, 3, 1)),
        ("20240229", datetime(2024, 2, 29), datetime(2024, 3, 1)),
    ],
)
def test_the_moments_that_a_date_may_mean(text: str, first: datetime, last: datetime) -> None:
    assert span(text) == (first, last - timedelta(microseconds=1))
    assert span(f"{last:%Y-%m-%dT10:00:00}") == (last.replace(hour=10),) * 2
