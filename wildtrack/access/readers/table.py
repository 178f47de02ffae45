"""A CSV with one row per photo -> the catalogue, and back. Paths in it are relative to the folder of the CSV."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from posixpath import commonpath, dirname, normpath

import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.catalogue import ALIASES, REQUIRED_COLUMNS, Catalogue, assemble, rename_aliases
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.names import is_nobody
from wildtrack.access.photos.find import walk
from wildtrack.access.photos.names import PhotoNames, name_key
from wildtrack.access.photos.reader import printable
from wildtrack.access.readers.gallery_words import keep_gallery_unseen
from wildtrack.access.readers.joined import join_columns
from wildtrack.access.readers.spreadsheet import Line, mend, read_sheet
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.console import counted, some
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv
from wildtrack.storage.ownership import is_as_written


def is_catalogue(source: Path) -> bool:
    """Whether `source` is a CSV whose header names the required columns; only the header is read."""
    if not source.is_file():
        return False
    header = read_sheet(source, only_header=True).header
    return set(REQUIRED_COLUMNS) <= {*header, *rename_aliases(header).values()}


def read_table(source: Path, split_column: str | None = None, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read a CSV, every value as text; `understood` counts photos in no row.

    `split_column` is read as `split`. Raises a UserError when a required column is missing, or no row can be used.
    """
    catalogue = _read(source, split_column, config)
    problems = source.parent / "problems.csv"  # the photos left out when the catalogue was made, such as empty ones
    listed = [values[0] for _, values in read_rows(problems)[1]] if is_as_written(problems) else []
    found = photos_in_no_row(source.parent, catalogue.table["path"].tolist(), [*catalogue.problems["path"], *listed])
    if not found:
        return catalogue
    files = counted(len(found), "photo file beside is", "photo files beside are")
    return catalogue.saying(f"{files} in no row, such as {found[0]}")


def holds(source: Path, table: pd.DataFrame) -> bool:
    """Whether `source` is a CSV that reads as exactly this table."""
    try:
        return source.is_file() and _read(source).table.astype(object).equals(table.astype(object))
    except UserError:
        return False


def has_labels(source: Path) -> bool:
    """Whether a CSV that `write_table` wrote names any animal."""
    header, lines = read_rows(source)
    return any(values[header.index("identity")] != UNKNOWN for _, values in lines)


def write_table(table: pd.DataFrame, target: Path) -> None:
    """Write a table with the columns of `Catalogue.table` as a CSV in the folder that `path` is relative to."""
    if "bbox" in table:
        texts = [None if box is None else json.dumps(box) for box in boxes(table)]
        table = table.assign(bbox=pd.Series(texts, index=table.index, dtype="object"))
    write_csv(target, table)


def read_rows(source: Path) -> tuple[list[str], list[Line]]:
    """The column names of a CSV, and its rows as text; a UserError when it is empty or no CSV."""
    sheet = read_sheet(source)
    return sheet.header, sheet.lines


def photos_in_no_row(root: Path, paths: Sequence[str], left_out: Iterable[str]) -> list[str]:
    """The photo files that no row names, in the folder that all `paths` share and below it; POSIX, sorted.

    Names that a file system may write in another way, in case and how accents are coded, are the same.
    """
    known = {name_key(path) for path in (*paths, *left_out)}
    shared = commonpath([dirname(path) for path in paths])
    found = [normpath(f"{shared}/{path}" if shared else path) for path in walk(root / shared).photos]
    return sorted(printable(path) for path in found if name_key(path) not in known)


def _read(source: Path, split_column: str | None = None, config: ReadConfig = DEFAULTS) -> Catalogue:
    sheet = read_sheet(source)
    header, (lines, said) = sheet.header, mend(source, sheet)
    if split_column is not None:
        if split_column not in header:
            raise UserError(f"{source}: there is no column {split_column!r}; there are {', '.join(header)}")
        names = {"split": "", split_column: "split"}
        header = [names.get(name, name) for name in header]
    problems = []
    rows = []
    for number, values in lines:
        if any(values[len(header) :]):
            reason = f"{len(values)} values under {len(header)} columns; put values with a separator in double quotes"
            problems.append((f"{source.name}, line {number}", reason))
        elif any(values):
            rows.append([*values, *[""] * (len(header) - len(values))][: len(header)])
    table, boxes_said = join_columns(pd.DataFrame(rows, columns=header, dtype="str"), config)
    for column in [column for column in dict.fromkeys(header) if ALIASES.get(column, column) == "path"]:
        table[column] = table[column].replace(_as_on_disk(source.parent, table[column]))
    if header.count("split") == header.count("identity") == 1:
        table["split"], more = keep_gallery_unseen(table["identity"].str.strip().tolist(), table["split"].tolist())
        said = [*said, more]
    if is_as_written(source):  # whose names are settled
        config = replace(config, animals=("*",))
        if kept := [name for name in table["identity"].unique() if is_nobody(name) and name not in ("", UNKNOWN)]:
            said = [*said, f"names that were kept as animals': {some(kept)} (if one stands for nobody: --nobody NAME)"]
    try:
        catalogue = assemble(f"the table {source.name}", source.parent, table, problems, config)
        return catalogue.saying(*sheet.said, *said, *boxes_said)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


def _as_on_disk(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Paths that are not there -> the only photo whose name differs in nothing but case or the coding of accents."""
    missing = [path for path in paths if path.strip() and not os.path.isfile(f"{root}/{path}")]  # noqa: PTH113 faster
    photos = PhotoNames(walk(root).photos if missing else ())
    found = photos.find(path.strip() for path in missing)
    return {path: photo for path, photo in zip(missing, found, strict=True) if photo}
