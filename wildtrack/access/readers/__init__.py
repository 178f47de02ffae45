"""Readers: one layout on disk a module. Each takes a path and returns a `Catalogue`."""

from pathlib import Path

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.readers.folders import read_folders
from wildtrack.access.readers.table import is_catalogue, read_table
from wildtrack.errors import UserError


def read(data: Path) -> Catalogue:
    """Detect the layout and read it.

    Args:
        data: a folder or a .csv file.

    Returns:
        The catalogue.

    Raises:
        UserError: the path is missing or neither of the two, or from the reader of its layout.
    """
    if not data.exists():
        raise UserError(f"data = {data}: no such file or folder; give a folder of photos or a catalogue.csv")
    if data.is_file():
        if data.suffix.lower() != ".csv":
            raise UserError(f"data = {data}: this file is not a .csv; give a folder of photos or a catalogue.csv")
        return read_table(data)
    if is_catalogue(data / "metadata.csv"):
        return read_table(data / "metadata.csv")
    return read_folders(data)
