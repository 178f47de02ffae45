"""A folder per identity (`ID_0001/img001.jpg`), perhaps below split folders (`train/ID_0001/img001.jpg`)."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import REQUIRED_COLUMNS, Catalogue, assemble
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.formats import OTHER_IMAGE_SUFFIXES, PHOTO_SUFFIXES, VIDEO_SUFFIXES, conversion_hint
from wildtrack.access.photos.reader import NOT_UNICODE, printable
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.errors import UserError

SPLIT_FOLDERS = frozenset({"train", "valid", "val", "test", "query", "gallery"})
EXPECTED = (
    f"expected IDENTITY/photo.jpg, or SPLIT/IDENTITY/photo.jpg with SPLIT one of {', '.join(sorted(SPLIT_FOLDERS))}"
)

_IMAGE_SUFFIXES = PHOTO_SUFFIXES | OTHER_IMAGE_SUFFIXES
_SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


def read_folders(root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read a folder per identity, perhaps below split folders; rows are in natural order, dates and places from EXIF.

    Raises a UserError for split and identity folders in one, a level too many, or when no photo can be used.
    """
    folders = _folders(root)
    splits = [folder for folder in folders if folder.name.casefold() in SPLIT_FOLDERS]
    if splits and len(splits) < len(folders):
        other = next(folder for folder in folders if folder not in splits)
        seen = f"{splits[0].name}/ reads as a split and {other.name}/ beside it as an identity"
        raise UserError(f"data = {root}: {seen}; {EXPECTED}")
    rows: list[dict[str, str]] = []
    problems = [loose for parent in (root, *splits) for loose in _loose_photos(parent, root)]
    for identity in [folder for parent in splits or [root] for folder in _folders(parent)]:
        photos, unusable = _photos(identity, root)
        problems += unusable
        subset = {"split": identity.parent.name.casefold()} if splits else {}
        rows += [{"image_id": path, "identity": identity.name, "path": path} | subset for path in photos]
    if not rows:
        found = f"; the first of {len(problems)} problems: {': '.join(problems[0])}" if problems else ""
        alone = f"; is this the folder of one animal? give the folder above, {root.resolve().parent}"
        above = alone if problems and not folders else ""
        raise UserError(f"data = {root}: no photo in a folder of its identity{found}{above}; {EXPECTED}")
    with ThreadPoolExecutor() as pool:
        exif = pd.DataFrame(list(pool.map(read_exif, (root / row["path"] for row in rows))))
    layout = "a folder per identity" + (f" in {' and '.join(split.name for split in splits)}" if splits else "")
    try:
        return assemble(layout, root, pd.concat([pd.DataFrame(rows), exif], axis=1), problems, config)
    except UserError as error:
        raise UserError(f"data = {root}: {error}") from error


def _photos(identity: Path, root: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """The photos of one identity folder, and what in it cannot be used; a level too many is an error."""
    photos: list[str] = []
    problems: list[tuple[str, str]] = []
    for entry in _visible(identity):
        path, suffix = _relative(entry, root), entry.suffix.lower()
        if entry.is_dir():
            problems += _videos_deeper(entry, root)
        elif suffix in PHOTO_SUFFIXES and path != entry.relative_to(root).as_posix():
            problems.append((path, NOT_UNICODE))
        elif suffix in PHOTO_SUFFIXES:
            photos.append(path)
        elif suffix in OTHER_IMAGE_SUFFIXES | VIDEO_SUFFIXES:
            problems.append((path, conversion_hint(suffix)))
    if not photos and not problems:
        problems.append((_relative(identity, root), "no photos in this identity folder"))
    return photos, problems


def _videos_deeper(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    """The videos below an identity's own folder; images there are an error. os.walk follows no links: loops end."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if Path(name).suffix.lower() in VIDEO_SUFFIXES:
                yield _relative(Path(parent) / name, root), conversion_hint(Path(name).suffix)
            if Path(name).suffix.lower() in _IMAGE_SUFFIXES:
                example, identity = _relative(Path(parent) / name, root), _relative(folder.parent, root)
                raise UserError(
                    f"data = {root}: {example} is a level too deep; {EXPECTED}. If {identity} is an animal, move its "
                    f"photos up into {identity}/; if it holds a folder per animal, give {folder.parent}; or name "
                    f"each photo's animal in {root / 'catalogue.csv'}, columns {', '.join(REQUIRED_COLUMNS)}"
                )


def _loose_photos(folder: Path, root: Path) -> Iterator[tuple[str, str]]:
    for entry in _visible(folder):
        if entry.suffix.lower() in _IMAGE_SUFFIXES | VIDEO_SUFFIXES and not entry.is_dir():
            yield _relative(entry, root), "not in an identity folder"


def _folders(parent: Path) -> list[Path]:
    return [entry for entry in _visible(parent) if entry.is_dir()]


def _visible(folder: Path) -> list[Path]:
    """The entries of a folder, without hidden and system files, in natural order."""
    names = [path.name for path in folder.iterdir()]
    shown = [name for name in names if name[0] != "." and name.casefold() not in _SYSTEM_NAMES]
    return [folder / name for name in sorted(shown, key=natural_key)]


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A sort key by which numbers inside names count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _relative(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix())
