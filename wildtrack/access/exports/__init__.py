"""Exports: the catalogue in the forms that other programs take; a form's module is loaded when it is needed.

- `csv`: catalogue.csv, for a copy of the photos
- `huggingface`: a Hugging Face dataset, on disk and on the Hub
- `fiftyone`: a FiftyOne dataset
- `camtrapdp`: a Camera Trap Data Package
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from wildtrack.access.boxes import Box, boxes, relative, upright_sizes
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.photos.reader import PhotoError
from wildtrack.access.sources.card import Card
from wildtrack.errors import UserError

Format = Literal["csv", "huggingface", "fiftyone", "camtrapdp"]


def check_export(form: Format, catalogue: Catalogue, card: Card | None) -> None:
    """Raise the UserError of `export` for a missing package, name or date, before anything is written."""
    import_module(f"{__name__}.{form}").check(catalogue, card)


def export(form: Format, catalogue: Catalogue, folder: Path, card: Card | None) -> tuple[str, pd.DataFrame]:
    """Write a catalogue to a new folder; return a sentence on it, and the problems (`path`, `reason`)."""
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
    rows = list(zip(table["path"], boxes(table), strict=True))
    boxed = list(dict.fromkeys(path for path, box in rows if box is not None))
    sizes = dict(zip(boxed, upright_sizes([root / path for path in boxed]), strict=True))
    found: list[Box | None] = []
    problems: list[tuple[str, str]] = []
    for path, box in rows:
        size = sizes.get(path)
        found.append(relative(box, size) if box is not None and isinstance(size, tuple) else None)
        if box is not None and found[-1] is None:
            reason = size if isinstance(size, PhotoError) else "its box misses it"
            problems.append((path, f"written without a box: {reason}"))
    return found, problems
