"""From a folder or CSV to photos that can be worked with, what cannot be used being reported on the way."""

from pathlib import Path

from wildtrack.access.catalogue import UNKNOWN, Catalogue
from wildtrack.access.pixels import Decoded, decode_catalogue, default_cache
from wildtrack.access.problems import report_problems


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
