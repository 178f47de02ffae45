"""How alike independent photos are: unit vectors in, the best links between photos out.

A link between two photos counts when they are independent: not of one photo, not of one encounter of one
identity (two frames of a burst are alike whatever the label says), and not near-duplicates.
"""

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.assess.duplicates.hashes import NEAR_DUPLICATE_BITS, Hashes, Rows
from wildtrack.assess.encounters import encounters, photo_keys
from wildtrack.console import track

Floats = npt.NDArray[np.float32]

NOBODY = -1  # no row
BLOCK_CELLS = 1 << 22  # similarities at once: 16 MB
SEARCHED_AT_ONCE = 1024  # photos
DEEPEST = 1024  # how many neighbours are looked through for independent ones
SAMPLED = 256  # photos by which the likeness of different animals is measured


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Photos:
    """Photos that can be compared: labelled, and of one viewpoint.

    Attributes:
        rows: Int (N,), their rows in the catalogue.
        vectors: float32 (N, D), length one.
        identities: Int (N,), from 0.
        photos: Int (N,), the source photo.
        encounters: Int (N,); a photo without a date has one of its own.
        words: uint64 (N,), the perceptual hashes, or None where they are not known.
    """

    rows: Rows
    vectors: Floats
    identities: Rows
    photos: Rows
    encounters: Rows
    words: npt.NDArray[np.uint64] | None

    def independent(self, ones: Rows | np.intp, others: Rows) -> npt.NDArray[np.bool_]:
        """Whether the photos of each pair are independent; the two arrays of places (0 to N - 1) are broadcast."""
        apart: npt.NDArray[np.bool_] = self.photos[ones] != self.photos[others]
        apart &= self.encounters[ones] != self.encounters[others]
        if self.words is not None:
            apart &= np.bitwise_count(self.words[ones] ^ self.words[others]) > NEAR_DUPLICATE_BITS
        return apart

    def members(self) -> dict[int, Rows]:
        """The places of each identity's photos."""
        order = np.argsort(self.identities, kind="stable")
        starts = np.searchsorted(self.identities[order], np.arange(1, self.identities.max(initial=0) + 1))
        return dict(enumerate(np.split(order, starts))) if len(order) else {}


def comparable_photos(
    table: pd.DataFrame, vectors: Floats, encounter_hours: float, hashes: Hashes | None, rows: Rows
) -> Photos:
    """Prepare some rows of a catalogue for comparison.

    Args:
        table: The catalogue, M rows.
        vectors: float32 (M, D), length one.
        encounter_hours: The longest gap inside an encounter, in hours.
        hashes: Perceptual hashes, bool (M, 64), or None.
        rows: Int (N,): which rows.
    """
    words = None if hashes is None else np.packbits(hashes, axis=1).view(np.uint64)[rows, 0]
    return Photos(
        rows,
        np.ascontiguousarray(vectors[rows], dtype=np.float32),
        pd.factorize(table["identity"].to_numpy(dtype=object)[rows])[0],
        pd.factorize(photo_keys(table)[rows])[0],
        encounters(table, encounter_hours)[rows],
        words,
    )


def best_links(photos: Photos, ones: Rows, others: Rows) -> tuple[Floats, Rows, Rows]:
    """Find for each photo the most similar independent one among others.

    Args:
        photos: What is compared.
        ones: Places, int (A,).
        others: Places, int (B,).

    Returns:
        The similarity (-1 to 1, -inf where there is no independent one), its place or NOBODY, and how many of the
        others are independent; each of shape (A,).
    """
    similarity = np.full(len(ones), -np.inf, dtype=np.float32)
    place = np.full(len(ones), NOBODY)
    count = np.zeros(len(ones), dtype=np.intp)
    if not len(others):
        return similarity, place, count
    height = max(1, BLOCK_CELLS // len(others))
    for start in range(0, len(ones), height):
        block = slice(start, start + height)
        links = photos.vectors[ones[block]] @ photos.vectors[others].T  # (height, B)
        independent = photos.independent(ones[block, None], others[None])
        links[~independent] = -np.inf
        best = links.argmax(axis=1)
        similarity[block] = links.max(axis=1)
        count[block] = independent.sum(axis=1)
        place[block] = np.where(count[block] > 0, others[best], NOBODY)
    return similarity, place, count


def own_links(photos: Photos) -> tuple[Floats, Rows, Rows]:
    """The best links of each photo to its own identity, as `best_links` has them, shape (N,)."""
    links = np.full(len(photos.rows), -np.inf, dtype=np.float32), *np.zeros((2, len(photos.rows)), dtype=np.intp)
    for places in photos.members().values():
        for whole, part in zip(links, best_links(photos, places, places), strict=True):
            whole[places] = part
    return links


def other_links(photos: Photos) -> tuple[Floats, Floats]:
    """How similar photos are to other identities: up to `SAMPLED` photos, evenly spaced.

    Returns:
        The best link of each to the other identity that is most like it, and to the one in the middle (median) of all
        others; each float32 (sampled,), of those that have an independent photo of another identity.
    """
    sample = np.unique(np.linspace(0, len(photos.rows) - 1, min(SAMPLED, len(photos.rows))).astype(np.intp))
    nearest, middle = [], []
    for place in sample:
        others = np.flatnonzero(photos.identities != photos.identities[place])
        others = others[photos.independent(place, others)]
        links = pd.Series(photos.vectors[others] @ photos.vectors[place]).groupby(photos.identities[others]).max()
        if len(links):
            nearest.append(links.max())
            middle.append(links.median())
    return np.array(nearest, dtype=np.float32), np.array(middle, dtype=np.float32)


def neighbours(photos: Photos, count: int) -> tuple[Rows, Floats]:
    """Find each photo's most similar independent photos, whoever they show, with an exact FAISS index.

    Args:
        photos: What is compared.
        count: How many are wanted.

    Returns:
        Places, int (N, count), NOBODY where there are no more among the `DEEPEST` most similar photos, and their
        similarities, float32 (N, count), -inf there. Memory beyond it is bounded.
    """
    index = faiss.IndexFlatIP(photos.vectors.shape[1])
    index.add(photos.vectors)
    places = np.full((len(photos.rows), count), NOBODY)
    similarities = np.full((len(photos.rows), count), -np.inf, dtype=np.float32)
    deepest = min(len(photos.rows), DEEPEST)
    starts = range(0, len(photos.rows), SEARCHED_AT_ONCE)
    for start in track(starts, "Comparing animals", len(starts)):
        unfinished = np.arange(start, min(start + SEARCHED_AT_ONCE, len(photos.rows)))
        depth = 2 * count
        while len(unfinished):
            depth = min(4 * depth, deepest)
            links, found = index.search(photos.vectors[unfinished], depth)
            independent = photos.independent(unfinished[:, None], found)
            order = np.argsort(~independent, axis=1, kind="stable")[:, :count]  # independent ones first, best first
            kept = np.take_along_axis(independent, order, axis=1)
            width = order.shape[1]
            places[unfinished, :width] = np.where(kept, np.take_along_axis(found, order, axis=1), NOBODY)
            similarities[unfinished, :width] = np.where(kept, np.take_along_axis(links, order, axis=1), -np.inf)
            unfinished = unfinished[independent.sum(axis=1) < count] if depth < deepest else unfinished[:0]
    return places, similarities
