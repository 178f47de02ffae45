"""HDF5 files of weights from elsewhere, looked through before Keras reads them.

HDF5 can say that an array lies in another file, or that it has more numbers than any machine, and both would be
believed. Keras checks the weights in its own format, and not those in `.h5` files.
"""

from pathlib import Path

import h5py

MAX_RATIO = 1000  # bytes of numbers a stored byte may stand for; weights hardly compress
SMALL_BYTES = 100_000_000  # whatever the ratio, this is harmless
MAX_OBJECTS = 200_000  # the largest networks have some thousand arrays


def check_hdf5(path: Path) -> None:
    """Refuse a file with links, with arrays that lie elsewhere, or with arrays far larger than the file.

    Args:
        path: An HDF5 file, which is not changed.

    Raises:
        ValueError: It holds what is refused; the message names it.
        OSError: It is damaged.
    """
    names: list[str] = []

    def refuse_links(name: str, link: h5py.HardLink | h5py.SoftLink | h5py.ExternalLink) -> None:
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name!r:.200} is a link to elsewhere")
        names.append(name)
        if len(names) > MAX_OBJECTS:
            raise ValueError(f"it holds more than {MAX_OBJECTS} objects")

    def refuse_arrays(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(node, h5py.Dataset):
            return
        if node.external or node.is_virtual:
            raise ValueError(f"the array {name!r:.200} lies in another file")
        if node.nbytes > max(SMALL_BYTES, MAX_RATIO * node.id.get_storage_size()):
            raise ValueError(f"the array {name!r:.200} would take {node.nbytes / 1e9:.0f} GB, far more than the file")

    with h5py.File(path, "r") as file:
        file.visititems_links(refuse_links)
        file.visititems(refuse_arrays)
