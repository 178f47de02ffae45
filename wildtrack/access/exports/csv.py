"""A catalogue as catalogue.csv, to be put into a copy of the photos."""

from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.readers.table import write_table
from wildtrack.access.sources.card import Card
from wildtrack.storage.files import new_folder


def check(catalogue: Catalogue, card: Card | None) -> None:
    """Any catalogue can be written; see `exports.check_export`."""


def write(catalogue: Catalogue, folder: Path, card: Card | None) -> tuple[str, pd.DataFrame]:  # noqa: ARG001
    """Write catalogue.csv, whose paths are relative to the root of the photos; see `exports.export`."""
    with new_folder(folder) as part:
        write_table(catalogue.table, part / "catalogue.csv")
    return f"{folder / 'catalogue.csv'}, to be put into a copy of {catalogue.root}", problem_table([])
