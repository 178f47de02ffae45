"""The photos that files, folders and patterns lead to: the one walk through folders, and what it leaves out."""

import glob
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from wildtrack.access.photos.formats import NO_PHOTO, PHOTO_SUFFIXES, why_no_photo
from wildtrack.access.photos.reader import NOT_A_FILE
from wildtrack.console import some
from wildtrack.errors import UserError
from wildtrack.storage.ownership import is_as_written, is_output_folder

log = logging.getLogger(__name__)

_SYSTEM = re.compile(  # Synology, QNAP, Windows, macOS, Linux, Office, Lightroom
    r"@eadir|@tmp|@recycle|@recently-snapshot|@share(bin|snap)|#recycle|#snapshot|~snapshot|\$recycle\.bin|recycle[rd]|"
    r"system volume information|thumbs\.db|ehthumbs\.db|desktop\.ini|__macosx|network trash folder|temporary items|"
    r"lost\+found|found\.\d{3}|\._.*|\.trash.*|\.@__thumb|\.appledouble|~\$.*|.*\.lrdata",
    re.IGNORECASE,
)
_IN_ICLOUD = ".icloud"  # hidden files that stand for photos


@dataclass
class Walk:
    """What is in a folder and below it; paths are POSIX, relative to it, in natural order."""

    root: Path
    photos: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)  # (path, reason): videos, raw files, broken links
    passed_over: list[tuple[str, str]] = field(default_factory=list)  # (path, reason): what nobody takes for a photo
    folders: list[str] = field(default_factory=list)

    @property
    def others(self) -> list[str]:
        """The files that are no photos."""
        return [path for path, reason in self.passed_over if reason == NO_PHOTO]

    def in_words(self) -> str:
        """What was passed over, counted by reason; "" for nothing."""
        texts = []
        for reason in dict.fromkeys(reason for _, reason in self.passed_over):
            paths = [PurePath(path) for path, each in self.passed_over if each == reason]
            kinds = dict.fromkeys((path.suffix if reason == NO_PHOTO else "") or path.name for path in paths)
            texts.append(f"{reason}: {len(paths)} ({some(kinds)})")
        return f"passed over: {'; '.join(texts)}" if texts else ""


def walk(root: Path) -> Walk:
    """What is in a folder and below it."""
    found = Walk(root)
    for path, entry in files_below(found):
        _sort_in(found, path, _is(entry.is_file))
    for paths in (found.photos, found.folders):
        paths.sort(key=_natural_path)
    for pairs in (found.problems, found.passed_over):
        pairs.sort(key=lambda pair: _natural_path(pair[0]))
    return found


def files_below(found: Walk) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Each file that is not set aside, with its path; folders, and what is set aside, are added to `found`.

    Every folder is looked into once, links to folders after the folders themselves, so that loops end.
    """
    root, real_root = found.root, os.path.realpath(found.root)
    pending, links, seen = [""], list[str](), set[str]()
    while pending or links:
        folder = pending.pop() if pending else links.pop(0)
        real = os.path.realpath(root / folder)
        if real in seen or (folder and real_root.startswith(os.path.join(real, ""))):  # noqa: PTH118
            found.passed_over.append((folder, "a link to a folder that is read already"))
            continue
        seen.add(real)
        try:
            with os.scandir(root / folder) as listing:
                entries = list(listing)
        except OSError as error:
            found.problems.append((folder or ".", f"cannot be opened: {error.strerror}"))
            continue
        if folder and is_output_folder(entry.name for entry in entries):
            found.passed_over.append((folder, "WildTrack's own output"))
            continue
        if folder:
            found.folders.append(folder)
        for entry in entries:
            path, is_folder = (f"{folder}/{entry.name}" if folder else entry.name), _is(entry.is_dir)
            if reason := _why_set_aside(entry.name):
                if is_folder or _is_photo_by_name(path):  # .DS_Store and the like need no word
                    found.passed_over.append((path, reason))
            elif is_folder:
                (links if entry.is_symlink() else pending).append(path)
            else:
                yield path, entry
        links.sort(key=_natural_path)


def find_photos(names: Iterable[str]) -> list[Path]:
    """The photos of files (of any suffix), folders (at any depth) and patterns, each once; a UserError for none.

    What lies in the folders and cannot be read or is passed over is counted in the log.
    """
    found: dict[Path, None] = {}
    for name in names:
        matches = [name] if Path(name).exists() else _matches(name)
        photos = [photo for match in matches for photo in _photos_at(Path(match))]
        if not matches:
            raise UserError(f"{name!r} does not exist; name photos, folders of photos, or patterns such as 'new/*.jpg'")
        if not photos:
            raise UserError(f"{name!r} is no photo, and no folder or pattern that leads to one")
        found |= dict.fromkeys(photos)
    return list(found)


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A sort key by which numbers inside names count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _natural_path(path: str) -> list[tuple[list[str | int], str]]:
    return [natural_key(part) for part in path.split("/")]


def _sort_in(found: Walk, path: str, is_file: bool) -> None:
    """Add a file to the photos, the problems or to what is passed over."""
    file = found.root / path
    if file.name.endswith(_IN_ICLOUD):
        found.problems.append((path, "in iCloud only: download it first"))
        return
    if is_file:
        reason = why_no_photo(file.name, b"" if _is_photo_by_name(path) else _head(file))
    else:
        reason = NOT_A_FILE if file.exists() else "a link that leads nowhere"
    if reason is None:
        found.photos.append(path)
    elif not reason.startswith(NO_PHOTO):
        found.problems.append((path, reason))
    elif not is_as_written(file):
        found.passed_over.append((path, reason))


def _is_photo_by_name(path: str) -> bool:
    return PurePath(path).suffix.lower() in PHOTO_SUFFIXES


def _head(file: Path) -> bytes:
    """The first 12 bytes of a file; none where it cannot be opened."""
    try:
        with file.open("rb") as stream:
            return stream.read(12)
    except OSError:
        return b""


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link to itself
        return False


def _why_set_aside(name: str) -> str | None:
    """Why nobody's photos are in a file or folder of that name, such as @eaDir of a NAS; None for others."""
    if _SYSTEM.fullmatch(name):
        return "thumbnails, bins and other files of the system"
    return "hidden" if name.startswith(".") and not name.endswith(_IN_ICLOUD) else None


def _matches(pattern: str) -> list[str]:
    """The files and folders that fit a pattern, without those of the system unless the pattern names them."""
    named = set(PurePath(pattern).parts)
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (may be absolute)
    return [match for match in found if not any(map(_why_set_aside, set(PurePath(match).parts) - named))]


def _photos_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = walk(path)
    if found.problems:
        log.warning("Left out in %s: %d, the first: %s: %s", path, len(found.problems), *found.problems[0])
    if words := found.in_words():
        log.info("%s: %s.", path, words)
    return [path / photo for photo in found.photos]
