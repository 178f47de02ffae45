"""The files that models and weights come in, looked through before Keras opens them.

A zip file may promise any number of bytes. An HDF5 file can say that an array lies in another file, or that it has
more numbers than any machine. Keras checks most of that in `.keras` files, and none of it in `.h5` files.
"""

import io
import zipfile
from pathlib import Path
from typing import BinaryIO

import h5py

MAX_ZIP_RATIO = 100  # unpacked to packed bytes; Keras does not pack
MAX_HDF5_RATIO = 1000  # bytes of numbers to bytes in the file; weights hardly compress
SMALL_BYTES = 100_000_000  # whatever the ratio, this is harmless
MAX_OBJECTS = 200_000  # the largest networks have some thousand arrays
WEIGHTS = "model.weights.h5"  # the member of a `.keras` file


class UnsafeFileError(Exception):
    """A file that must not be opened; the message is the reason, without the file's name."""


def check_keras(path: Path) -> None:
    """Refuse a `.keras` file that is far smaller than what it holds, or whose weights `check_hdf5` refuses.

    Raises:
        UnsafeFileError: It is one.
        OSError, ValueError, KeyError, zipfile.BadZipFile: It is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > max(SMALL_BYTES, MAX_ZIP_RATIO * member.compress_size):
                size = member.file_size / 1e9
                raise UnsafeFileError(f"{member.filename!r:.200} in it takes {size:.1f} GB, far more than the file")
        check_hdf5(io.BytesIO(archive.read(WEIGHTS)))


def check_hdf5(source: Path | BinaryIO) -> None:
    """Refuse an HDF5 file with links, with arrays that lie elsewhere, or with arrays far larger than the file.

    Args:
        source: The file, which is not changed.

    Raises:
        UnsafeFileError: It holds what is refused.
        OSError: It is damaged.
    """
    names: list[str] = []

    # What is returned ends the visit; HDF5, which calls these, can pass no exceptions on.
    def bad_link(name: str, link: h5py.HardLink | h5py.SoftLink | h5py.ExternalLink) -> str | None:
        names.append(name)
        if len(names) > MAX_OBJECTS:
            return f"it holds more than {MAX_OBJECTS} objects"
        return None if isinstance(link, h5py.HardLink) else f"{name!r:.200} in it is a link to elsewhere"

    def bad_array(name: str, node: h5py.Group | h5py.Dataset) -> str | None:
        if not isinstance(node, h5py.Dataset):
            return None
        if node.external or node.is_virtual:
            return f"the array {name!r:.200} lies in another file"
        if node.nbytes > max(SMALL_BYTES, MAX_HDF5_RATIO * node.id.get_storage_size()):
            return f"the array {name!r:.200} takes {node.nbytes / 1e9:.1f} GB, far more than the file"
        return None

    with h5py.File(source, "r") as file:
        reason = file.visititems_links(bad_link) or file.visititems(bad_array)
    if reason:
        raise UnsafeFileError(reason)
