"""The catalogue: one table, one row a photo of one animal, whatever the layout on disk.

In: what a reader found. Out: a `Catalogue` whose table has only standard columns and only usable rows, with the rest
listed as (path, reason). `readers.load.load_catalogue` reads one from disk.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

import pandas as pd

from wildtrack.access.cells import NUMBERS, UNKNOWN, Parser, parser_of, path_in
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
)
LOSE_THE_ROW = ("path", "bbox", "split")  # where such a cell is not understood; elsewhere only the cell is lost
ALIASES = {
    "filepath": "path",
    "file_name": "path",
    "viewpoint": "orientation",
    "position": "orientation",
    "timestamp": "date",
}


@dataclass(frozen=True)
class Catalogue:
    """Photos of animals and what is known about them.

    Attributes:
        root: the folder that `path` is relative to.
        table: standard columns only (see `validate`), RangeIndex, in the reader's order.
        problems: columns `path` and `reason`, one row for each photo, row or cell that could not be used.
        understood: one sentence on what the reader took the data for.
    """

    root: Path
    table: pd.DataFrame
    problems: pd.DataFrame
    understood: str


def assemble(layout: str, root: Path, table: pd.DataFrame, problems: Iterable[tuple[str, str]]) -> Catalogue:
    """Turn what a reader found into a catalogue: validate, count, describe.

    Args:
        layout: what the reader took the data for, such as "a folder per identity".
        root: the folder that `path` is relative to.
        table: one row a photo, columns as `validate` takes them.
        problems: (path, reason) of what the reader could not use.

    Returns:
        The catalogue.

    Raises:
        UserError: from `validate`.
    """
    valid, refused = validate(table, root)
    every_problem = pd.concat([problem_table(problems), refused], ignore_index=True)
    return Catalogue(root, valid, every_problem, f"{layout}: {in_words(valid)}")


def in_words(table: pd.DataFrame) -> str:
    """How many photos, animals on them, and identities there are; animals only where they are not one a photo.

    Examples:
        >>> in_words(pd.DataFrame({"path": ["a.jpg", "a.jpg", "b.jpg"], "identity": ["Ana", "unknown", "Ana"]}))
        '2 photos with 3 animals of 1 identity (1 animal unlabelled)'
    """
    photos, rows = table["path"].nunique(), len(table)
    text = counted(photos, "photo", "photos")
    noun = ("photo", "photos")
    if rows != photos:
        noun = ("animal", "animals")
        text += f" with {counted(rows, *noun)}"
    unlabelled = int((table["identity"] == UNKNOWN).sum())
    if unlabelled == rows:
        return f"{text}, all unlabelled"
    names = table.loc[table["identity"] != UNKNOWN, "identity"].nunique()
    text += f" of {counted(names, 'identity', 'identities')}"
    return f"{text} ({counted(unlabelled, *noun)} unlabelled)" if unlabelled else text


def problem_table(problems: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """(path, reason) pairs as a table with the str columns `path` and `reason`; an empty one keeps its columns."""
    return pd.DataFrame(list(problems), columns=["path", "reason"], dtype="str")


def rename_aliases(columns: Iterable[str]) -> dict[str, str]:
    """Map each known alias to its standard name, unless that name is taken.

    Examples:
        >>> rename_aliases(["file_name", "viewpoint", "position"])
        {'file_name': 'path', 'viewpoint': 'orientation'}
    """
    taken = set(columns)
    renames: dict[str, str] = {}
    for column in columns:
        standard = ALIASES.get(column)
        if standard is not None and standard not in taken:
            renames[column] = standard
            taken.add(standard)
    return renames


def validate(table: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring a raw table into the standard shape and list what could not be used.

    A row is dropped when its `image_id` is missing or taken, its `path` is missing, absolute, outside `root` or no
    file, its `bbox` is not understood, or its `split` word is unknown. A date or number that is not understood only
    loses its cell. Either way it is listed.

    Args:
        table: raw rows; cells may be text, numbers or missing; aliases and further columns are allowed.
        root: the folder that `path` is relative to.

    Returns:
        The table (standard columns in standard order; RangeIndex; optional columns without any value left out) and
        the problems (`path`, `reason`). `identity` is NFC text, "unknown" when empty; `path` POSIX; `bbox` a tuple of
        4 floats or None; `date` ISO 8601 local time, with a time of day only where one was given; `split` train,
        valid or test; `height`, `width`, `latitude`, `longitude` float64; the rest text, NaN when empty.

    Raises:
        UserError: a required column is missing, there are no rows, or none of them can be used.
    """
    table = _standard_columns(table)
    if table.empty:
        raise UserError("the catalogue has no rows; give one row for each photo")
    cells, bad_rows, notes = _parse_cells(table, root)
    bad_rows = _incomplete_or_taken(cells, bad_rows) | bad_rows
    notes = [(row, reason) for row, reason in notes if row not in bad_rows]
    names = [path or f"row {row + 1}" for row, path in enumerate(table["path"].fillna("").astype(str))]
    problems = problem_table((names[row], reason) for row, reason in sorted([*bad_rows.items(), *notes]))
    rows = [row for row in range(len(table)) if row not in bad_rows]
    if not rows:
        first = problems.iloc[0]
        raise UserError(
            f"none of the {len(table)} rows of the catalogue can be used; the first: {first['path']}: {first['reason']}"
        )
    columns = {column: _series(column, [values[row] for row in rows]) for column, values in cells.items()}
    used = [column for column in columns if column in REQUIRED_COLUMNS or columns[column].notna().any()]
    return pd.DataFrame({column: columns[column] for column in used}), problems


def _parse_cells(table: pd.DataFrame, root: Path) -> tuple[dict[str, list[Any]], dict[int, str], list[tuple[int, str]]]:
    """Parse every column: values, {row: reason} of rows that are lost, (row, reason) of rows that lose a cell."""
    cells: dict[str, list[Any]] = {}
    bad_rows: dict[int, str] = {}
    notes: list[tuple[int, str]] = []
    for column in table.columns:
        parse = partial(path_in, root=root) if column == "path" else parser_of(column)
        cells[column], refused = _parse_column(table[column], parse)
        if column in LOSE_THE_ROW:
            bad_rows = refused | bad_rows
        else:
            notes += refused.items()
    cells["identity"] = [UNKNOWN if identity is None else identity for identity in cells["identity"]]
    subsets = cells.get("split", [])
    if any(subsets):
        notes += [(row, "split is empty: this photo is in no subset") for row, word in enumerate(subsets) if not word]
    return cells, bad_rows, notes


def _incomplete_or_taken(cells: dict[str, list[Any]], bad_rows: dict[int, str]) -> dict[int, str]:
    """{row: reason} of the otherwise good rows without an image_id or path, or with one that an earlier row has."""
    found: dict[int, str] = {}
    seen: set[str] = set()
    for row, (image_id, path) in enumerate(zip(cells["image_id"], cells["path"], strict=True)):
        if row in bad_rows:
            continue
        if image_id is None or path is None:
            found[row] = "image_id is empty" if image_id is None else "path is empty"
        elif image_id in seen:
            found[row] = f"image_id {image_id!r} is taken by a row above"
        else:
            seen.add(image_id)
    return found


def _standard_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Standard columns in standard order, aliases renamed, everything else dropped."""
    found = [str(column) for column in table.columns]
    table = table.rename(columns=rename_aliases(found)).reset_index(drop=True)
    columns = table.columns.tolist()
    missing = [column for column in REQUIRED_COLUMNS if column not in columns]
    if missing:
        raise UserError(
            f"the catalogue has no column {', '.join(missing)}; it has {shorten(', '.join(found), 200) or 'none'}; "
            f"it needs {', '.join(REQUIRED_COLUMNS)}"
        )
    standard = [column for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if column in columns]
    twice = [column for column in standard if columns.count(column) > 1]
    if twice:
        raise UserError(f"the catalogue has more than one column {', '.join(twice)}; keep one of each")
    return table.loc[:, standard]


def _parse_column(cells: "pd.Series[Any]", parse: Parser) -> tuple[list[Any], dict[int, str]]:
    """Parse each cell: values, None where empty or refused, and {row: reason} of the refused."""
    values: list[Any] = []
    refused: dict[int, str] = {}
    for row, (raw, missing) in enumerate(zip(cells, cells.isna(), strict=True)):
        value = None
        if not missing and str(raw).strip():
            try:
                value = parse(raw)
            except ValueError as error:
                refused[row] = str(error)
        values.append(value)
    return values, refused


def _series(column: str, values: list[Any]) -> "pd.Series[Any]":
    if column in NUMBERS:
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="object" if column == "bbox" else "str")
