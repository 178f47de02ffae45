"""The matcher that compares embeddings: the cosine of two photos."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wildtrack.address.matching.matcher import Bools, Floats, Matcher, Rows

if TYPE_CHECKING:
    from wildtrack.address.features.features import Features
    from wildtrack.address.gallery.gallery import Gallery

BLOCK = 1 << 11  # vectors at once, which fit into the processor's cache

Vectors = npt.NDArray[np.float32]


class EmbeddingMatcher(Matcher):
    """Scores are the cosines of the embeddings, -1 to 1."""

    name = "embedding"

    def scores(
        self, queries: "Features", gallery: "Gallery", excluded: Bools | None = None, rows: Rows | None = None
    ) -> Floats:
        """Multiply the embeddings; see `Matcher.scores`."""
        found = cosines(queries.embeddings, gallery.embeddings_of(rows))
        if excluded is not None:
            found = np.where(excluded if rows is None else excluded[:, rows], np.float32(-np.inf), found)
        return found

    def bound(self, cosine: float) -> float:
        """The cosine itself."""
        return cosine


def cosines(queries: Vectors, gallery: Vectors) -> Vectors:
    """Cosine of each pair, float32 (Q, G), of float32 (Q, D) and (G, D) of length one.

    For a single query, equal embeddings have exactly equal cosines, so that ties are ranked by row.
    """
    if len(queries) != 1:
        return np.asarray(queries @ gallery.T)
    found = np.empty((1, len(gallery)), np.float32)
    # no matrix product: its last digits depend on where a vector lies
    for start in range(0, len(gallery), BLOCK):
        part = slice(start, start + BLOCK)
        found[0, part] = (gallery[part] * queries).sum(axis=1, dtype=np.float64)
    return found


@dataclass(frozen=True, eq=False)
class Cosines:
    """The cosines of queries (Q, D) and gallery (G, D), computed a slice of queries at a time."""

    queries: Floats
    gallery: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """(Q, G)."""
        return len(self.queries), len(self.gallery)

    def __getitem__(self, rows: slice) -> Floats:
        """The cosines of some queries, float32 (len(rows), G)."""
        return np.asarray(self.queries[rows] @ self.gallery.T)
