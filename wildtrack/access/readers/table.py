"""A CSV with one row a photo -> the catalogue, and back. Paths in it are relative to the folder of the CSV."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.catalogue import REQUIRED_COLUMNS, Catalogue, assemble, rename_aliases
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.readers.beside import photos_beside
from wildtrack.console import counted
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv
from wildtrack.storage.ownership import is_ours

_SEPARATORS = ",;\t"


def is_catalogue(source: Path) -> bool:
    """Whether `source` is a CSV whose header names the required columns."""
    if not source.is_file():
        return False
    header = read_rows(source)[0]
    return set(REQUIRED_COLUMNS) <= {*header, *rename_aliases(header).values()}


def read_table(source: Path, split_column: str | None = None) -> Catalogue:
    """Read a CSV catalogue.

    UTF-8, with or without a byte order mark; commas, semicolons or tabs, as in the header. Every cell is read as text,
    so an identity "007" or "NA" stays what it is. A row with more cells than the header is listed as a problem.

    Args:
        source: the .csv file.
        split_column: the column that is read as `split`, in place of one of that name; None: `split` itself.

    Returns:
        The catalogue; its root is the folder of the CSV. `understood` counts the photos beside that are in no row.

    Raises:
        UserError: the file is no UTF-8 CSV, lacks a required column, or no row of it can be used.
    """
    header, lines = read_rows(source)
    if split_column is not None:
        header = _with_split(header, split_column, source)
    problems = []
    rows = []
    for number, cells in lines:
        if any(cells[len(header) :]):
            reason = f"{len(cells)} cells under {len(header)} columns; put cells that hold a separator in double quotes"
            problems.append((f"{source.name}, line {number}", reason))
        elif any(cells):
            rows.append([*cells, *[""] * (len(header) - len(cells))][: len(header)])
    try:
        catalogue = assemble(
            f"the table {source.name}", source.parent, pd.DataFrame(rows, columns=header, dtype="str"), problems
        )
    except UserError as error:
        raise UserError(f"data = {source}: {error}") from error
    left_out = [*catalogue.problems["path"], *_listed_before(source.parent / "problems.csv")]
    beside = photos_beside(source.parent, catalogue.table["path"].tolist(), left_out)
    if beside:
        files = counted(len(beside), "photo file beside is", "photo files beside are")
        told = f"{catalogue.understood}; {files} in no row, such as {beside[0]}"
        catalogue = replace(catalogue, understood=told)
    return catalogue


def holds(source: Path, table: pd.DataFrame) -> bool:
    """Whether `source` is a CSV that reads as this very table."""
    try:
        return is_catalogue(source) and read_table(source).table.astype(object).equals(table.astype(object))
    except UserError:
        return False


def has_labels(source: Path) -> bool:
    """Whether a CSV that `write_table` wrote names any animal."""
    header, lines = read_rows(source)
    return any(cells[header.index("identity")] != UNKNOWN for _, cells in lines)


def write_table(table: pd.DataFrame, target: Path) -> None:
    """Write a catalogue's table as the CSV that `read_table` reads back, atomically.

    Args:
        table: columns as in `Catalogue.table`.
        target: the .csv file, in the folder that `path` is relative to.
    """
    if "bbox" in table:
        cells = [None if box is None else json.dumps(box) for box in boxes(table)]
        table = table.assign(bbox=pd.Series(cells, index=table.index, dtype="object"))
    write_csv(target, table)


def _listed_before(problems: Path) -> list[str]:
    """The paths in the problems.csv that `access_dataset.py` wrote when it made the catalogue, such as empty photos."""
    return [cells[0] for _, cells in read_rows(problems)[1]] if is_ours(problems) else []


def _with_split(header: list[str], split_column: str, source: Path) -> list[str]:
    """The header with `split_column` under the name `split`, and a column of that name under another."""
    if split_column not in header:
        raise UserError(f"data = {source}: there is no column {split_column!r}; there are {', '.join(header)}")
    names = {split_column: "split"} if split_column == "split" else {"split": "", split_column: "split"}
    return [names.get(name, name) for name in header]


def read_rows(source: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read a CSV as text: the header's column names, and (line number, cells) of each row below it.

    Raises:
        UserError: the file is empty or no CSV in UTF-8.
    """
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            separator = max(_SEPARATORS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=separator)
            lines = [(reader.line_num, cells) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"data = {source}: not a CSV in UTF-8 ({error}); save it again as CSV UTF-8") from error
    if not lines:
        raise UserError(f"data = {source}: the file is empty; it needs a header with {', '.join(REQUIRED_COLUMNS)}")
    header = [name.strip() for name in lines[0][1]]
    return header, lines[1:]
