"""The best links between independent photos: unit vectors in, similarities out.

Photos are independent when they are not of one photo or one encounter of one identity, nor near-duplicates.
"""

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.assess.duplicates.hashes import NEAR_DUPLICATE_BITS, Flags, Hashes, Rows, Words, bits_apart, hash_words
from wildtrack.assess.encounters import encounters, photo_keys
from wildtrack.console import track

Floats = npt.NDArray[np.float32]
Links = tuple[Floats, Rows, Rows]  # similarity, place, count: see `best_links`

NOBODY = -1  # no row
BLOCK_VALUES = 1 << 22  # similarities at once: 16 MB
SEARCHED_AT_ONCE = 1024  # photos
DEEPEST = 1024  # how many neighbours are looked through for independent ones
SAMPLED = 256  # photos by which the likeness of different animals is measured


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Photos:
    """Photos that can be compared: labelled, and of one viewpoint; N of each."""

    table: pd.DataFrame  # their rows of the catalogue
    vectors: Floats  # (N, D), length one
    identities: Rows  # from 0
    photos: Rows  # the source photo
    encounters: Rows  # a photo without a date has one of its own
    words: Words | None  # the perceptual hashes, where they are known

    def independent(self, ones: Rows | np.intp, others: Rows) -> Flags:
        """Whether the photos of each pair are independent; the two arrays of places (0 to N - 1) are broadcast."""
        apart: Flags = self.photos[ones] != self.photos[others]
        apart &= self.encounters[ones] != self.encounters[others]
        if self.words is not None:
            apart &= bits_apart(self.words[ones], self.words[others]) > NEAR_DUPLICATE_BITS
        return apart

    def members(self) -> dict[int, Rows]:
        """The places of each identity's photos."""
        return dict(pd.Series(self.identities).groupby(self.identities).indices.items())  # type: ignore[arg-type]


def comparable_photos(
    table: pd.DataFrame, vectors: Floats, encounter_hours: float, hashes: Hashes | None, rows: Rows
) -> Photos:
    """Prepare some rows, int (N,), of a catalogue for comparison; the other arguments are of the whole catalogue."""
    return Photos(
        table.iloc[rows],
        np.ascontiguousarray(vectors[rows], dtype=np.float32),
        pd.factorize(table["identity"].to_numpy(dtype=object)[rows])[0],
        pd.factorize(photo_keys(table)[rows])[0],
        encounters(table, encounter_hours)[rows],
        None if hashes is None else hash_words(hashes)[rows],
    )


def best_links(photos: Photos, ones: Rows, others: Rows) -> Links:
    """For each of `ones`, places (A,), the most similar independent photo among `others`, places (B,).

    Its similarity (-inf for none), its place or NOBODY, and how many of the others are independent; each (A,).
    """
    similarity = np.full(len(ones), -np.inf, dtype=np.float32)
    place = np.full(len(ones), NOBODY)
    count = np.zeros(len(ones), dtype=np.intp)
    height = max(1, BLOCK_VALUES // max(1, len(others)))
    for start in range(0, len(ones) if len(others) else 0, height):
        block = slice(start, start + height)
        links = photos.vectors[ones[block]] @ photos.vectors[others].T  # (height, B)
        independent = photos.independent(ones[block, None], others[None])
        links[~independent] = -np.inf
        similarity[block] = links.max(axis=1)
        count[block] = independent.sum(axis=1)
        place[block] = np.where(count[block] > 0, others[links.argmax(axis=1)], NOBODY)
    return similarity, place, count


def own_links(photos: Photos) -> Links:
    """The best links of each photo to its own identity, as `best_links` has them, shape (N,)."""
    links = np.full(len(photos.table), -np.inf, dtype=np.float32), *np.zeros((2, len(photos.table)), dtype=np.intp)
    for places in photos.members().values():
        for whole, part in zip(links, best_links(photos, places, places), strict=True):
            whole[places] = part
    return links


def other_links(photos: Photos) -> tuple[Floats, Floats]:
    """The best links of up to `SAMPLED` photos, evenly spaced: to the most similar other identity, and the median one.

    Each float32 (sampled,), of those photos that have an independent photo of another identity.
    """
    nearest, middle = [], []
    for place in spaced(np.arange(len(photos.table)), SAMPLED):
        others = np.flatnonzero(photos.identities != photos.identities[place])
        others = others[photos.independent(place, others)]
        links = pd.Series(photos.vectors[others] @ photos.vectors[place]).groupby(photos.identities[others]).max()
        if len(links):
            nearest.append(links.max())
            middle.append(links.median())
    return np.array(nearest, dtype=np.float32), np.array(middle, dtype=np.float32)


def spaced(places: Rows, most: int) -> Rows:
    """At most `most` of the places, evenly spaced."""
    return places[np.unique(np.linspace(0, len(places) - 1, min(most, len(places))).astype(np.intp))]


def neighbours(photos: Photos, count: int) -> Rows:
    """Places of each photo's most similar independent photos, whoever they show, (N, count), by an exact FAISS index.

    NOBODY where there are no more among the `DEEPEST` most similar photos.
    """
    index = faiss.IndexFlatIP(photos.vectors.shape[1])
    index.add(photos.vectors)
    total = len(photos.table)
    places = np.full((total, count), NOBODY)
    for start in track(starts := range(0, total, SEARCHED_AT_ONCE), "Comparing animals", len(starts)):
        unfinished = np.arange(start, min(start + SEARCHED_AT_ONCE, total))
        depth = 2 * count
        while len(unfinished):
            depth = min(4 * depth, total, DEEPEST)
            _, found = index.search(photos.vectors[unfinished], depth)
            independent = photos.independent(unfinished[:, None], found)
            order = np.argsort(~independent, axis=1, kind="stable")[:, :count]  # independent ones first, best first
            kept = np.take_along_axis(independent, order, axis=1)
            places[unfinished, : order.shape[1]] = np.where(kept, np.take_along_axis(found, order, axis=1), NOBODY)
            unfinished = unfinished[independent.sum(axis=1) < count] if depth < min(total, DEEPEST) else unfinished[:0]
    return places
