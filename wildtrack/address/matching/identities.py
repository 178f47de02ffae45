"""The one merge of photos to identities: scores of gallery photos in, scores of the animals on them out."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.matching.matcher import Floats, Rows

BLOCK = 1 << 23  # pairs in memory at once: about 100 MB with what is computed from them


@dataclass(frozen=True, eq=False)
class Identities:
    """The identities of G gallery photos."""

    names: npt.NDArray[np.object_]  # (I,), in order of first appearance
    codes: Rows  # (G,), the place of each photo's identity in `names`

    @classmethod
    def of(cls, gallery_ids: "npt.ArrayLike | pd.Series") -> "Identities":
        """Number the identities of G photos."""
        codes, names = pd.factorize(np.asarray(gallery_ids, dtype=object))
        return cls(np.asarray(names, dtype=object), np.asarray(codes, dtype=np.intp))

    @cached_property
    def counts(self) -> Rows:
        """The number of photos of each identity, int (I,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    @cached_property
    def _order(self) -> tuple[Rows, Rows]:  # photos by identity, (G,), and where each identity begins, (I,)
        order = np.argsort(self.codes, kind="stable")
        return order, np.searchsorted(self.codes[order], np.arange(len(self.names)))

    def merge(self, scores: Floats) -> Floats:
        """Score identities by their best photo: (Q, G) -> (Q, I), same dtype; a ValueError for another shape."""
        if scores.ndim != 2 or scores.shape[1] != len(self.codes):
            raise ValueError(f"{len(self.codes)} gallery photos need shape (Q, {len(self.codes)}), not {scores.shape}.")
        order, starts = self._order
        merged = np.empty((len(scores), len(self.names)), dtype=scores.dtype)
        block = max(1, BLOCK // max(1, len(self.codes)))
        for start in range(0, len(scores), block):
            rows = slice(start, start + block)
            merged[rows] = np.maximum.reduceat(scores[rows][:, order], starts, axis=1)
        return merged

    def ranking(self, scores: Floats) -> tuple[Rows, Rows]:
        """Places in `names` and rows of the best photos, (R,) each, for scores (G,): the best first, ties by row.

        An identity whose photos all score -inf is left out.
        """
        merged = self.merge(scores[None])[0]
        best = np.flatnonzero(np.isfinite(merged)[self.codes] & (scores == merged[self.codes]))  # ascending rows
        places, firsts = np.unique(self.codes[best], return_index=True)
        rows = best[firsts]
        order = np.lexsort((rows, -merged[places]))
        return places[order], rows[order]
