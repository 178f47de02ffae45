"""Photos of known animals: a catalogue in, its labelled rows and their pixels out."""

from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.photos.pixel_cache import Decoded, decode_catalogue
from wildtrack.access.problems import report_problems
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig


def labelled_photos(catalogue: Catalogue, size: tuple[int, int], cache: CacheConfig, problems: Path) -> Decoded:
    """Decode the photos of known individuals to `size` (height, width); list the others in the CSV `problems`."""
    photos = decode_catalogue(labelled(catalogue), catalogue.root, size, cache)
    report_problems(problems, catalogue.problems, photos.problems)
    return photos


def is_labelled(table: pd.DataFrame) -> bool:
    """Whether any row of a catalogue's table shows a known individual."""
    return bool((table["identity"] != UNKNOWN).any())


def labelled(catalogue: Catalogue) -> pd.DataFrame:
    """The catalogue's rows of known individuals; a UserError when there are none."""
    rows = catalogue.table[catalogue.table["identity"] != UNKNOWN]
    if rows.empty:
        raise UserError(f"no photo in {catalogue.root} says which animal it shows; name some in the column identity")
    return rows
