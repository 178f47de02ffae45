"""Which photo each file name in a detector's file means; the detector may have run on another computer."""

from collections.abc import Sequence
from itertools import accumulate, takewhile
from pathlib import Path, PureWindowsPath
from posixpath import normpath

from wildtrack.access.photos.names import PhotoNames, name_key
from wildtrack.errors import UserError


def relative_names(names: Sequence[str], photos: Sequence[str], root: Path, source: Path) -> tuple[list[str], str]:
    """Each name relative to `root`, where that leads to photos, and what was left out of all of them ("" for nothing).

    Names may begin in `root`, in the folder of `source`, in a folder above `root`, or in one that they share.
    Raises a UserError when they fit the photos of two folders.
    """
    index = PhotoNames(photos)
    plain = [_in_root(name, root) for name in names]
    as_written = index.find(plain)
    folder = _below(root, source.resolve().parent)
    beside = [f"{folder}/{name}" for name in plain] if folder else plain
    found_beside = index.find(beside)
    count, count_beside = (sum(photo is not None for photo in found) for found in (as_written, found_beside))
    if folder and count == count_beside > 0:
        raise UserError(f"{source}: its names fit photos in {root} and in {root / folder}; move it out of {folder}")
    if count_beside > count:
        return beside, ""
    below = [_after(name, root.resolve().name) for name in plain]
    if sum(photo is not None for photo in index.find(below)) > count:
        return below, ""
    if count == len(plain):
        return plain, ""
    return _without_shared_folder(plain, index, set(photos)) or (plain, "")


def _without_shared_folder(names: list[str], index: PhotoNames, photos: set[str]) -> tuple[list[str], str] | None:
    """The names without a folder that begins all of them, if then each is a photo, or each photo is named; else None.

    Names without any folder have to be those of all photos: every camera has an IMG_0001.
    """
    split = [name.split("/") for name in names]
    same = takewhile(lambda parts: len(set(parts)) == 1, zip(*(parts[:-1] for parts in split), strict=False))
    for shared in accumulate((parts[0] for parts in same), "{}/{}".format):
        depth = shared.count("/") + 1
        found = index.find(shorter := ["/".join(parts[depth:]) for parts in split])
        known = [photo for photo in found if photo is not None]
        whole = len(known) == len(found), set(known) == photos  # of the names, of the photos
        bare = min(map(len, split)) == depth + 1
        there = Path(shared).is_absolute() and Path(shared).is_dir()  # with other photos, perhaps of another season
        if len(set(known)) == len(known) > 0 and (all(whole) if bare else any(whole)) and not there:
            return shorter, shared
    return None


def _in_root(file: str, root: Path) -> str:
    """A name as the catalogue writes paths, without the root if it begins with it."""
    path = normpath(PureWindowsPath(file).as_posix())
    for base in (root.absolute().as_posix(), root.resolve().as_posix()):
        if path.startswith(f"{base}/"):
            return path.removeprefix(f"{base}/")
    return path


def _below(root: Path, folder: Path) -> str:
    """`folder` relative to `root`; "" for the root itself, or where it is elsewhere."""
    inside = folder.is_relative_to(root.resolve())
    return folder.relative_to(root.resolve()).as_posix().removeprefix(".") if inside else ""


def _after(name: str, folder: str) -> str:
    """What follows `folder` in a name; the name itself where that is no part of it."""
    parts = name.split("/")
    keys = [name_key(part) for part in parts[:-1]]
    return "/".join(parts[keys.index(name_key(folder)) + 1 :]) if name_key(folder) in keys else name
