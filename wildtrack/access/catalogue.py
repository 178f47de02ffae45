"""The catalogue: one row per animal in a photo, standard columns and usable rows only; the rest is listed with reasons.

`readers.load.load_catalogue` reads one from disk.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any

import pandas as pd

from wildtrack.access.cells import NUMBERS, PARSERS, UNKNOWN, Parser, path_in, text_in
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
LOSE_THE_ROW = ("path", "bbox", "split")  # where such a value is not understood; elsewhere only the value is lost
ALIASES = {
    "filepath": "path",
    "file_name": "path",
    "timestamp": "date",
    "viewpoint": "orientation",
    "position": "orientation",
}


@dataclass(frozen=True)
class Catalogue:
    """Photos of animals and what is known about them.

    Attributes:
        root: the folder that `path` is relative to.
        table: standard columns only (see `validate`), RangeIndex, in the reader's order.
        problems: columns `path` and `reason`, one row for each photo, row or value that could not be used.
        understood: what the reader took the data for, in one sentence.
    """

    root: Path
    table: pd.DataFrame
    problems: pd.DataFrame
    understood: str


def assemble(layout: str, root: Path, table: pd.DataFrame, problems: Iterable[tuple[str, str]]) -> Catalogue:
    """The catalogue of a layout such as "a folder per identity", from a raw table as `validate` takes it."""
    valid, refused = validate(table, root)
    listed = pd.concat([problem_table(problems), refused], ignore_index=True)
    return Catalogue(root, valid, listed, f"{layout}: {in_words(valid)}")


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


def validate(table: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bring a raw table into the standard shape and list what could not be used.

    A row is lost when its `image_id` is missing or taken, its `path` is no file in `root`, or its `bbox` or `split` is
    not understood. A date or number that is not understood is only left empty. Either way it is listed.

    Args:
        table: raw rows; values may be text, numbers or missing; aliases and further columns are allowed.
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
    values: dict[str, list[Any]] = {}
    bad_rows: dict[int, str] = {}  # row -> reason
    notes: list[tuple[int, str]] = []  # rows that lose a value
    for column in table.columns:
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
    bad_rows |= _incomplete_or_taken(values, bad_rows)
    notes = [(row, reason) for row, reason in notes if row not in bad_rows]
    names = [path or f"row {row + 1}" for row, path in enumerate(table["path"].fillna("").astype(str))]
    problems = problem_table((names[row], reason) for row, reason in sorted([*bad_rows.items(), *notes]))
    dtypes = {"bbox": "object"} | dict.fromkeys(NUMBERS, "float64")
    valid = pd.DataFrame({name: pd.Series(cells, dtype=dtypes.get(name, "str")) for name, cells in values.items()})
    valid = valid.drop(index=list(bad_rows)).reset_index(drop=True)
    if valid.empty:
        first = ": ".join(problems.iloc[0])
        raise UserError(f"none of the {len(table)} rows of the catalogue can be used; the first: {first}")
    return valid[[name for name in valid if name in REQUIRED_COLUMNS or valid[name].notna().any()]], problems


def _parse_column(written: "pd.Series[Any]", parse: Parser) -> tuple[list[Any], dict[int, str]]:
    """The parsed values, None where empty or refused, and {row: reason} of the refused."""
    values: list[Any] = [None] * len(written)
    refused: dict[int, str] = {}
    for row, (raw, missing) in enumerate(zip(written, written.isna(), strict=True)):
        if not missing and str(raw).strip():
            try:
                values[row] = parse(raw)
            except ValueError as error:
                refused[row] = str(error)
    return values, refused


def _incomplete_or_taken(values: dict[str, list[Any]], bad_rows: dict[int, str]) -> dict[int, str]:
    """{row: reason} of the otherwise good rows without an image_id or path, or with one that an earlier row has."""
    found: dict[int, str] = {}
    seen: set[str] = set()
    for row, (image_id, path) in enumerate(zip(values["image_id"], values["path"], strict=True)):
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
        has = f"it has {shorten(', '.join(found), 200) or 'none'}; it needs {', '.join(REQUIRED_COLUMNS)}"
        raise UserError(f"the catalogue has no column {', '.join(missing)}; {has}")
    standard = [column for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if column in columns]
    twice = [column for column in standard if columns.count(column) > 1]
    if twice:
        raise UserError(f"the catalogue has more than one column {', '.join(twice)}; keep one of each")
    return table.loc[:, standard]
