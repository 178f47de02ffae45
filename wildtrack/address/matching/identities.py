"""The one merge of photos to identities: scores of gallery photos in, scores of the animals on them out."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

BLOCK_CELLS = 1 << 23  # pairs in memory at once: about 100 MB with what is made of them

Floats = npt.NDArray[np.floating]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Identities:
    """Who is on each of G gallery photos.

    Attributes:
        names: object (I,), in order of first appearance.
        codes: int (G,), the place of each photo's identity in `names`.
    """

    names: npt.NDArray[np.object_]
    codes: Rows

    @classmethod
    def of(cls, gallery_ids: "npt.ArrayLike | pd.Series") -> "Identities":
        """Number the identities of G photos."""
        codes, names = pd.factorize(np.asarray(gallery_ids, dtype=object))
        return cls(np.asarray(names, dtype=object), np.asarray(codes, dtype=np.intp))

    @cached_property
    def counts(self) -> Rows:
        """How many photos there are of each identity, int (I,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    @cached_property
    def _order(self) -> tuple[Rows, Rows]:
        """Photos in the order of identities, (G,), and where each identity begins, (I,)."""
        order = np.argsort(self.codes, kind="stable")
        return order, np.searchsorted(self.codes[order], np.arange(len(self.names)))

    def merge(self, scores: Floats) -> Floats:
        """Score identities by their best photo.

        Args:
            scores: float (Q, G).

        Returns:
            Same dtype, (Q, I).

        Raises:
            ValueError: Not one column a gallery photo.
        """
        if scores.ndim != 2 or scores.shape[1] != len(self.codes):
            raise ValueError(f"{len(self.codes)} gallery photos need shape (Q, {len(self.codes)}), not {scores.shape}.")
        order, starts = self._order
        merged = np.empty((len(scores), len(self.names)), dtype=scores.dtype)
        block = max(1, BLOCK_CELLS // max(1, len(self.codes)))
        for start in range(0, len(scores), block):
            rows = slice(start, start + block)
            merged[rows] = np.maximum.reduceat(scores[rows][:, order], starts, axis=1)
        return merged

    def ranking(self, scores: Floats) -> tuple[Rows, Rows]:
        """Rank the identities for one query, and name the photo that each is ranked by.

        Args:
            scores: float (G,); an identity whose photos are all -inf is not ranked.

        Returns:
            Places in `names` and rows of photos, int (R,) each, best first; ties by row.
        """
        merged = self.merge(scores[None])[0]
        best = np.flatnonzero(np.isfinite(merged)[self.codes] & (scores == merged[self.codes]))  # ascending rows
        places, firsts = np.unique(self.codes[best], return_index=True)
        rows = best[firsts]
        order = np.lexsort((rows, -merged[places]))
        return places[order], rows[order]
