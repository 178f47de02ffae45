"""The catalogue: one row per animal in a photo, standard columns and usable rows only; the rest is listed with reasons.

`readers.load.load_catalogue` reads one from disk.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

import pandas as pd

from wildtrack.access.cells import NUMBERS, PARSERS, UNKNOWN, Parser, path_in, text_in
from wildtrack.access.dates import clock_of_most, clock_resets, date_parser
from wildtrack.access.identities import KEY, settle_names
from wildtrack.access.ids import given_twice, listed_again, own_image_ids, own_photo_ids
from wildtrack.access.names import is_empty
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.console import counted
from wildtrack.errors import UserError

REQUIRED_COLUMNS = ("image_id", "identity", "path")
OPTIONAL_COLUMNS = (
    "photo_id",
    "bbox",
    "date",
    "orientation",
    "species",
    "split",
    "license",
    "height",
    "width",
    "photographer",
    "latitude",
    "longitude",
    "secondary_identities",
    "encounter",
)
LOSE_THE_ROW = ("path", "bbox", "split")  # where such a value is not understood; elsewhere only the value is lost
ALIASES = {
    "bounding_box": "bbox",
    "filepath": "path",
    "file_name": "path",
    "timestamp": "date",
    "datetime": "date",
    "datetimeoriginal": "date",
    "date_captured": "date",
    "eventdate": "date",
    "viewpoint": "orientation",
    "position": "orientation",
    "encounter_id": "encounter",
}


@dataclass(frozen=True)
class Catalogue:
    """Photos of animals and what is known about them.

    Attributes:
        root: the folder that `path` is relative to.
        table: standard columns only (see `validate`), RangeIndex, in the reader's order.
        problems: columns `path` and `reason`, one row for each photo, row or value that could not be used.
        understood: what the reader took the data for, and a line for each remark on it.
    """

    root: Path
    table: pd.DataFrame
    problems: pd.DataFrame
    understood: str

    @property
    def doubts(self) -> list[str]:
        """The remarks that name the flag which decides."""
        return [line for line in self.understood.splitlines()[1:] if " --" in line]

    def saying(self, *more: str) -> "Catalogue":
        """The catalogue with more said of what the reader took the data for."""
        return replace(self, understood="\n".join([self.understood, *filter(None, more)]))


def assemble(
    layout: str, root: Path, table: pd.DataFrame, problems: Iterable[tuple[str, str]], config: ReadConfig = DEFAULTS
) -> Catalogue:
    """The catalogue of a layout such as "a folder per identity", from a raw table as `validate` takes it."""
    valid, refused = validate(table, root, config)
    valid, lost, said = settle_names(valid, config)
    unsure = problem_table((valid["path"][row], reason) for row, reason in lost.items())
    listed = pd.concat([problem_table(problems), refused, unsure], ignore_index=True)
    if dates := int(refused["reason"].str.startswith("date ").sum()):
        said = [f"dates that cannot be used: {dates}", *said]
    remarks = [*said, clock_of_most(valid.get("date", ())), listed_again(valid)]
    return Catalogue(root, valid, listed, f"{layout}: {in_words(valid)}").saying(*remarks)


def in_words(table: pd.DataFrame) -> str:
    """How many photos, animals and identities there are; animals only where some photo does not show exactly one."""
    photos, rows = table["path"].nunique(), len(table)
    noun = ("photo", "photos") if rows == photos else ("animal", "animals")
    text = counted(photos, "photo", "photos") + ("" if rows == photos else f" with {counted(rows, *noun)}")
    names = table.loc[table["identity"] != UNKNOWN, "identity"]
    if names.empty:
        return f"{text}, all unlabelled"
    text += f" of {counted(names.nunique(), 'identity', 'identities')}"
    return f"{text} ({counted(rows - len(names), *noun)} unlabelled)" if rows > len(names) else text


def problem_table(problems: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """(path, reason) pairs as a table with the str columns `path` and `reason`; an empty one keeps its columns."""
    return pd.DataFrame(list(problems), columns=["path", "reason"], dtype="str")


def rename_aliases(columns: Iterable[str]) -> dict[str, str]:
    """Each known alias -> its standard name, unless that name is taken."""
    columns = list(columns)
    taken = set(columns)
    renames: dict[str, str] = {}
    for column in columns:
        standard = ALIASES.get(column)
        if standard is not None and standard not in taken:
            renames[column] = standard
            taken.add(standard)
    return renames


def validate(
    table: pd.DataFrame,
    root: Path,
    config: ReadConfig = DEFAULTS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring a raw table into the standard shape and list what could not be used.

    A row is lost when its `image_id` is missing, it is given twice, its `path` is no file in `root`, or its `bbox` or
    `split` is not understood. A date or number that is not understood is only left empty. Either way it is listed, and
    so is a row whose `image_id` is another's: it gets one of its own.

    Args:
        table: raw rows; values may be text, numbers or missing; aliases and further columns are allowed.
        root: the folder that `path` is relative to.
        config: what the user says about ambiguous values.

    Returns:
        The table (standard columns in standard order; RangeIndex; optional columns without any value left out) and
        the problems (`path`, `reason`). `identity` is NFC text, "unknown" when empty; `path` POSIX; `bbox` a tuple of
        4 floats or None; `date` ISO 8601, with no more precision or zone than was given; `split` train,
        valid or test; `height`, `width`, `latitude`, `longitude` float64; the rest text, NaN when empty.

    Raises:
        UserError: a required column is missing, there are no rows, or none of them can be used.
    """
    table = _standard_columns(table)
    if table.empty:
        raise UserError("the catalogue has no rows; give one row for each photo")
    values: dict[str, list[Any]] = {}
    bad_rows: dict[int, str] = {}  # row -> reason
    notes: list[tuple[int, str]] = []  # rows that lose a value
    for column in table.columns:
        if column == "date":
            values[column], refused = _parse_dates(table[column], config.date_format)
        else:
            parse = partial(path_in, root=root) if column == "path" else PARSERS.get(column, text_in)
            values[column], refused = _parse_column(table[column], parse)
        if column in LOSE_THE_ROW:
            bad_rows = refused | bad_rows
        else:
            notes += refused.items()
    values["identity"] = [identity or UNKNOWN for identity in values["identity"]]
    subsets = values.get("split", [])
    if any(subsets):
        notes += [(row, "split is empty: this photo is in no subset") for row, word in enumerate(subsets) if not word]
    for column in ("path", "image_id"):
        bad_rows = {row: f"{column} is empty" for row, value in enumerate(values[column]) if value is None} | bad_rows
    dtypes = {"bbox": "object"} | dict.fromkeys(NUMBERS, "float64")
    valid = pd.DataFrame({name: pd.Series(cells, dtype=dtypes.get(name, "str")) for name, cells in values.items()})
    valid = valid.drop(index=list(bad_rows))
    bad_rows |= (twice := given_twice(valid))
    valid = valid.drop(index=list(twice))
    valid["image_id"], renamed = own_image_ids(valid)
    notes += renamed.items()
    if "photo_id" in valid:
        valid["photo_id"], replaced = own_photo_ids(valid)
        notes += replaced.items()
    notes = [(row, reason) for row, reason in notes if row not in bad_rows]
    names = [path or f"row {row + 1}" for row, path in enumerate(table["path"].fillna("").astype(str))]
    problems = problem_table((names[row], reason) for row, reason in sorted([*bad_rows.items(), *notes]))
    if valid.empty:
        first = ": ".join(problems.iloc[0])
        raise UserError(f"none of the {len(table)} rows of the catalogue can be used; the first: {first}")
    return without_empty(valid.reset_index(drop=True)), problems


def without_empty(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the optional columns in which nothing is written."""
    return table[[name for name in table if name in REQUIRED_COLUMNS or table[name].notna().any()]]


def _parse_column(written: "pd.Series[Any]", parse: Parser) -> tuple[list[Any], dict[int, str]]:
    """The parsed values, None where empty or refused, and {row: reason} of the refused."""
    is_required = written.name in REQUIRED_COLUMNS  # an animal may be called None
    values: list[Any] = [None] * len(written)
    refused: dict[int, str] = {}
    for row, (raw, missing) in enumerate(zip(written, written.isna(), strict=True)):
        if not missing and str(raw).strip() and (is_required or not is_empty(raw)):
            try:
                values[row] = parse(raw)
            except ValueError as error:
                refused[row] = str(error)
    return values, refused


def _parse_dates(written: "pd.Series[Any]", date_format: str) -> tuple[list[Any], dict[int, str]]:
    """The same of a column of dates, which decide together in what order they are written, and which are no dates."""
    values, refused = _parse_column(written, date_parser(written.dropna(), date_format))
    resets = clock_resets(values)
    return [None if row in resets else value for row, value in enumerate(values)], refused | resets


def _standard_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Standard columns in standard order, aliases renamed, everything else dropped."""
    found = [str(column) for column in table.columns]
    table = table.rename(columns=rename_aliases(found)).reset_index(drop=True)
    columns = table.columns.tolist()
    missing = [column for column in REQUIRED_COLUMNS if column not in columns]
    if missing:
        has = f"it has {shorten(', '.join(found), 200) or 'none'}; it needs {', '.join(REQUIRED_COLUMNS)}"
        raise UserError(f"the catalogue has no column {', '.join(missing)}; {has}")
    standard = [column for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, KEY) if column in columns]
    twice = [column for column in standard if columns.count(column) > 1]
    if twice:
        raise UserError(f"the catalogue has more than one column {', '.join(twice)}; keep one of each")
    return table.loc[:, standard]
