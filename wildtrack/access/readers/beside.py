"""Photos that lie beside those of a CSV catalogue and are in no row of it; names only, no photo is opened."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from posixpath import commonpath, dirname, normpath, splitext

from wildtrack.access.photos.formats import PHOTO_SUFFIXES
from wildtrack.access.photos.reader import printable


def photos_beside(root: Path, paths: Sequence[str], passed_over: Iterable[str]) -> list[str]:
    """The photo files that nobody has listed, in the folder that all listed photos share, and below it.

    Hidden folders are passed over, and so are differences that a file system may make: case, and how accents are coded.

    Args:
        root: the folder that paths are relative to.
        paths: the photos in the catalogue; one at least.
        passed_over: the photos that are known to be left out.

    Returns:
        Paths relative to `root`, sorted.
    """
    known = {_key(normpath(path.replace("\\", "/"))) for path in (*paths, *passed_over)}
    shared = commonpath([dirname(path) for path in paths])
    found = []
    for folder, folders, names in os.walk(root / shared):
        folders[:] = [name for name in folders if not name.startswith(".")]
        parent = Path(folder).relative_to(root).as_posix()
        photos = (name for name in names if not name.startswith(".") and splitext(name)[1].lower() in PHOTO_SUFFIXES)
        found += [name if parent == "." else f"{parent}/{name}" for name in photos]
    return sorted(printable(path) for path in found if _key(path) not in known)


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
