"""Exports: the catalogue as catalogue.csv, and in other programs' forms, whose modules are loaded when needed.

- `huggingface`: a Hugging Face dataset, on disk and on the Hub
- `fiftyone`: a FiftyOne dataset
- `camtrapdp`: a Camera Trap Data Package
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from wildtrack.access.boxes import Box, boxes, relative, upright_sizes
from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.photos.reader import PhotoError
from wildtrack.access.readers.table import write_table
from wildtrack.access.sources.card import Card
from wildtrack.errors import UserError
from wildtrack.storage.files import new_folder

Format = Literal["csv", "huggingface", "fiftyone", "camtrapdp"]


def check_export(form: Format, catalogue: Catalogue, card: Card | None) -> None:
    """Raise the UserError of `export` for a missing package, name or date, before anything is written."""
    if form != "csv":  # which takes any catalogue
        import_module(f"{__name__}.{form}").check(catalogue, card)


def export(form: Format, catalogue: Catalogue, folder: Path, card: Card | None) -> tuple[str, pd.DataFrame]:
    """Write a catalogue to a new folder; return a sentence on it, and the problems (`path`, `reason`)."""
    if form == "csv":
        with new_folder(folder) as part:
            write_table(catalogue.table, part / "catalogue.csv")
        return f"{folder / 'catalogue.csv'}, to be put into a copy of {catalogue.root}", problem_table([])
    written: tuple[str, pd.DataFrame] = import_module(f"{__name__}.{form}").write(catalogue, folder, card)
    return written


def without_positions(table: pd.DataFrame) -> pd.DataFrame:
    """The table without latitude and longitude: where rare animals live gets them poached."""
    return table.drop(columns=["latitude", "longitude"], errors="ignore")


def needed_package(name: str, purpose: str) -> Any:
    """Import an optional package; a UserError says how to install it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(f"{purpose} need one more package: pip install {name}") from error


def relative_boxes(table: pd.DataFrame, root: Path) -> tuple[list[Box | None], list[tuple[str, str]]]:
    """Each row's box as parts of its upright photo, None where it has none, and (path, reason) of lost boxes."""
    found = boxes(table)
    boxed = list(dict.fromkeys(table["path"][[box is not None for box in found]]))
    sizes = dict(zip(boxed, upright_sizes([root / path for path in boxed]), strict=True))
    problems: list[tuple[str, str]] = []
    for row, (path, box) in enumerate(zip(table["path"], found, strict=True)):
        if box is not None:
            size = sizes[path]
            found[row] = None if isinstance(size, PhotoError) else relative(box, size)
            if found[row] is None:
                reason = size if isinstance(size, PhotoError) else "its box misses it"
                problems.append((path, f"written without a box: {reason}"))
    return found, problems
