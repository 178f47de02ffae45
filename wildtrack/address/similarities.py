"""How alike new photos are to the known ones, by every method there is: embeddings and keypoints in, scores out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cache import default_cache
from wildtrack.address.fusion import side_relation
from wildtrack.address.keypoints import Keypoints, cached_keypoints
from wildtrack.address.local import LocalIndex, rank_all
from wildtrack.address.matching import EMBEDDING, LOCAL, Asked, Matching, learn_matching
from wildtrack.address.protocol import Protocol

MOST_ASKED = 1000  # validation photos: more of them say little more, and each is matched twice

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

    def similarities(self, queries: Described, excluded: Bools | None = None) -> Scores:
        """Score all pairs.

        Args:
            queries: Q photos, with keypoints if the gallery has them.
            excluded: Bool (Q, G): known photos that are taken to be unknown to a query; they score -inf.

        Returns:
            "embedding", the cosine, and "local", the shared keypoints: (Q, G) each.
        """
        scores: Scores = {EMBEDDING: queries.embeddings @ self.embeddings.T}
        if self.index is not None and queries.keypoints is not None:
            scores[LOCAL] = rank_all(self.index, queries.keypoints, excluded)
        if excluded is not None:
            scores = {name: np.where(excluded, -np.inf, values) for name, values in scores.items()}
        return scores

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
    table: pd.DataFrame, root: Path, contents: Sequence[str], embeddings: npt.NDArray[np.float32], cache_gb: float
) -> Described:
    """The photos of a catalogue with their keypoints; see `cached_keypoints`."""
    return Described(embeddings, cached_keypoints(table, root, contents, default_cache(), cache_gb))


def learn_from_validation(table: pd.DataFrame, photos: Described, validation: Protocol) -> Matching:
    """What the validation photos teach about matching; see `learn_matching`.

    Args:
        table: The catalogue, N rows.
        photos: N of them.
        validation: From `validation_protocol`. Its strangers are the new animals; where it has none, every query is
            asked a second time, with its own animal taken out of the gallery.
    """
    identities, sides = table["identity"].to_numpy(dtype=object), sides_of(table)
    gallery, queries, strangers = validation.gallery, some_of(validation.queries), some_of(validation.strangers)
    known = Known(photos[gallery])
    own = np.equal(identities[queries][:, None], identities[gallery][None]).astype(np.bool_)
    unseen = len(strangers) > 0
    asked_again = strangers if unseen else queries
    return learn_matching(
        Asked(
            known.similarities(photos[queries]),
            identities[queries],
            side_relation(sides[queries], sides[gallery]),
            known.similarities(photos[asked_again], None if unseen else own),
            identities[asked_again],
            side_relation(sides[asked_again], sides[gallery]),
            identities[gallery],
            unseen,
        )
    )


def some_of(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """At most `MOST_ASKED` of the rows, drawn by a fixed seed."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:MOST_ASKED])
