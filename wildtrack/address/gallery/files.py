"""The gallery on disk: a sealed set of files in the artifacts folder, opened with every part checked."""

import logging
from dataclasses import asdict
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from wildtrack.access.cells import parse_bbox
from wildtrack.access.reading import ReadConfig
from wildtrack.address.features.keypoints import KIND
from wildtrack.address.gallery.gallery import COLUMNS, Gallery, Source
from wildtrack.address.gallery.index import build_index, is_exact, read_index, write_index
from wildtrack.address.matching.local.files import open_keypoints, write_keypoints
from wildtrack.address.models.fingerprint import current_fingerprint
from wildtrack.console import program
from wildtrack.errors import UserError, in_one_line
from wildtrack.storage.files import open_array, write_csv
from wildtrack.storage.sealed import SealedSet

log = logging.getLogger(__name__)

REBUILD = f"build it again: {program('search')} --rebuild, with the same --artifacts and --data"


def gallery_files(folder: Path) -> SealedSet:
    """The gallery's sealed set, apart from the model's in the same artifacts folder."""
    return SealedSet(folder, "index_manifest.json", ".staging-index", REBUILD)


def save_gallery(gallery: Gallery, folder: Path) -> Gallery:
    """Write a gallery as one set of files, and open it; it needs a source, all `COLUMNS`, and no recent photos."""
    if gallery.source is None or gallery.recent is not None:
        raise ValueError("A gallery that is kept has a source, and no recent photos.")
    source, index = gallery.source, build_index(gallery.embeddings)
    boxes = ["" if box is None else str(list(box)) for box in gallery.table["bbox"]]

    def write(staging: Path) -> None:
        write_index(index, staging / "index.faiss")
        np.save(staging / "embeddings.npy", gallery.embeddings.astype(np.float32, copy=False), allow_pickle=False)
        write_csv(staging / "meta.csv", gallery.table.assign(bbox=boxes)[list(COLUMNS)])
        if gallery.keypoints is not None:
            write_keypoints(gallery.keypoints, staging)

    about = {
        "fingerprint": source.fingerprint,
        "root": source.root.resolve().as_posix(),
        "data": source.data.resolve().as_posix(),
        "reading": asdict(source.reading),
        "reader": source.reader,
        "state": source.state,
        "photos": len(gallery),
        "keypoints": "" if gallery.keypoints is None else KIND,
        "index": "exact" if is_exact(index) else "product quantisation",
    }
    gallery_files(folder).replace(write, about)
    opened = read_gallery(folder, source.fingerprint, gallery.embeddings.shape[1], gallery.keypoints is not None)
    if opened is None:
        raise UserError(f"the gallery in {folder} cannot be read back; is its disk sound and not full?")
    return opened


def read_gallery(folder: Path, fingerprint: str, dimensions: int, with_keypoints: bool = False) -> Gallery | None:
    """Open the gallery in an artifacts folder, large arrays mapped from disk; None where there is none yet.

    A UserError where it is damaged, was made by a model other than that of the fingerprint, or lacks keypoints. One by
    an earlier photo reader is opened, its `source` says by which.
    """
    about = gallery_files(folder).open()
    if about is None:
        return None
    reader = about.get("reader", 1)
    if not isinstance(reader, int) or current_fingerprint(str(about.get("fingerprint")), reader) != fingerprint:
        reason = "was made by another model, so its embeddings mean nothing to this one"
        raise UserError(f"the index in {folder} {reason}; {REBUILD}")
    kind = str(about.get("keypoints", "")).partition(" reader ")[0]  # an earlier version named the reader there
    if with_keypoints and kind != KIND:
        found = "with keypoints of another kind" if kind else "without keypoints"
        raise UserError(f"the index in {folder} was built {found}, and the matcher compares them; {REBUILD}")
    try:
        table = pd.read_csv(folder / "meta.csv", dtype=str, keep_default_na=False)[list(COLUMNS)]
        table["bbox"] = pd.Series([parse_bbox(box) if box else None for box in table["bbox"]], dtype=object)
        embeddings = np.asarray(open_array(folder / "embeddings.npy"))
        if embeddings.shape != (len(table), dimensions) or embeddings.dtype != np.float32:
            found = f"{embeddings.dtype} {embeddings.shape}"
            raise ValueError(f"embeddings.npy holds {found}, and not float32 {(len(table), dimensions)}")
        index = read_index(folder / "index.faiss", len(table), dimensions)
        keypoints = open_keypoints(folder) if with_keypoints else None
        if keypoints is not None and len(keypoints.gallery) != len(table):
            raise ValueError(f"the keypoints are of {len(keypoints.gallery)} photos, not of {len(table)}")
        reading = msgspec.convert(about.get("reading", {}), ReadConfig)
        source = Source(
            Path(about["root"]),
            Path(about["data"]),
            fingerprint,
            reading=reading,
            reader=reader,
            state=str(about.get("state", "")),
            with_keypoints=kind == KIND,
        )
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing; {REBUILD}") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        reason = in_one_line(error)
        raise UserError(f"the index in {folder} cannot be read: {reason}; {REBUILD}") from error
    if isinstance(about.get("sketches_find"), float):  # as version 0.1 had it for more than 200,000 photos
        log.warning("An earlier version built this gallery: each of its photos is compared; --rebuild is quicker.")
    return Gallery(table, embeddings, keypoints, index, source=source)
