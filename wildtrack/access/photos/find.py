"""The photos of a search: files, folders and patterns in, the photos they lead to out."""

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from wildtrack.access.photos.formats import PHOTO_SUFFIXES
from wildtrack.errors import UserError


def find_photos(names: Iterable[str]) -> list[Path]:
    """The photos meant by files, folders and patterns, each once, in that order.

    Raises:
        UserError: One of them leads to no photo.
    """
    found: dict[Path, None] = {}
    for name in names:
        names = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))  # noqa: PTH207 may be absolute
        photos = [photo for match in names for photo in _photos_at(Path(match))]
        if not names:
            raise UserError(f"{name!r} does not exist; name photos, folders of photos, or patterns such as 'new/*.jpg'")
        if not photos:
            raise UserError(f"{name!r} is no photo, and no folder or pattern that leads to one")
        found |= dict.fromkeys(photos)
    return list(found)


def _photos_at(path: Path) -> Iterator[Path]:
    """A file itself (whatever its name: the reader decides), or a folder's photos, deep down too."""
    if path.is_file():
        yield path
    else:
        yield from sorted(
            photo for photo in path.rglob("*") if photo.suffix.lower() in PHOTO_SUFFIXES and photo.is_file()
        )
