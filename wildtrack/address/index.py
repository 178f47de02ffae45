"""The search index: every known photo's embedding, who it shows, and the ranking of a new photo against them."""

import logging
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import pandas as pd

from wildtrack.errors import UserError
from wildtrack.fileset import FileSet

log = logging.getLogger(__name__)

REBUILD = "build it again: python search.py --rebuild"
META_COLUMNS = ("image_id", "identity", "path", "orientation", "date", "sha256")


@dataclass(frozen=True)
class Index:
    """Known photos, row by row: a FAISS index over their embeddings and a table of who they are."""

    faiss_index: faiss.Index  # inner product over (N, D) unit vectors
    meta: pd.DataFrame  # META_COLUMNS, one row an indexed photo, "" where unknown
    root: Path  # what meta's paths are relative to
    fingerprint: str  # the model that made the embeddings


def index_files(folder: Path) -> FileSet:
    """The index's own sealed set, which lives beside the model's in the artifacts folder."""
    return FileSet(folder, "index_manifest.json", ".staging-index", REBUILD)


def save_index(folder: Path, embeddings: np.ndarray, meta: pd.DataFrame, root: Path, fingerprint: str) -> None:
    """Write `index.faiss`, `embeddings.npy` and `meta.csv` as one set.

    Args:
        folder: The artifacts folder.
        embeddings: float32 (N, D), length one, N >= 1.
        meta: META_COLUMNS, N rows.
        root: What the paths are relative to.
        fingerprint: The model that made the embeddings.
    """
    faiss_index = faiss.IndexFlatIP(embeddings.shape[1])
    faiss_index.add(np.ascontiguousarray(embeddings, dtype=np.float32))

    def write(staging: Path) -> None:
        # through memory, because FAISS cannot open every unicode path on Windows
        (staging / "index.faiss").write_bytes(faiss.serialize_index(faiss_index).tobytes())
        np.save(staging / "embeddings.npy", embeddings.astype(np.float32), allow_pickle=False)
        meta.to_csv(staging / "meta.csv", index=False, lineterminator="\n", columns=list(META_COLUMNS))

    about = {"fingerprint": fingerprint, "root": root.resolve().as_posix(), "photos": len(meta)}
    index_files(folder).replace(write, about)


def open_index(folder: Path, fingerprint: str) -> Index | None:
    """Open the index, every file checked; None when there is none yet.

    Args:
        folder: The artifacts folder.
        fingerprint: Of the model that will embed the queries.

    Raises:
        UserError: The index is damaged, incomplete, or was made by another model.
    """
    about = index_files(folder).open()
    if about is None:
        return None
    if about["fingerprint"] != fingerprint:
        raise UserError(
            f"the index in {folder} was made by another model, so its embeddings mean nothing to this one; {REBUILD}"
        )
    try:
        meta = pd.read_csv(folder / "meta.csv", dtype=str, keep_default_na=False)
        faiss_index = faiss.deserialize_index(np.frombuffer((folder / "index.faiss").read_bytes(), dtype=np.uint8))
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing; {REBUILD}") from error
    return Index(faiss_index, meta, Path(about["root"]), about["fingerprint"])


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
