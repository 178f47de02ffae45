"""The index of a gallery's keypoints: votes of a query's keypoints (LNBNN), and which of them one affine map explains.

After HotSpotter (Crall et al., "HotSpotter - Patterned Species Instance Recognition", WACV 2013).
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import faiss
import numpy as np
import numpy.typing as npt

from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.matching.matcher import Bools, Rows
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
TOLERANCE = 0.03  # of the gallery photo's longer side: how far a keypoint may lie from where the map puts it
FEWEST = 4  # matches that a map must explain; it always explains three
TRIALS = 1000  # of three matches, at most
DISTORTION = 10.0  # by how much a map may change areas, either way

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Matches:
    """M pairs of keypoints that look alike, one of a query and one of a gallery photo."""

    query: Rows  # (M,), rows of the query's keypoints
    photo: Rows  # (M,), gallery photos, ascending
    other: Rows  # (M,), rows of that photo's keypoints
    weights: Floats  # (M,), above 0

    def where(self, chosen: slice | Bools) -> "Matches":
        """Some of the matches."""
        return Matches(self.query[chosen], self.photo[chosen], self.other[chosen], self.weights[chosen])


@dataclass(frozen=True, eq=False)
class Parts:
    """K keypoints in P parts of similar ones, so that a query is not compared with all of them."""

    centres: Floats  # (P, 128), the mean descriptor of each
    members: npt.NDArray[np.int32]  # (K,), the part of each keypoint


class KeypointIndex:
    """The keypoints of G gallery photos, searched for those of a query."""

    def __init__(self, gallery: Sequence[Keypoints], parts: Parts | None = None, *, once: bool = False) -> None:
        """Index G photos; `parts` are those of an earlier index, and an index that is searched `once` has none."""
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
        """A new index with more photos, which are always compared in full; it shares what is built, this one stays."""
        longer = copy(self)
        longer._hold([*self.gallery, *more], [*self._indexes, _exact(stacked_descriptors(more))])
        return longer

    def matches(self, query: Keypoints, excluded: Bools | None = None) -> Matches:
        """Match keypoints by LNBNN; photos that are `excluded`, bool (G,), are ignored.

        The weight is how much nearer a keypoint's best match in a photo is than its neighbour after the `NEIGHBOURS`
        nearest, times `_centrality`: grass and waves look like many others, and weigh nothing.
        """
        return self._found(query, _rows(excluded))

    def _find_matches(self, query: Keypoints, excluded: tuple[int, ...]) -> Matches:
        wanted = min(NEIGHBOURS + 1, len(self._photos))
        if not len(query.places) or wanted < 2:
            none = np.zeros(0, np.intp)
            return Matches(none, none, none, np.zeros(0, np.float32))
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
        found = self._found(query, excluded)
        found = found.where(slice(*np.searchsorted(found.photo, [photo, photo + 1])))
        return found.where(in_one_arrangement(query, self.gallery[photo], found.query, found.other))

    def _nearest(
        self, descriptors: Floats, wanted: int, excluded: tuple[int, ...]
    ) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Squared distances and rows of the nearest keypoints, (K, wanted) each; row -1 where there are no more."""
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


def in_one_arrangement(query: Keypoints, other: Keypoints, query_rows: Rows, other_rows: Rows) -> Bools:
    """Which of M matches, rows of either photo's keypoints, one affine map explains: bool (M,).

    The map is the one that most matches agree with (MAGSAC++, Barath et al., CVPR 2020). One that changes areas more
    than `DISTORTION` times is refused, as no camera does, and a mirrored one: the other flank has another pattern.
    """
    nothing = np.zeros(len(query_rows), dtype=np.bool_)
    if len(query_rows) < FEWEST:
        return nothing
    affine, kept = cv2.estimateAffine2D(
        query.places[query_rows],
        other.places[other_rows],
        method=cv2.USAC_MAGSAC,
        ransacReprojThreshold=TOLERANCE * max(other.size),
        maxIters=TRIALS,
    )
    if affine is None or kept.sum() < FEWEST or not 1 / DISTORTION < np.linalg.det(affine[:, :2]) < DISTORTION:
        return nothing
    return np.asarray(kept[:, 0] > 0)


def _centrality(photo: Keypoints) -> Floats:
    """The weight of each keypoint's place, (K,): highest in the middle, as two animals may share a background."""
    height, width = photo.size
    offsets = 2 * photo.places / np.array([width, height], np.float32) - 1  # -1 to 1
    return np.asarray(np.exp(-(offsets**2).sum(axis=1) / (2 * MIDDLE**2)), np.float32)


def sorted_into_parts(descriptors: npt.NDArray[np.uint8]) -> Parts:
    """Sort descriptors, uint8 (K, 128), into about 2 sqrt(K) parts, found by seeded k-means on a sample."""
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
    """A FAISS index that compares all descriptors by squared distance."""
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
