"""An index of the gallery's keypoints: which photos share keypoints with a query.

Two steps, as HotSpotter takes them (Crall et al., "HotSpotter - Patterned Species Instance Recognition", WACV 2013):
every keypoint of the query votes for the gallery photos whose keypoints look most like it (LNBNN); then the photos with
most votes keep those that one affine map from photo to photo explains.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.matching.local.verification import in_one_arrangement
from wildtrack.console import track
from wildtrack.storage.threads import cores

NEIGHBOURS = 10  # gallery keypoints that each keypoint of the query is compared with
SHORTLIST = 40  # photos whose matches are verified
EXACT_BELOW = 20_000  # keypoints; from there on only the nearest parts of the index are searched
PROBES = 16  # parts that are searched
TRAINED_ON = 40  # keypoints for each part, from which the parts are found
ROUNDS = 8  # of k-means, to find the parts
BLOCK = 100_000  # keypoints that are sorted into parts at once
LENGTH = 128  # of a descriptor
MIDDLE = 0.7  # standard deviation of the weight around a photo's middle, in half widths and heights
UNVERIFIED = 1e-3  # weight of unverified votes: they only rank photos without verified ones

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Matches:
    """M pairs of keypoints that look alike, one of a query and one of a gallery photo."""

    query: Rows  # (M,), rows of the query's keypoints
    photo: Rows  # (M,), gallery photos, ascending
    other: Rows  # (M,), rows of that photo's keypoints
    weights: Floats  # (M,), above 0

    def of(self, photo: int) -> "Matches":
        """The matches with one gallery photo."""
        return self.where(slice(*np.searchsorted(self.photo, [photo, photo + 1])))

    def where(self, chosen: slice | Bools) -> "Matches":
        """Some of the matches."""
        return Matches(self.query[chosen], self.photo[chosen], self.other[chosen], self.weights[chosen])


@dataclass(frozen=True, eq=False)
class Parts:
    """K keypoints sorted into P parts by their looks, so that a query is not compared with all of them."""

    centres: Floats  # (P, 128), the mean descriptor of each
    members: npt.NDArray[np.int32]  # (K,), the part of each keypoint


class KeypointIndex:
    """The keypoints of G gallery photos, searched for those of a query."""

    def __init__(self, gallery: Sequence[Keypoints], parts: Parts | None = None, *, once: bool = False) -> None:
        """Build the index over G photos; a photo may have no keypoints.

        Args:
            gallery: The keypoints of each photo.
            parts: Those of an earlier index over the same gallery.
            once: Whether it is searched only once: then comparing everything is faster than finding parts.
        """
        descriptors = stacked_descriptors(gallery)
        if parts is None and len(descriptors) >= EXACT_BELOW and not once:
            parts = sorted_into_parts(descriptors)
        self.parts = parts
        self._hold(gallery, [_exact(descriptors) if parts is None else _of_parts(descriptors, parts)])

    def _hold(self, gallery: Sequence[Keypoints], indexes: list[Any]) -> None:
        self.gallery = gallery
        counts = [len(photo.places) for photo in gallery]
        self._photos = np.repeat(np.arange(len(gallery)), counts)  # (K,): the photo of each keypoint
        self._firsts = np.cumsum([0, *counts])[:-1]  # (G,): where each photo's keypoints begin
        self._indexes = indexes  # over consecutive keypoints
        # a query is matched once: for its scores with and without a viewpoint, and for the points that are shown
        self._found = lru_cache(maxsize=2 * cores())(self._find_matches)
        self._arranged = lru_cache(maxsize=4 * cores() * SHORTLIST)(self._verify)

    def extended(self, more: Sequence[Keypoints]) -> "KeypointIndex":
        """A new index over these photos and some more after them, which shares what is built; the old one stays.

        The new photos are always compared in full.
        """
        longer = copy(self)
        longer._hold([*self.gallery, *more], [*self._indexes, _exact(stacked_descriptors(more))])
        return longer

    def matches(self, query: Keypoints, excluded: Bools | None = None) -> Matches:
        """Match keypoints by LNBNN: the weight is how much nearer the best match in a photo is than the background.

        The background is the neighbour after the `NEIGHBOURS` nearest. So a keypoint that looks like many (grass,
        waves) weighs nothing. Each keypoint votes once for a photo, and weighs more the nearer it is to the middle of
        the query: two animals in front of one bush share the bush.

        Args:
            query: A photo.
            excluded: Bool (G,): photos to ignore.
        """
        return self._found(query, _rows(excluded))

    def _find_matches(self, query: Keypoints, excluded: tuple[int, ...]) -> Matches:
        wanted = min(NEIGHBOURS + 1, len(self._photos))
        if not len(query.places) or wanted < 2:
            nothing = np.zeros(0, dtype=np.intp)
            return Matches(nothing, nothing, nothing, np.zeros(0, np.float32))
        squared, found = self._nearest(query.descriptors.astype(np.float32), wanted, excluded)
        distances = np.sqrt(np.where(found < 0, np.nan, squared))  # there may be fewer
        background = np.fmax.reduce(distances, axis=1, keepdims=True)
        weights = np.nan_to_num(background - distances)
        rows, ranks = np.nonzero(weights > 0)
        others = found[rows, ranks]
        photos = self._photos[others]
        # by photo, then by keypoint; of several matches of a keypoint with a photo the nearest, which comes first
        chosen = np.unique(photos * len(query.places) + rows, return_index=True)[1]
        rows, ranks, others, photos = rows[chosen], ranks[chosen], others[chosen], photos[chosen]
        weight = weights[rows, ranks].astype(np.float32) * _centrality(query)[rows]
        return Matches(rows, photos, others - self._firsts[photos], weight)

    def votes(self, query: Keypoints, excluded: Bools | None = None) -> Floats:
        """Score every photo by its verified votes, float32 (G,), 0 or more; excluded photos, bool (G,), score 0."""
        matches = self.matches(query, excluded)
        votes = np.bincount(matches.photo, matches.weights, minlength=len(self.gallery))
        scores = UNVERIFIED * votes
        for photo in np.argsort(-votes, kind="stable")[:SHORTLIST].tolist():
            scores[photo] += self.verified(query, photo, excluded).weights.sum()
        return scores.astype(np.float32)

    def verified(self, query: Keypoints, photo: int, excluded: Bools | None = None) -> Matches:
        """The query's matches with one photo that one affine map explains; `excluded` as for `matches`."""
        return self._arranged(query, photo, _rows(excluded))

    def _verify(self, query: Keypoints, photo: int, excluded: tuple[int, ...]) -> Matches:
        matches = self._found(query, excluded).of(photo)
        return matches.where(in_one_arrangement(query, self.gallery[photo], matches.query, matches.other))

    def _nearest(
        self, descriptors: Floats, wanted: int, excluded: tuple[int, ...]
    ) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Squared distances and rows of the nearest keypoints, (K, wanted) each, without those of excluded photos.

        A row is -1, and its distance the largest float, where there are no more.
        """
        allowed = None if not excluded else ~np.isin(self._photos, excluded)
        start, distances, rows = 0, [], []
        for index in self._indexes:
            if index.ntotal == 0:  # FAISS before 1.14 returns uninitialised memory then
                continue
            chosen = None if allowed is None else _among(index, allowed[start : start + index.ntotal])
            squared, found = index.search(descriptors, wanted, params=chosen)
            distances.append(squared)
            rows.append(np.where(found < 0, -1, found + start))
            start += index.ntotal
        squared, found = np.hstack(distances), np.hstack(rows)
        nearest = np.argsort(squared, axis=1, kind="stable")[:, :wanted]
        return np.take_along_axis(squared, nearest, axis=1), np.take_along_axis(found, nearest, axis=1)


def _rows(excluded: Bools | None) -> tuple[int, ...]:
    return () if excluded is None else tuple(np.flatnonzero(excluded).tolist())


def _among(index: Any, allowed: Bools) -> Any:
    """FAISS' search parameters for some of the keypoints, bool (K,)."""
    library: Any = faiss  # whose stubs know none of these
    selector = library.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    if isinstance(index, faiss.IndexIVF):
        return library.SearchParametersIVF(sel=selector, nprobe=PROBES)
    return library.SearchParameters(sel=selector)


def _centrality(photo: Keypoints) -> Floats:
    """The weight of each keypoint's place: 1 in the middle of the photo, exp(-1 / MIDDLE^2) in a corner, (K,)."""
    height, width = photo.size
    offsets = 2 * photo.places / np.array([width, height], np.float32) - 1  # -1 to 1
    centrality: Floats = np.exp(-(offsets**2).sum(axis=1) / (2 * MIDDLE**2)).astype(np.float32)
    return centrality


def sorted_into_parts(descriptors: npt.NDArray[np.uint8]) -> Parts:
    """Sort descriptors, uint8 (K, 128), into about 2 sqrt(K) parts, found by k-means on a sample; seeded."""
    count = round(2 * np.sqrt(len(descriptors)))
    rows = np.random.default_rng(0).permutation(len(descriptors))[: TRAINED_ON * count]
    kmeans: Any = faiss.Kmeans(LENGTH, count, niter=ROUNDS, seed=0)
    kmeans.cp.min_points_per_centroid = 1  # or FAISS warns of small samples
    kmeans.train(descriptors[np.sort(rows)].astype(np.float32))
    blocks = range(0, len(descriptors), BLOCK)
    members = [
        kmeans.assign(descriptors[start : start + BLOCK].astype(np.float32))[1].astype(np.int32)
        for start in track(blocks, "Sorting keypoints", len(blocks))
    ]
    return Parts(kmeans.centroids.reshape(count, LENGTH).copy(), np.concatenate(members))


def stacked_descriptors(photos: Sequence[Keypoints]) -> npt.NDArray[np.uint8]:
    """The descriptors of all keypoints of some photos, (K, 128)."""
    return np.concatenate([np.zeros((0, LENGTH), np.uint8), *(photo.descriptors for photo in photos)])


def _exact(descriptors: npt.NDArray[np.uint8]) -> Any:
    """A FAISS index that compares all descriptors, uint8 (K, 128), by squared distance."""
    index: Any = faiss.IndexFlatL2(LENGTH)
    index.add(descriptors.astype(np.float32))
    return index


def _of_parts(descriptors: npt.NDArray[np.uint8], parts: Parts) -> Any:
    """A FAISS index that compares the descriptors, uint8 (K, 128), of the nearest parts; a byte an entry."""
    quantizer, kind = faiss.IndexFlatL2(LENGTH), faiss.ScalarQuantizer.QT_8bit_direct
    quantizer.add(parts.centres)
    # by_residual False: a byte holds the entry itself, not its difference from the part's centre
    index: Any = faiss.IndexIVFScalarQuantizer(quantizer, LENGTH, len(parts.centres), kind, faiss.METRIC_L2, False)
    order = np.argsort(parts.members, kind="stable")
    ends = np.searchsorted(parts.members[order], np.arange(len(parts.centres) + 1))
    for part, (start, end) in enumerate(pairwise(ends)):
        rows = order[start:end].astype(np.int64)
        if len(rows):
            codes = np.ascontiguousarray(descriptors[rows])
            index.invlists.add_entries(part, len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(codes))
    index.ntotal, index.nprobe, index.is_trained = len(descriptors), PROBES, True
    return index
