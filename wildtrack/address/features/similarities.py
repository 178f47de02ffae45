"""How alike new photos are to the known ones, by every method there is: embeddings and keypoints in, scores out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.features.keypoints import Keypoints, cached_keypoints
from wildtrack.address.gallery.nearest import similarities
from wildtrack.address.matching.learning import EMBEDDING, LOCAL
from wildtrack.address.matching.local.voting import LocalIndex, Matches, rank_all
from wildtrack.storage.cache import CacheConfig

Scores = dict[str, npt.NDArray[np.floating]]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Described:
    """Photos as the methods see them, N of them.

    Attributes:
        embeddings: float32 (N, D), length one.
        keypoints: Of each photo; None where nobody goes by them.
    """

    embeddings: npt.NDArray[np.float32]
    keypoints: Sequence[Keypoints] | None

    def __getitem__(self, rows: npt.NDArray[np.intp]) -> "Described":
        """Some of them."""
        return Described(
            self.embeddings[rows], None if self.keypoints is None else [self.keypoints[row] for row in rows]
        )


class Known:
    """The gallery, to be asked about other photos."""

    def __init__(self, photos: Described, index: LocalIndex | None = None) -> None:
        """Build the index of the keypoints, unless it is there."""
        self.embeddings = photos.embeddings
        self.index = index or (None if photos.keypoints is None else LocalIndex(photos.keypoints))

    def similarities(self, queries: Described, excluded: Bools | None = None, matches: Matches | None = None) -> Scores:
        """Score all pairs.

        Args:
            queries: Q photos, with keypoints if the gallery has them.
            excluded: Bool (Q, G): known photos that are taken to be unknown to a query; they score -inf.
            matches: Those of a single query's keypoints, where they have been found already.

        Returns:
            "embedding", the cosine, and "local", the shared keypoints: (Q, G) each.
        """
        scores: Scores = {EMBEDDING: self._cosines(queries.embeddings)}
        if self.index is not None and queries.keypoints is not None:
            if matches is None:
                scores[LOCAL] = rank_all(self.index, queries.keypoints, excluded)
            else:
                scores[LOCAL] = self.index.score(queries.keypoints[0], matches)[None]
        if excluded is not None:
            scores = {name: np.where(excluded, -np.inf, values) for name, values in scores.items()}
        return scores

    def _cosines(self, queries: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(Q, G). Photos that are the same are as similar to a single query to the last digit: no product says so."""
        if len(queries) != 1:
            return np.asarray(queries @ self.embeddings.T)
        rows = np.arange(len(self.embeddings))
        return similarities(self.embeddings, rows, queries, np.zeros_like(rows))[None]

    def similarities_without(self, queries: Described, excluded: Bools, similarities: Scores) -> Scores:
        """The same as `similarities` with `excluded`, but only queries that lose a photo are asked again."""
        rows = np.flatnonzero(excluded.any(axis=1))
        found = {name: values.copy() for name, values in similarities.items()}
        if len(rows):
            again = self.similarities(queries[rows], excluded[rows])
            for name, values in again.items():
                found[name][rows] = values
        return found


def sides_of(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """The side that each photo of a catalogue shows, str (N,), "" where not known."""
    if "orientation" not in table:
        return np.full(len(table), "", dtype=object)
    return table["orientation"].fillna("").astype(str).to_numpy(dtype=object)


def described(
    table: pd.DataFrame, root: Path, digests: Sequence[str], embeddings: npt.NDArray[np.float32], cache: CacheConfig
) -> Described:
    """The photos of a catalogue with their keypoints; see `cached_keypoints`."""
    return Described(embeddings, cached_keypoints(table, root, digests, cache))
