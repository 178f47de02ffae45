"""The gallery: known photos with their features, to be scored, searched and extended."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.access.reading import ReadConfig
from wildtrack.address.features.features import Features, viewpoints_of
from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.gallery.index import nearest
from wildtrack.address.matching.identities import Identities
from wildtrack.address.matching.local.voting import KeypointIndex

COLUMNS = ("image_id", "identity", "path", "bbox", "orientation", "date", "sha256")  # of the table that is kept

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Source:
    """Where a kept gallery came from."""

    root: Path  # what the table's paths are relative to
    data: Path  # the catalogue: a folder or a CSV, absolute
    fingerprint: str  # the model that made the embeddings
    reading: ReadConfig = field(default_factory=ReadConfig)  # how the catalogue was read
    reader: int = READER_VERSION  # the photo reader that it was built with
    state: str = ""  # `photos_state` when it was built; "": an earlier version did not record it
    with_keypoints: bool = False  # whether they are kept too


@dataclass(frozen=True, eq=False)
class Gallery:
    """G known photos.

    Attributes:
        table: G rows: `identity` and, in a gallery that is kept, all `COLUMNS`: text, "" where unknown, but `bbox`
            (x, y, w, h) or None.
        embeddings: float32 (N, D), length one, of the first N rows; may be mapped from disk.
        keypoints: Index of the photos' keypoints, where a matcher compares them.
        index: FAISS index of the first N rows; None: all rows are compared.
        recent: float32 (G - N, D), length one, of photos that were added later; the last rows.
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
        """The identities of the photos."""
        return Identities.of(self.table["identity"])

    @cached_property
    def viewpoints(self) -> npt.NDArray[np.object_]:
        """The viewpoint of each photo, str (G,), "" where not known."""
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
        """At least `count` rows of photos most similar to an embedding (D,), and of all recent ones, in any order."""
        if self.index is None:
            return np.arange(len(self))
        found = nearest(self.index, embedding[None], count)[0]
        return np.concatenate([found[found >= 0], np.arange(len(self.embeddings), len(self))])

    def extended(self, features: Features, table: pd.DataFrame) -> "Gallery":
        """A new gallery with M photos more, which shares what is large; this one stays as it is.

        Args:
            features: Of the photos; those without keypoints count as photos that show nothing.
            table: `COLUMNS`, M rows.
        """
        if not len(table):
            return self
        more, keypoints = features.embeddings, features.keypoints or [Keypoints.none()] * len(table)
        return replace(
            self,
            table=pd.concat([self.table, table], ignore_index=True),
            recent=more if self.recent is None else np.concatenate([self.recent, more]),
            keypoints=None if self.keypoints is None else self.keypoints.extended(keypoints),
        )

    def with_content(self, digest: str) -> npt.NDArray[np.bool_]:
        """Which photos come from files of this content, its SHA-256; bool (G,)."""
        return np.asarray(self._digests == digest, np.bool_)

    @cached_property
    def _digests(self) -> npt.NDArray[np.object_]:
        return self.table["sha256"].to_numpy(dtype=object)  # compared ten times faster than the column


def gallery_table(table: pd.DataFrame, digests: Sequence[str]) -> pd.DataFrame:
    """The `COLUMNS` of a catalogue, N rows, and the SHA-256 of each photo's file, as `Gallery` has them."""
    kept = table.reindex(columns=list(COLUMNS)).astype(object).fillna("")
    kept["bbox"] = pd.Series([box or None for box in kept["bbox"]], index=kept.index, dtype=object)
    return kept.assign(sha256=digests).reset_index(drop=True)
