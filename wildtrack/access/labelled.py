"""Photos of named animals: a catalogue in, its named rows and their pixels out, the rest listed in a file."""

from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.photos.pixel_cache import Decoded, decode_catalogue
from wildtrack.access.problems import report_problems
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig


def labelled_photos(catalogue: Catalogue, size: tuple[int, int], cache: CacheConfig, problems: Path) -> Decoded:
    """Decode the photos of known individuals; write what was left out, and why, to the CSV `problems`.

    Args:
        catalogue: From `load_catalogue`.
        size: (height, width) in pixels.
        cache: Where the decoded photos are kept.
        problems: CSV to write.

    Raises:
        UserError: No photo is labelled, or none that is can be decoded.
    """
    photos = decode_catalogue(labelled(catalogue), catalogue.root, size, cache)
    report_problems(problems, catalogue.problems, photos.problems)
    return photos


def is_labelled(table: pd.DataFrame) -> bool:
    """Whether any row of a catalogue's table is of a known individual."""
    return bool((table["identity"] != UNKNOWN).any())


def labelled(catalogue: Catalogue) -> pd.DataFrame:
    """The catalogue's rows of known individuals; UserError when nobody is known."""
    rows = catalogue.table[catalogue.table["identity"] != UNKNOWN]
    if rows.empty:
        raise UserError(f"no photo in {catalogue.root} says which animal it shows; name some in the column identity")
    return rows
