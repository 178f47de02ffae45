"""The gallery: known photos with their features, to be scored, searched and extended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.features.features import Features, viewpoints_of
from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.gallery.index import nearest
from wildtrack.address.matching.identities import Identities
from wildtrack.address.matching.local.voting import KeypointIndex

COLUMNS = ("image_id", "identity", "path", "bbox", "orientation", "date", "sha256")  # of the table that is kept

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Source:
    """Where a kept gallery came from."""

    root: Path  # what the table's paths are relative to
    data: Path  # the catalogue: a folder or a CSV, absolute
    fingerprint: str  # the model that made the embeddings


@dataclass(frozen=True, eq=False)
class Gallery:
    """G known photos.

    Attributes:
        table: G rows: `identity` and, in a gallery that is kept, all `COLUMNS`: text, "" where unknown, but `bbox`
            (x, y, w, h) or None.
        embeddings: float32 (N, D), length one, of the first N rows; may be mapped from disk.
        keypoints: Index of the photos' keypoints, where a matcher compares them.
        index: FAISS index of the first N rows; None: there is none, and all rows are compared.
        recent: float32 (G - N, D), length one, of photos that were added since; the last rows.
        source: Where a kept gallery came from.
    """

    table: pd.DataFrame
    embeddings: Floats
    keypoints: KeypointIndex | None = None
    index: Any = None
    recent: Floats | None = None
    source: Source | None = None

    @classmethod
    def of(cls, table: pd.DataFrame, features: Features) -> "Gallery":
        """A gallery in memory, of the rows of a catalogue and their features."""
        keypoints = None if features.keypoints is None else KeypointIndex(features.keypoints)
        return cls(table.reset_index(drop=True), features.embeddings, keypoints)

    def __len__(self) -> int:
        """G."""
        return len(self.table)

    @cached_property
    def identities(self) -> Identities:
        """Who is on each photo."""
        return Identities.of(self.table["identity"])

    @cached_property
    def viewpoints(self) -> npt.NDArray[np.object_]:
        """Which side of the animal each photo shows, str (G,), "" where not known."""
        return viewpoints_of(self.table)

    def embeddings_of(self, rows: Rows | None = None) -> Floats:
        """The embeddings of some rows, or of all: float32 (R or G, D)."""
        if rows is None:
            return self._all_embeddings
        if self.recent is None:
            return self.embeddings[rows]
        found = np.empty((len(rows), self.embeddings.shape[1]), np.float32)
        late = rows >= len(self.embeddings)
        found[~late], found[late] = self.embeddings[rows[~late]], self.recent[rows[late] - len(self.embeddings)]
        return found

    @cached_property
    def _all_embeddings(self) -> Floats:
        return self.embeddings if self.recent is None else np.concatenate([self.embeddings, self.recent])

    def shortlist(self, embedding: Floats, count: int) -> Rows:
        """Rows of the most similar photos, most of them where the index is approximate.

        Args:
            embedding: float32 (D,), length one.
            count: How many are wanted.

        Returns:
            int (R,), R at least `count` where there are so many, in any order; photos added since are always in it.
        """
        if self.index is None:
            return np.arange(len(self))
        found = nearest(self.index, embedding[None], count)[0]
        return np.concatenate([found[found >= 0], np.arange(len(self.embeddings), len(self))])

    def extended(self, features: Features, table: pd.DataFrame) -> "Gallery":
        """These photos and some more after them; this gallery stays as it is, and they share what is large.

        Args:
            features: Of M photos, with keypoints where this gallery has them.
            table: `COLUMNS`, M rows.
        """
        if not len(table):
            return self
        more, keypoints = features.embeddings, features.keypoints
        return replace(
            self,
            table=pd.concat([self.table, table], ignore_index=True),
            recent=more if self.recent is None else np.concatenate([self.recent, more]),
            keypoints=None if self.keypoints is None else self.keypoints.extended(keypoints or _none(len(table))),
        )

    def with_content(self, digest: str) -> Bools:
        """Which photos come from files of this content, its SHA-256; bool (G,)."""
        found: Bools = self._contents == pd.util.hash_array(np.array([digest], dtype=object))[0]
        found[found] = self.table["sha256"].iloc[np.flatnonzero(found)] == digest
        return found

    @cached_property
    def _contents(self) -> npt.NDArray[np.uint64]:
        """A number for the content of each photo's file, (G,): many texts take long to compare."""
        return pd.util.hash_array(self.table["sha256"].to_numpy(dtype=object), categorize=False)


def _none(count: int) -> Sequence[Keypoints]:
    return [Keypoints.none()] * count


def gallery_table(table: pd.DataFrame, digests: Sequence[str]) -> pd.DataFrame:
    """The columns of a catalogue that a gallery keeps.

    Args:
        table: The catalogue, N rows.
        digests: SHA-256 of each photo's file, N.

    Returns:
        `COLUMNS`, N rows: text, "" where unknown; `bbox` (x, y, width, height) or None.
    """
    kept = table.reindex(columns=list(COLUMNS)).astype(object).fillna("")
    kept["bbox"] = pd.Series([box or None for box in kept["bbox"]], index=kept.index, dtype=object)
    return kept.assign(sha256=digests).reset_index(drop=True)
