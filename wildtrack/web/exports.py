"""The catalogue with the confirmed photos, as tables to download."""

import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.exports import camtrapdp, without_positions
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.readers.table import write_table
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv
from wildtrack.web.service import Service

log = logging.getLogger(__name__)

LEFT_OUT = "left_out.csv"
CONFIRMED = "confirmed"  # the folder in which the tables name the confirmed photos


def whole_catalogue(service: Service, positions: bool) -> Catalogue:
    """The catalogue of the gallery and a row for each confirmed photo; a UserError where the catalogue is gone."""
    try:
        source = service.searcher.gallery.source
        if source is None:
            raise UserError("the gallery was not built from a catalogue")
        catalogue = load_catalogue(source.data, config=source.reading)
    except UserError as error:
        log.warning("%s", error)  # it names folders, which clients must not learn
        raise UserError("the catalogue cannot be read where it was; build the index again where it is now") from error
    found: list[dict[str, Any]] = []
    for seen in service.confirmed():
        path = service.store.file_of(seen.stored)
        row = {"image_id": f"sighting-{seen.id}", "identity": seen.identity, "path": f"{CONFIRMED}/{path.name}"}
        found.append({**row, "orientation": seen.viewpoint or None, **read_exif(path)})
    rows = pd.DataFrame(found, dtype=object)
    table = pd.concat([catalogue.table, rows], ignore_index=True) if len(rows) else catalogue.table
    if not positions:
        table = without_positions(table)
    return Catalogue(catalogue.root, table, problem_table([]), catalogue.understood)


def catalogue_csv(service: Service, positions: bool) -> bytes:
    """The table as a CSV file; see `whole_catalogue`."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.csv"
        write_table(whole_catalogue(service, positions).table, path)
        return path.read_bytes()


def camtrapdp_zip(service: Service, positions: bool) -> tuple[bytes, int]:
    """A Camera Trap Data Package as a ZIP file, and how many rows it leaves out or changes: see its `left_out.csv`."""
    with TemporaryDirectory() as folder:
        package = Path(folder) / "package"
        _, problems = camtrapdp.write(whole_catalogue(service, positions), package, None)
        if len(problems):
            write_csv(package / LEFT_OUT, problems)
        return Path(shutil.make_archive(f"{folder}/packed", "zip", package)).read_bytes(), len(problems)
