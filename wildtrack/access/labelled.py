"""From a folder or CSV to photos that can be worked with, what cannot be used being reported on the way."""

from pathlib import Path

import pandas as pd

from wildtrack.access.cache import default_cache
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.pixels import Decoded, decode_catalogue
from wildtrack.access.problems import report_problems
from wildtrack.console import track
from wildtrack.files import sha256


def labelled_photos(catalogue: Catalogue, size: tuple[int, int], cache_gb: float, problems: Path) -> Decoded:
    """Decode the photos of known individuals; write what was left out, and why, to the CSV `problems`.

    Args:
        catalogue: From `load_catalogue`.
        size: (height, width) in pixels.
        cache_gb: What the pixel cache may take on disk.
        problems: CSV to write.

    Raises:
        UserError: No labelled photo can be decoded.
    """
    known = catalogue.table[catalogue.table["identity"] != UNKNOWN]
    photos = decode_catalogue(known, catalogue.root, size, default_cache(), cache_gb)
    report_problems(problems, catalogue.problems, photos.problems)
    return photos


def photo_contents(table: pd.DataFrame, root: Path) -> list[str]:
    """Name what is in each row's photo, wherever it lies: the hex SHA-256 of its file, "" where it cannot be read.

    Args:
        table: Catalogue rows with `path`.
        root: The folder that `path` is relative to.
    """
    paths = table["path"].unique()
    contents = {path: _content(root / path) for path in track(paths, "Checking photos", total=len(paths))}
    return [contents[path] for path in table["path"]]


def _content(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:  # its pixels may still be in the cache
        return ""
