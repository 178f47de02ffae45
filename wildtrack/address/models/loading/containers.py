"""Checks of the files that hold models and weights, before Keras opens them.

A zip file may promise any number of bytes. An HDF5 file can say that an array lies in another file, or that it has
more numbers than any machine. Keras checks most of that in `.keras` files, and none of it in `.h5` files.
"""

import io
import zipfile
from pathlib import Path
from typing import BinaryIO

import h5py

from wildtrack.errors import in_one_line

MAX_RATIO = 20  # bytes that come out to bytes in the file; Keras does not pack, and weights hardly compress
SMALL_BYTES = 100_000_000  # whatever the ratio, this is harmless
MAX_OBJECTS = 200_000  # the largest networks have some thousand arrays
WEIGHTS = "model.weights.h5"  # the member of a `.keras` file


class UnsafeFileError(Exception):
    """A file that must not be opened; the message is the reason, without the file's name."""


def check_keras(path: Path) -> None:
    """Raise UnsafeFileError for a `.keras` file far smaller than its content, or whose weights `check_hdf5` refuses.

    A damaged one raises OSError, ValueError, KeyError or zipfile.BadZipFile.
    """
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > max(SMALL_BYTES, MAX_RATIO * path.stat().st_size):
            raise UnsafeFileError(f"what is in it takes {unpacked / 1e9:.1f} GB, far more than the file")
        check_hdf5(io.BytesIO(archive.read(WEIGHTS)))


def check_hdf5(source: Path | BinaryIO) -> None:
    """Raise UnsafeFileError for a damaged HDF5 file, or one with links, or arrays elsewhere or far larger than it."""
    try:
        with h5py.File(source, "r") as file:
            reason = _bad_links(file) or _bad_arrays(file) or _repeated("", file) or file.visititems(_repeated)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, SystemError) as error:  # h5py has no one class
        raise UnsafeFileError(f"it is damaged ({in_one_line(error)})") from error
    if reason:
        raise UnsafeFileError(reason)


# HDF5 calls these functions or their inner ones; it passes no errors on, so they return a reason, which ends the visit.


def _bad_links(file: h5py.File) -> str | None:
    names: list[str] = []

    def look(name: str, link: h5py.HardLink | h5py.SoftLink | h5py.ExternalLink) -> str | None:
        names.append(name)
        if len(names) > MAX_OBJECTS:
            return f"it holds more than {MAX_OBJECTS} objects"
        return None if isinstance(link, h5py.HardLink) else f"{name!r:.200} in it is a link to elsewhere"

    found: str | None = file.visititems_links(look)
    return found


def _bad_arrays(file: h5py.File) -> str | None:
    sizes: list[int] = []

    def look(name: str, node: h5py.Group | h5py.Dataset) -> str | None:
        if not isinstance(node, h5py.Dataset):
            return None
        sizes.append(node.nbytes)
        if node.external or node.is_virtual:
            return f"the array {name!r:.200} lies in another file"
        if sum(sizes) > most:
            return f"up to the array {name!r:.200} it takes {sum(sizes) / 1e9:.1f} GB, far more than the file"
        return None

    most = max(SMALL_BYTES, MAX_RATIO * file.id.get_filesize())
    found: str | None = file.visititems(look)
    return found


def _repeated(_: str, node: h5py.Group | h5py.Dataset) -> str | None:
    """Keras reads every array that is listed, as often as it is; long lists are in several parts."""
    parts = [node.attrs[name] for name in node.attrs if name.startswith(("weight_names", "layer_names"))]
    listed = [name for part in parts for name in part]
    return "it lists an array more than once" if len(set(listed)) < len(listed) else None
