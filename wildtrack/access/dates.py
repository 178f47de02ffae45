"""When a photo was taken: what was written in, ISO 8601 with its own precision and zone out, or the reason why not."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise

from wildtrack.access.names import is_empty
from wildtrack.errors import UserError

ORDERS = ("day-first", "month-first", "year-first")  # of a date that is written in numbers only

_FIRST_YEAR = 1839  # of photography
_ZERO_DAYS = {date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1), date(1904, 1, 1), date(1969, 12, 31)}
_ZERO_DAYS |= {date(1970, 1, 1)}  # where spreadsheets and computers begin to count
_RESET_YEARS = frozenset({1980, 2000})  # where most cameras begin to count
_MONTH_LONG = timedelta(days=31)
_AS_A_DAY = "write it as 2024-05-31 or 2024-05-31T17:45"
_EXPECTED = "expected ISO 8601, such as 2024-05-31 or 2024-05-31T17:45, or name its form with --date-format"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = dict(zip(_MONTHS, range(1, 13), strict=True)) | {"mai": 5, "mär": 3, "okt": 10, "dez": 12}
_CLOCK = (
    r"(?:(?:T|,? +)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: ?([AP])\.?M\.?)?"
    r" ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?"
)
_YEAR_FIRST = re.compile(r"(\d{4})(?:([-:/.])(\d\d?)(?:\2(\d\d?))?)?" + _CLOCK, re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})()(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)()()(Z?))?")
_IN_NUMBERS = re.compile(r"(\d\d?)([./-]) ?(\d\d?)\2 ?(\d{4}|\d\d)" + _CLOCK, re.IGNORECASE)
_MONTH_SECOND = re.compile(r"(\d\d?)[. -]{0,2}([a-zä]{3})[a-zä]*[., -]{1,2}(\d{4})" + _CLOCK, re.IGNORECASE)
_MONTH_FIRST = re.compile(r"([a-zä]{3})[a-zä]*\.? (\d\d?),? (\d{4})" + _CLOCK, re.IGNORECASE)

Clock = tuple[str | None, ...]


def date_parser(cells: Iterable[object], date_format: str) -> Callable[[object], str | None]:
    """A parser of one column's cells: ISO 8601, None for what says nothing, or a ValueError with the reason.

    `date_format` is "auto", one of ORDERS, or a pattern of `strptime`, which is tried first. A UserError where a date
    in numbers can be read in two ways, and no other one of the column decides.
    """
    if date_format not in ("auto", *ORDERS) and "%" not in date_format:
        allowed = ", ".join(("auto", *ORDERS))
        raise UserError(f"--date-format {date_format} is not allowed; give {allowed} or a pattern such as %d.%m.%Y")
    pattern = date_format if "%" in date_format else None
    order = _order(map(str, cells)) if date_format == "auto" else date_format

    def parse(cell: object) -> str | None:
        text = re.sub(r"^(\d+)\.0$", r"\1", str(cell).strip())  # a table may hold years as 2024.0
        if text == "0" or is_empty(text):
            return None
        found = (pattern and _by_pattern(text, pattern)) or _iso(text, order)
        if found is None and re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?(?:e\+?\d+)?", text, re.IGNORECASE):
            raise ValueError(f"date {text} is a number, such as Unix seconds or a spreadsheet's day; {_AS_A_DAY}")
        if found is None:
            raise ValueError(f"date not understood: {text!r}; {_EXPECTED}")
        return _plausible(found)

    return parse


def span(text: str) -> tuple[datetime, datetime]:
    """The first and the last moment that a date in ISO 8601 may mean: a year, month or day is all of it."""
    if len(text) > len("2024-05-31"):
        moment = datetime.fromisoformat(text)
        return moment, moment
    parts = (text if "-" in text else "-".join(filter(None, (text[:4], text[4:6], text[6:])))).split("-")
    year, month, day = (int(part) for part in (*parts, "1", "1")[:3])
    first = datetime(year, month, day)
    if len(parts) == 3:
        end = first + timedelta(days=1)
    else:
        end = datetime(year + 1, 1, 1) if len(parts) == 1 or month == 12 else datetime(year, month + 1, 1)
    return first, end - timedelta(microseconds=1)


def clock_resets(dates: Sequence[str | None]) -> dict[int, str]:
    """{row: reason} of dates in a column that a camera's clock gave after a reset, which sets it to 1 January, 00:00.

    A camera that ran over New Year, or a spreadsheet that writes days as midnights, is none.
    """
    days = len("2024-05-31")
    long = [(row, text) for row, text in enumerate(dates) if text is not None and len(text) >= days]
    rows = sorted((span(text)[0].replace(tzinfo=None), row) for row, text in long)
    times = [moment for moment, _ in rows]
    clocks = {moment for moment, row in rows if len(dates[row] or "") > days}
    if len(clocks) > 2 and all(moment.time() == time() for moment in clocks):
        return {}
    years = {moment.year for moment in clocks if (moment.month, moment.day, moment.hour) == (1, 1, 0)}
    found: dict[int, str] = {}
    for year in years if len(years) == 1 else years & _RESET_YEARS:
        start = datetime(year, 1, 1)
        low = bisect_left(times, start)
        gaps = (place + 1 for place, (one, two) in enumerate(pairwise(times[low:]), low) if two - one > _MONTH_LONG)
        high = next(gaps, len(times))
        if low and start - times[low - 1] <= _MONTH_LONG:
            continue
        alone = high == len(times) or times[high] - times[high - 1] > 10 * _MONTH_LONG
        short = times[high - 1] - start <= 2 * _MONTH_LONG
        if year not in _RESET_YEARS and not (alone and short and high <= len(times) // 2):
            continue
        if not (alone and short):
            high = bisect_right(times, start + timedelta(hours=1))
        found |= {row: f"date {dates[row]} is not used: a camera's clock after a reset" for _, row in rows[low:high]}
    return found


def clock_of_most(dates: Iterable[object]) -> str:
    """A remark where most photos are of the days after one 1 January, 00:00, as after a reset; "" elsewhere."""
    times = sorted(span(text)[0].replace(tzinfo=None) for text in dates if isinstance(text, str) and len(text) > 10)
    years = {moment.year for moment in times if (moment.month, moment.day, moment.hour) == (1, 1, 0)}
    if len(years) != 1 or all(moment.time() == time() for moment in times):
        return ""
    start = datetime(years.pop(), 1, 1)
    low = bisect_left(times, start)
    most = bisect_left(times, start + timedelta(days=14)) - low
    if 2 * most <= len(times) or (low and start - times[low - 1] <= _MONTH_LONG):
        return ""
    return f"dates in the first days of January {start.year}: {most} of {len(times)}; was a camera's clock reset?"


def _order(texts: Iterable[str]) -> str | None:
    """The one order in which every date in numbers of a column can be read; None where there is none of them."""
    fits: dict[str, set[str]] = {}  # what was written -> the orders
    readings: dict[str, set[date]] = {}
    for text in dict.fromkeys(texts):
        if match := _IN_NUMBERS.fullmatch(text.strip()):
            dates = {order: day for order in ORDERS if (day := _in_order(match, order)) is not None}
            if dates:
                fits[text.strip()], readings[text.strip()] = set(dates), set(dates.values())
    if not fits:
        return None
    common = set.intersection(*fits.values())
    if len(common) == 1 or (common and all(len(days) == 1 for days in readings.values())):
        return next(order for order in ORDERS if order in common)
    asked = "say --date-format day-first, month-first or a pattern such as %d/%m/%Y"
    if common:
        text = next(text for text in fits if len(readings[text]) > 1)
        one, two = (f"{day.day} {day:%B %Y}" for day in sorted(readings[text])[:2])
        raise UserError(f"the date {text} may be {one} or {two}, and no other date decides; {asked}")
    first = next(iter(fits))
    other = next((text for text in fits if not fits[text] & fits[first]), None) or list(fits)[-1]
    raise UserError(f"the dates {first} and {other} are written in different orders; mend them, or {asked}")


def _in_order(match: "re.Match[str]", order: str) -> date | None:
    """The day that a date in numbers means in this order; None where there is no such day, or it is yet to come."""
    one, _, two, three = match.groups()[:4]
    if order == "year-first" and len(three) == 4:
        return None
    year, month, day = {"day-first": (three, two, one), "month-first": (three, one, two)}.get(order, (one, two, three))
    full = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 69 else 1900)  # as strptime does
    try:
        found = date(full, int(month), int(day))
    except ValueError:
        return None
    return found if len(year) == 4 or found <= date.today() + timedelta(days=1) else None


def _iso(text: str, order: str | None) -> str | None:
    """A date in any of the forms that are read, in ISO 8601; None where it is in none of them."""
    try:
        if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
            year, _, month, day, *clock = match.groups()
            return _written(year, month, day, tuple(clock))
        if (match := _IN_NUMBERS.fullmatch(text)) and order in ORDERS and (found := _in_order(match, order)):
            return _written(found.year, found.month, found.day, match.groups()[4:])
        if match := _MONTH_SECOND.fullmatch(text):
            day, month, year, *clock = match.groups()
            return _written(year, _MONTH.get(month.casefold()), day, tuple(clock))
        if match := _MONTH_FIRST.fullmatch(text):
            month, day, year, *clock = match.groups()
            return _written(year, _MONTH.get(month.casefold()), day, tuple(clock))
        return (date if "T" not in text else datetime).fromisoformat(text).isoformat() if "W" in text else None
    except (ValueError, TypeError):  # a month 13, a month by another name
        return None


def _written(year: object, month: object, day: object, clock: Clock) -> str:
    """ISO 8601 of parts, as precise as they are; a ValueError for a moment that does not exist."""
    hour, minute, second, part, half, zone = clock
    if day is None and hour is None:
        first = date(int(str(year)), int(str(month or 1)), 1)
        return f"{first:%Y-%m}" if month else f"{first:%Y}"
    days = date(int(str(year)), int(str(month)), int(str(day)))
    if hour is None:
        return days.isoformat()
    hours = int(hour) % 12 + 12 * (half.upper() == "P") if half else int(hour)
    micro = int((part or "0").ljust(6, "0")[:6])
    moment = datetime(days.year, days.month, days.day, hours, int(minute or 0), int(second or 0), micro)
    return moment.replace(tzinfo=_zone(zone)).isoformat()


def _zone(text: str | None) -> timezone | None:
    if not text or text[0] not in "+-":
        return UTC if text else None
    away = timedelta(hours=int(text[1:3]), minutes=int(text[3:].lstrip(":") or 0))
    return timezone(-away if text[0] == "-" else away)


def _by_pattern(text: str, pattern: str) -> str | None:
    try:
        moment = datetime.strptime(text, pattern)
    except ValueError:
        return None
    return moment.isoformat() if re.search("%[HIcXTs]", pattern) else moment.date().isoformat()


def _plausible(text: str) -> str:
    """The same date; a ValueError for one on which no photo of a catalogue was taken."""
    first = span(text)[0]
    now = datetime.now(first.tzinfo) + timedelta(days=1)  # it is tomorrow elsewhere
    if first.year < _FIRST_YEAR:
        raise ValueError(f"date {text} is not used: it is before photography")
    if first > now:
        raise ValueError(f"date {text} is not used: it is in the future")
    if len(text) >= len("2024-05-31") and first.date() in _ZERO_DAYS:
        raise ValueError(f"date {text} is not used: computers count from there, so the time was not known")
    return text
