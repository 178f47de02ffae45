"""The search index: every known photo's embedding, who it shows, and the ranking of a new photo against them."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd

from wildtrack.access.cells import parse_bbox
from wildtrack.address.keypoints import SETTINGS
from wildtrack.address.local import LocalIndex
from wildtrack.address.local_files import open_keypoints, write_keypoints
from wildtrack.errors import UserError
from wildtrack.fileset import FileSet

log = logging.getLogger(__name__)

REBUILD = "build it again: the same command with --rebuild"
META_COLUMNS = ("image_id", "identity", "path", "bbox", "orientation", "date", "sha256")


@dataclass(frozen=True)
class Index:
    """Known photos, row by row: a FAISS index over their embeddings and a table of who they are."""

    faiss_index: faiss.Index  # inner product over (N, D) unit vectors
    meta: pd.DataFrame  # META_COLUMNS, one row an indexed photo, "" where unknown; bbox (x, y, w, h) or None
    root: Path  # what meta's paths are relative to
    data: Path  # the catalogue it was built from: a folder or a CSV, absolute
    fingerprint: str  # the model that made the embeddings
    local: LocalIndex | None = None  # the photos' keypoints, where the ranker goes by them

    @property
    def embeddings(self) -> np.ndarray:
        """float32 (N, D)."""
        found: np.ndarray = self.faiss_index.reconstruct_n(0, self.faiss_index.ntotal)
        return found


def index_files(folder: Path) -> FileSet:
    """The index's own sealed set, which lives beside the model's in the artifacts folder."""
    return FileSet(folder, "index_manifest.json", ".staging-index", REBUILD)


def save_index(
    folder: Path,
    embeddings: np.ndarray,
    meta: pd.DataFrame,
    root: Path,
    data: Path,
    fingerprint: str,
    local: LocalIndex | None = None,
) -> Index:
    """Write `index.faiss`, `embeddings.npy`, `meta.csv` and perhaps `keypoint_*.npy` as one set, and return the index.

    Args:
        folder: The artifacts folder.
        embeddings: float32 (N, D), length one, N >= 1.
        meta: META_COLUMNS, N rows, as `Index` has them.
        root: What the paths are relative to.
        data: The catalogue they came from: a folder or a CSV.
        fingerprint: The model that made the embeddings.
        local: Their keypoints, where the ranker goes by them.
    """
    faiss_index = _exact(embeddings)
    boxes = ["" if box is None else str(list(box)) for box in meta["bbox"]]

    def write(staging: Path) -> None:
        # through memory, because FAISS cannot open every unicode path on Windows
        (staging / "index.faiss").write_bytes(faiss.serialize_index(faiss_index).tobytes())
        np.save(staging / "embeddings.npy", embeddings.astype(np.float32), allow_pickle=False)
        table = meta.assign(bbox=boxes)
        table.to_csv(staging / "meta.csv", index=False, lineterminator="\n", columns=list(META_COLUMNS))
        if local is not None:
            write_keypoints(local, staging)

    about = {
        "fingerprint": fingerprint,
        "root": root.resolve().as_posix(),
        "data": data.resolve().as_posix(),
        "photos": len(meta),
        "keypoints": "" if local is None else SETTINGS,
    }
    index_files(folder).replace(write, about)
    return Index(faiss_index, meta, root.resolve(), data.resolve(), fingerprint, local)


def _exact(embeddings: np.ndarray) -> faiss.IndexFlatIP:
    """The FAISS index that compares a query with every one of the embeddings, (N, D)."""
    faiss_index = faiss.IndexFlatIP(embeddings.shape[1])
    faiss_index.add(np.ascontiguousarray(embeddings, dtype=np.float32))
    return faiss_index


def open_index(folder: Path, fingerprint: str, dimensions: int, with_keypoints: bool = False) -> Index | None:
    """Open the index, every file checked; None when there is none yet.

    The exact index is made from `embeddings.npy`, so that FAISS never has to parse a file that others may have
    written; `index.faiss` is for other programs.

    Args:
        folder: The artifacts folder.
        fingerprint: Of the model that will embed the queries.
        dimensions: Length of that model's embeddings.
        with_keypoints: Whether they are needed.

    Raises:
        UserError: The index is damaged, incomplete, of an older kind, or was made by another model.
    """
    about = index_files(folder).open()
    if about is None:
        return None
    if "data" not in about:
        raise UserError(
            f"the index in {folder} is of an older kind that does not say what it was built from; {REBUILD}"
        )
    if about["fingerprint"] != fingerprint:
        raise UserError(
            f"the index in {folder} was made by another model, so its embeddings mean nothing to this one; {REBUILD}"
        )
    try:
        meta = pd.read_csv(folder / "meta.csv", dtype=str, keep_default_na=False)[list(META_COLUMNS)]
        meta["bbox"] = pd.Series([parse_bbox(box) if box else None for box in meta["bbox"]], dtype=object)
        embeddings = np.load(folder / "embeddings.npy", mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing; {REBUILD}") from error
    except (ValueError, KeyError, EOFError) as error:
        raise UserError(
            f"the index in {folder} cannot be read: {' '.join(str(error).split())[:200]}; {REBUILD}"
        ) from error
    if embeddings.shape != (len(meta), dimensions) or embeddings.dtype != np.float32:
        raise UserError(
            f"{folder / 'embeddings.npy'} holds {embeddings.dtype} {embeddings.shape}, and not float32 "
            f"{(len(meta), dimensions)}: the rows of meta.csv, and the length of the model's embeddings; {REBUILD}"
        )
    local = _keypoints(folder, about, len(meta)) if with_keypoints else None
    return Index(_exact(embeddings), meta, Path(about["root"]), Path(about["data"]), about["fingerprint"], local)


def _keypoints(folder: Path, about: dict[str, Any], photos: int) -> LocalIndex:
    if about.get("keypoints", "") != SETTINGS:
        found = "without keypoints" if not about.get("keypoints") else "with keypoints of another kind"
        raise UserError(f"the index in {folder} was built {found}, and the ranker goes by them; {REBUILD}")
    try:
        local = open_keypoints(folder)
    except UserError as error:
        raise UserError(f"{error}; {REBUILD}") from error
    if len(local.gallery) != photos:
        raise UserError(f"the keypoints in {folder} are of {len(local.gallery)} photos, not of {photos}; {REBUILD}")
    return local


def nearest_photos(index: Index, embedding: np.ndarray, num_identities: int, excluded: np.ndarray) -> pd.DataFrame:
    """Rank known photos for one query until enough identities have turned up.

    Args:
        index: What to search.
        embedding: float32 (D,), length one.
        num_identities: How many identities are wanted; fewer come back when fewer are known.
        excluded: bool (N,): indexed photos that may not answer, such as the query itself.

    Returns:
        `meta` rows of each identity's best photo, the best identity first, with a column `similarity`
        (cosine, -1 to 1) and `row`; ties by indexed row.
    """
    total = len(index.meta)
    wanted = min(total, 8 * num_identities + int(excluded.sum()))
    while True:
        similarity, rows = (found[0] for found in index.faiss_index.search(embedding[None].astype(np.float32), wanted))
        order = np.lexsort((rows, -similarity))
        ranked = index.meta.iloc[rows[order]].assign(similarity=np.clip(similarity[order], -1.0, 1.0), row=rows[order])
        best: pd.DataFrame = ranked[~excluded[rows[order]]].drop_duplicates("identity").head(num_identities)
        # a photo as similar as the last one found may not have turned up yet, and may come before it by row
        settled = len(best) == num_identities and similarity.min() < best["similarity"].iloc[-1]
        if settled or wanted == total:
            return best.reset_index(drop=True)
        wanted = min(total, 4 * wanted)
