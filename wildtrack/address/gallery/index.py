"""The search index: every known photo's embedding, who it shows, and the ranking of a new photo against them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cells import parse_bbox
from wildtrack.address.features.keypoints import SETTINGS, Keypoints
from wildtrack.address.gallery.nearest import Floats, Rows, nearest
from wildtrack.address.gallery.sketches import SketchIndex, learn_sketches, open_sketches, write_sketches
from wildtrack.address.matching.local.files import open_keypoints, write_keypoints
from wildtrack.address.matching.local.voting import LocalIndex
from wildtrack.console import program
from wildtrack.errors import UserError
from wildtrack.storage.files import open_array, write_csv
from wildtrack.storage.sealed import SealedSet

log = logging.getLogger(__name__)

REBUILD = f"build it again: {program('search')} --rebuild, with the same --artifacts and --data"
META_COLUMNS = ("image_id", "identity", "path", "bbox", "orientation", "date", "sha256")
APPROXIMATE_FROM = 200_000  # photos; below, the exact search takes less time than the embedding of a query
FOUND = 0.98  # share of the most similar photos that an approximate search must find, or it is not used
LEAST = 100  # photos that are looked at, to begin with
MOST = 0.1  # share of the photos that is looked for approximately; beyond it that takes as long as the exact search

Bools = npt.NDArray[np.bool_]

# What photos are ranked by, (M,), from their similarities and their rows, (M,) each; for the same photo, a higher
# similarity never gives less. With None for the rows: the most that any photos of these similarities could have.
Score = Callable[[Floats, Rows | None], npt.NDArray[np.floating]]


@dataclass(frozen=True)
class Index:
    """Known photos, row by row: their embeddings and a table of who they are."""

    embeddings: Floats  # (N, D), length one; mapped from disk
    meta: pd.DataFrame  # META_COLUMNS, one row an indexed photo, "" where unknown; bbox (x, y, w, h) or None
    root: Path  # what meta's paths are relative to
    data: Path  # the catalogue it was built from: a folder or a CSV, absolute
    fingerprint: str  # the model that made the embeddings
    local: LocalIndex | None = None  # the photos' keypoints, where the matcher goes by them
    approximate: SketchIndex | None = None  # of the embeddings, where there are many, and it finds enough
    recent: Floats | None = None  # (M, D), length one, in memory: of photos that came after; the last M rows

    @property
    def all_embeddings(self) -> Floats:
        """Those of all rows; a copy where there are recent ones."""
        return self.embeddings if self.recent is None else np.concatenate([self.embeddings, self.recent])

    def extended(self, recent: Floats, meta: pd.DataFrame, keypoints: Sequence[Keypoints]) -> "Index":
        """These photos and some more after them; this index stays as it is, and they share what is large.

        Args:
            recent: float32 (M, D), length one.
            meta: META_COLUMNS, M rows.
            keypoints: M of them, where this index has keypoints.
        """
        if not len(recent):
            return self
        return replace(
            self,
            recent=recent if self.recent is None else np.concatenate([self.recent, recent]),
            meta=pd.concat([self.meta, meta], ignore_index=True),
            local=None if self.local is None else self.local.extended(keypoints),
        )

    def nearest(self, queries: Floats, count: int) -> tuple[Floats, Rows]:
        """Find the most similar photos; approximately where the index is, and not too many are wanted.

        Args:
            queries: float32 (Q, D), length one.
            count: How many are wanted, 1 at least; K is the smaller of it and the number of photos.

        Returns:
            Cosine similarities float32 (Q, K), descending, and rows, int (Q, K); ties by row. Where an approximate
            index finds fewer, -inf and -1.
        """
        if self.approximate is not None and count <= MOST * len(self.meta):
            similarity, rows = self.approximate.nearest(queries, count)
        else:
            similarity, rows = nearest(self.embeddings, queries, count)
        if self.recent is None:
            return similarity, rows
        more, their_rows = nearest(self.recent, queries, count)
        similarity, rows = np.hstack([similarity, more]), np.hstack([rows, their_rows + len(self.embeddings)])
        best = np.lexsort((rows, -similarity))[:, :count]
        return np.take_along_axis(similarity, best, axis=1), np.take_along_axis(rows, best, axis=1)

    @cached_property
    def identities(self) -> Rows:
        """Who is on each photo, as a number from 0, int (N,)."""
        return np.asarray(pd.factorize(self.meta["identity"])[0], dtype=np.intp)

    @cached_property
    def photos_of(self) -> Rows:
        """How many photos there are of each identity, by its number, int (I,)."""
        return np.bincount(self.identities)

    def with_content(self, digest: str) -> Bools:
        """Which photos come from files of this content, its SHA-256; bool (N,)."""
        found: Bools = self._contents == pd.util.hash_array(np.array([digest], dtype=object))[0]
        found[found] = self.meta["sha256"].iloc[np.flatnonzero(found)] == digest
        return found

    @cached_property
    def _contents(self) -> npt.NDArray[np.uint64]:
        """A number for the content of each photo's file, (N,): many texts take long to compare."""
        return pd.util.hash_array(self.meta["sha256"].to_numpy(dtype=object), categorize=False)


def index_files(folder: Path) -> SealedSet:
    """The index's own sealed set, which lives beside the model's in the artifacts folder."""
    return SealedSet(folder, "index_manifest.json", ".staging-index", REBUILD)


def save_index(
    folder: Path,
    embeddings: np.ndarray,
    meta: pd.DataFrame,
    root: Path,
    data: Path,
    fingerprint: str,
    local: LocalIndex | None = None,
) -> Index:
    """Write the index as one set of files, and return it.

    They are `embeddings.npy`, `meta.csv` and, for other programs, `index.faiss`; perhaps `keypoint_*.npy`; and from
    `APPROXIMATE_FROM` photos on `sketch_*.npy`.

    Args:
        folder: The artifacts folder.
        embeddings: float32 (N, D), length one, N >= 1.
        meta: META_COLUMNS, N rows, as `Index` has them.
        root: What the paths are relative to.
        data: The catalogue they came from: a folder or a CSV.
        fingerprint: The model that made the embeddings.
        local: Their keypoints, where the matcher goes by them.
    """
    boxes = ["" if box is None else str(list(box)) for box in meta["bbox"]]
    approximate = _approximate(embeddings) if len(embeddings) >= APPROXIMATE_FROM else None

    def write(staging: Path) -> None:
        _write_faiss(embeddings, staging / "index.faiss")
        np.save(staging / "embeddings.npy", embeddings.astype(np.float32, copy=False), allow_pickle=False)
        table = meta.assign(bbox=boxes)
        write_csv(staging / "meta.csv", table[list(META_COLUMNS)])
        if local is not None:
            write_keypoints(local, staging)
        if approximate is not None:
            write_sketches(approximate.sketches, staging)

    about = {
        "fingerprint": fingerprint,
        "root": root.resolve().as_posix(),
        "data": data.resolve().as_posix(),
        "photos": len(meta),
        "keypoints": "" if local is None else SETTINGS,
        "sketches_find": None if approximate is None else approximate.sketches.found,
    }
    index_files(folder).replace(write, about)
    mapped = _mapped(folder)  # so that those in memory can go
    if approximate is not None:
        approximate = SketchIndex(mapped, approximate.sketches)
    return Index(mapped, meta, root.resolve(), data.resolve(), fingerprint, local, approximate)


def _approximate(embeddings: Floats) -> SketchIndex | None:
    """What finds most of the most similar photos sooner; None where it would find too few."""
    approximate = learn_sketches(embeddings)
    if approximate.sketches.found >= FOUND:
        return approximate
    log.info(
        "The search stays exact: an approximate one would find %.1f %% of the most similar photos.",
        100 * approximate.sketches.found,
    )
    return None


def _write_faiss(embeddings: Floats, path: Path) -> None:
    """The FAISS index that compares a query with every one of the embeddings, (N, D)."""
    library: Any = faiss  # whose stubs do not know the writer
    index = library.IndexFlatIP(embeddings.shape[1])
    index.add(np.ascontiguousarray(embeddings, dtype=np.float32))
    with path.open("wb") as file:  # by Python, because FAISS cannot open every unicode path on Windows
        library.write_index(index, library.PyCallbackIOWriter(file.write))


def _mapped(folder: Path) -> Floats:
    """The embeddings where they lie on disk."""
    return np.asarray(open_array(folder / "embeddings.npy"))


def open_index(folder: Path, fingerprint: str, dimensions: int, with_keypoints: bool = False) -> Index | None:
    """Open the index, every file checked; None when there is none yet.

    The embeddings stay where they are on disk. FAISS never has to parse a file that others may have written:
    `index.faiss` is for other programs.

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
        embeddings = _mapped(folder)
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
    approximate = None
    if isinstance(about.get("sketches_find"), float):
        try:
            approximate = open_sketches(folder, embeddings, about["sketches_find"])
        except UserError as error:
            raise UserError(f"{error}; {REBUILD}") from error
    return Index(embeddings, meta, Path(about["root"]), Path(about["data"]), about["fingerprint"], local, approximate)


def _keypoints(folder: Path, about: dict[str, Any], photos: int) -> LocalIndex:
    if about.get("keypoints", "") != SETTINGS:
        found = "without keypoints" if not about.get("keypoints") else "with keypoints of another kind"
        raise UserError(f"the index in {folder} was built {found}, and the matcher goes by them; {REBUILD}")
    try:
        local = open_keypoints(folder)
    except UserError as error:
        raise UserError(f"{error}; {REBUILD}") from error
    if len(local.gallery) != photos:
        raise UserError(f"the keypoints in {folder} are of {len(local.gallery)} photos, not of {photos}; {REBUILD}")
    return local


def by_cosine(similarity: Floats, rows: Rows | None) -> npt.NDArray[np.floating]:  # noqa: ARG001
    """The `Score` of photos that is their similarity."""
    return similarity


def nearest_photos(
    index: Index, embedding: Floats, num_identities: int, excluded: Bools, score: Score = by_cosine
) -> pd.DataFrame:
    """Rank known photos for one query until enough identities have turned up.

    A photo that an approximate index does not find is taken to be less similar than all that it finds.

    Args:
        index: What to search.
        embedding: float32 (D,), length one.
        num_identities: How many identities are wanted; fewer come back when fewer are known.
        excluded: bool (N,): indexed photos that may not answer, such as the query itself.
        score: What to rank by.

    Returns:
        See `best_photos`.
    """
    total = len(index.meta)
    out = np.bincount(index.identities[excluded], minlength=len(index.photos_of))
    num_identities = min(num_identities, int((out < index.photos_of).sum()))  # or all photos are looked at for more
    wanted = min(total, max(LEAST, 8 * num_identities) + int(excluded.sum()))
    while True:
        found = index.nearest(embedding[None], wanted)
        similarity, rows = (values[0, found[1][0] >= 0] for values in found)
        best = best_photos(index, rows, similarity, score(similarity, rows), num_identities, excluded)
        # a photo no more similar than the last one found may not have turned up yet, and may come before it by row
        settled = 0 < len(best) == num_identities and score(similarity[-1:], None)[0] < best["score"].iloc[-1]
        if settled or wanted == total:
            return best
        wanted = min(total, 4 * wanted)


def best_photos(
    index: Index,
    rows: Rows,
    similarity: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
    num_identities: int,
    excluded: Bools,
) -> pd.DataFrame:
    """Merge photos to identities: the best photo counts.

    Args:
        index: Whose photos they are.
        rows: int (M,), which of them.
        similarity: Their cosine, float (M,).
        scores: What to rank by, float (M,).
        num_identities: How many identities are wanted.
        excluded: bool (N,): indexed photos that may not answer.

    Returns:
        `meta` rows of each identity's best photo, the best identity first, ties by row, with the columns `similarity`
        (-1 to 1), `score`, `row`, and `known_photos`, how many photos there are of that identity.
    """
    order = np.lexsort((rows, -scores))
    order = order[~excluded[rows[order]]]
    _, firsts = np.unique(index.identities[rows[order]], return_index=True)
    best = order[np.sort(firsts)[:num_identities]]
    return (
        index.meta.iloc[rows[best]]
        .assign(
            similarity=np.clip(similarity[best], -1.0, 1.0),
            score=scores[best],
            row=rows[best],
            known_photos=index.photos_of[index.identities[rows[best]]],
        )
        .reset_index(drop=True)
    )
