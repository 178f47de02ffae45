"""Whether a kept gallery still fits its photos: names, sizes and dates of files in, what changed in words out.

The catalogue is read, and content compared, only where these differ.
"""

import hashlib
import logging
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.labelled import labelled
from wildtrack.access.photos.digests import photo_digests
from wildtrack.access.photos.find import Walk, files_below
from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import ReadConfig
from wildtrack.address.gallery.gallery import Gallery, Source, gallery_table
from wildtrack.console import counted
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig

log = logging.getLogger(__name__)

NAMED = 3  # animals that a sentence names; of more it gives the number


@dataclass(frozen=True, eq=False)
class KnownPhotos:
    """The labelled photos of a catalogue as they are now."""

    data: Path
    reading: ReadConfig  # how the catalogue was read
    state: str  # `photos_state` of a folder, from before it was read; "" for a label file, whose photos it needs
    catalogue: Catalogue
    table: pd.DataFrame  # labelled rows
    digests: list[str]

    def changes_since(self, gallery: Gallery) -> str:
        """How they differ from those of a gallery, in words; "" for not."""
        return changes(gallery.table, gallery_table(self.table, self.digests))


def known_photos(data: Path, reading: ReadConfig, cache: CacheConfig) -> KnownPhotos:
    """Read a catalogue, and its photos' digests; a UserError where none is labelled."""
    state = photos_state(data, data, ()) if data.is_dir() else ""
    catalogue = load_catalogue(data, config=reading)
    table = labelled(catalogue)
    return KnownPhotos(data, reading, state, catalogue, table, photo_digests(table, catalogue.root, cache))


def is_current(gallery: Gallery) -> bool:
    """Whether photos are read as they were for a kept gallery, and are the same ones by names, sizes and dates."""
    source = gallery.source
    return source is not None and source.reader == READER_VERSION and source.state == current_state(gallery, source)


def current_state(gallery: Gallery, source: Source) -> str:
    """`photos_state` of the photos that a gallery was built of."""
    return photos_state(source.data, source.root, gallery.table["path"])


def outdated(gallery: Gallery, cache: CacheConfig) -> str:
    """How the photos differ from those that a kept gallery was built of, in words; "" where they do not."""
    source = gallery.source
    if source is None or is_current(gallery):
        return ""
    if not source.root.is_dir():
        return "their folder is gone"
    try:
        return known_photos(source.data, source.reading, cache).changes_since(gallery)
    except UserError as error:
        log.warning("The known photos changed, and cannot be read any more: %s.", error)
        return "they cannot be read as a catalogue any more"  # a page must not name folders


def photos_state(data: Path, root: Path, paths: Iterable[str]) -> str:
    """A digest of names, sizes and dates: of all files below a folder, or of a label file, its photos and folders."""
    if data.is_dir():
        lines = [f"{path} {_size_and_date(entry.stat)}" for path, entry in files_below(Walk(data))]
    else:  # what else lies around a label file may be anything; a photo that is added changes its folder's date
        photos = [root / path for path in set(paths)]
        files = {data, root, *photos, *(photo.parent for photo in photos)}
        lines = [f"{file} {_size_and_date(file.stat)}" for file in files]
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="surrogatepass")).hexdigest()


def changes(before: pd.DataFrame, now: pd.DataFrame) -> str:
    """How a gallery's table differs from what it was, such as "3 photos of Klara are not searched yet"; "" for not."""
    known, found = _rows(before), _rows(now)
    new, old = _in_words(found - known, "not searched yet"), _in_words(known - found, "gone or changed")
    return "; ".join(part for part in (new, old) if part)


def _rows(table: pd.DataFrame) -> "Counter[tuple[str, ...]]":
    return Counter(zip(table["identity"], table["path"], map(str, table["bbox"]), table["sha256"], strict=True))


def _in_words(rows: "Counter[tuple[str, ...]]", how: str) -> str:
    animals = Counter(identity for identity, *_ in rows.elements()).most_common()
    parts = [f"{counted(count, 'photo', 'photos')} of {name}" for name, count in animals[:NAMED]]
    if others := animals[NAMED:]:
        total = sum(count for _, count in others)
        parts.append(f"{counted(total, 'photo', 'photos')} of {counted(len(others), 'other animal', 'other animals')}")
    return f"{', '.join(parts)} {'is' if rows.total() == 1 else 'are'} {how}" if parts else ""


def _size_and_date(read: Callable[[], os.stat_result]) -> str:
    try:
        found = read()
    except OSError:  # it is gone
        return "-"
    return f"{0 if stat.S_ISDIR(found.st_mode) else found.st_size} {found.st_mtime_ns}"
