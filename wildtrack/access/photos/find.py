"""The photos that files, folders and patterns lead to."""

import glob
from collections.abc import Iterable
from pathlib import Path

from wildtrack.access.photos.formats import PHOTO_SUFFIXES
from wildtrack.errors import UserError


def find_photos(names: Iterable[str]) -> list[Path]:
    """The photos of files (of any suffix), folders (at any depth) and patterns, each once; a UserError for none."""
    found: dict[Path, None] = {}
    for name in names:
        matches = [name] if Path(name).exists() else sorted(glob.glob(name, recursive=True))  # noqa: PTH207 may be absolute
        photos = [photo for match in matches for photo in _photos_at(Path(match))]
        if not matches:
            raise UserError(f"{name!r} does not exist; name photos, folders of photos, or patterns such as 'new/*.jpg'")
        if not photos:
            raise UserError(f"{name!r} is no photo, and no folder or pattern that leads to one")
        found |= dict.fromkeys(photos)
    return list(found)


def _photos_at(path: Path) -> list[Path]:
    below = (photo for photo in path.rglob("*") if photo.suffix.lower() in PHOTO_SUFFIXES and photo.is_file())
    return [path] if path.is_file() else sorted(below)
