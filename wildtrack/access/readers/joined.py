"""Columns that say one thing together: four of a box, a day and its time, a year and its month and day."""

import re
from collections.abc import Sequence

import pandas as pd

from wildtrack.access.catalogue import ALIASES
from wildtrack.access.dates import date_parser
from wildtrack.access.names import is_empty
from wildtrack.access.readers.spreadsheet import plain_name
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.errors import UserError

_PREFIX = re.compile(r"^(bounding)?b?box(?=.)")
_TIME = re.compile(r"\d{1,2}:\d\d")
_MIDNIGHT = re.compile(r"[ T]0?0:00(:00)?$")
_BOXES = re.compile("bbox|boundingbox|segmentation|polygon|regionshape")
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("xtl", "ytl", "xbr", "ybr"),
)
_CENTRES = (("xcenter", "ycenter"), ("xcentre", "ycentre"), ("centerx", "centery"), ("xc", "yc"), ("cx", "cy"))
_STARTS = (("x", "y"), *(names[:2] for names in _CORNERS))
_SIDES = (("w", "h"), ("width", "height"))


def join_columns(table: pd.DataFrame, config: ReadConfig = DEFAULTS) -> tuple[pd.DataFrame, list[str]]:
    """A table of text with one column for what several say, and what was made of them.

    Boxes become [x, y, width, height], but corners stay corners where `config` says that they are.
    """
    said = []
    columns = _by_plain_name(table)
    if "bbox" not in table and (names := _box_names(columns)):
        used = [columns[name] for name in names]
        corners, centre = names in _CORNERS, names[:2] in _CENTRES
        cells = [
            _box(cells, corners=corners and not config.box_form.endswith("corners"), centre=centre)
            for cells in zip(*(table[name] for name in used), strict=True)
        ]
        table = table.drop(columns=used).assign(bbox=cells)
        said.append(f"its boxes are the columns {', '.join(used)}")
    elif "bbox" not in table and (unread := [name for short, name in columns.items() if _BOXES.search(short)]):
        said.append(f"not read as boxes: {', '.join(dict.fromkeys(unread))}")
    if "date" not in table and (parts := [columns[name] for name in ("year", "month", "day") if name in columns])[2:]:
        table = table.assign(date=[_joined(cells, "-") for cells in zip(*(table[name] for name in parts), strict=True)])
    table, dates_said = _one_date(table, config.date_format)
    said += dates_said
    if "date" in table and "time" in columns:
        days, times = table["date"], table[columns["time"]]
        table = table.assign(date=[_moment(day, time) for day, time in zip(days, times, strict=True)])
        if odd := [time for time in times if not (is_empty(time) or _TIME.match(time.strip()))]:
            said.append(f"times not understood, where the day alone is used: {len(odd)}, such as {odd[0]}")
    return table, said


def _one_date(table: pd.DataFrame, date_format: str) -> tuple[pd.DataFrame, list[str]]:
    """The table with empty dates filled from other columns of dates, and how often those name another day."""
    header = table.columns.tolist()
    names = [name for name in header if ALIASES.get(name, name) == "date" and header.count(name) == 1]
    first, *others = sorted(names, key=lambda name: name != "date") or [""]
    said = []
    for other in others:
        days = zip(*(_days(table[name], date_format) for name in (first, other)), strict=True)
        if apart := sum(not one.startswith(two) and not two.startswith(one) for one, two in days):
            said.append(f"rows in which {other} is another day than {first}, which counts: {apart}")
        table = table.assign(**{first: table[first].mask(table[first].map(is_empty), table[other])})
    return table, said


def _days(cells: "pd.Series[str]", date_format: str) -> list[str]:
    """The day of each cell, "" where it is not understood."""
    found = []
    try:
        parse = date_parser(cells, date_format)
    except UserError:  # in several orders
        return [""] * len(cells)
    for cell in cells:
        try:
            found.append((parse(cell) or "")[: len("2024-05-31")])
        except ValueError:
            found.append("")
    return found


def _by_plain_name(table: pd.DataFrame) -> dict[str, str]:
    """Name without case, blanks and a leading "bbox" -> the column; what is called bbox comes before the photo's."""
    header = table.columns.tolist()
    names = [str(name) for name in header if header.count(name) == 1]
    plain = {plain_name(name): name for name in names}
    return plain | {_PREFIX.sub("", short): name for short, name in plain.items() if _PREFIX.match(short)}


def _box_names(columns: dict[str, str]) -> tuple[str, ...] | None:
    by_side = (start + sides for start in (*_CENTRES, *_STARTS) for sides in _SIDES)
    return next((names for names in (*_CORNERS, *by_side) if columns.keys() >= set(names)), None)


def _box(cells: Sequence[str], *, corners: bool, centre: bool) -> str:
    """The four cells as one, "" where all are empty; what is no number is left for the parser of boxes to report."""
    if all(map(is_empty, cells)):
        return ""
    try:
        x, y, width, height = (float(cell.replace(",", ".")) for cell in cells)
    except ValueError:
        return " ".join(cells)
    if corners:
        width, height = width - x, height - y
    if centre:
        x, y = x - width / 2, y - height / 2
    return f"{x:.12g} {y:.12g} {width:.12g} {height:.12g}"


def _moment(day: str, time: str) -> str:
    """A day with its time, where that is one; a spreadsheet writes the day as midnight."""
    day = day.strip()
    if is_empty(day) or not _TIME.match(time.strip()):
        return day
    day = _MIDNIGHT.sub("", day)
    return day if _TIME.search(day[8:]) else f"{day} {time.strip()}"


def _joined(cells: Sequence[str], between: str) -> str:
    """The cells up to the first empty one."""
    filled = next((place for place, cell in enumerate(cells) if is_empty(cell)), len(cells))
    return between.join(cell.strip().removesuffix(".0") for cell in cells[:filled])
