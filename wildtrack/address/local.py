"""Ranking by local features: which known photos share keypoints with a new one, and in one arrangement.

Two steps, as HotSpotter takes them (Crall et al., "HotSpotter - Patterned Species Instance Recognition", WACV 2013):
every keypoint of the query votes for the known photos whose keypoints look most like it (LNBNN); then the photos with
most votes keep those that lie as they would if one photo were a distorted copy of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import faiss
import numpy as np
import numpy.typing as npt

from wildtrack.address.keypoints import Keypoints

NEIGHBOURS = 10  # known keypoints that each one of the query looks at
SHORTLIST = 40  # photos whose arrangement is compared
EXACT_BELOW = 20_000  # known keypoints; from there on an index that looks at a part of them
PROBES = 16  # parts of that index which are looked at
TRAINED_ON = 40  # keypoints a part, from which the parts are found
ROUNDS = 8  # of k-means, to find the parts
LENGTH = 128  # of a descriptor
TOLERANCE = 0.03  # of the known photo's longer side: how far a keypoint may lie from where the arrangement puts it
FEWEST = 4  # matches that make an arrangement; three make one always
TRIALS = 1000  # of three matches, at most
DISTORTION = 10.0  # by how much an arrangement may change areas, either way
UNVERIFIED = 1e-3  # weight of votes beside verified ones: it only ranks what has none

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Matches:
    """M pairs of keypoints that look alike, one of a query and one of a known photo."""

    query: Rows  # (M,), rows of the query's keypoints
    photo: Rows  # (M,), known photos, ascending
    known: Rows  # (M,), rows of that photo's keypoints
    weights: Floats  # (M,), how much the pair says, above 0

    def of(self, photo: int) -> "Matches":
        """Those with one known photo."""
        part = slice(*np.searchsorted(self.photo, [photo, photo + 1]))
        return self.where(part)

    def where(self, chosen: slice | npt.NDArray[np.bool_]) -> "Matches":
        """Some of them."""
        return Matches(self.query[chosen], self.photo[chosen], self.known[chosen], self.weights[chosen])


class LocalIndex:
    """The keypoints of the gallery's photos, to be asked which photos a new one shares them with."""

    def __init__(self, gallery: Sequence[Keypoints]) -> None:
        """Build the index over G photos; a photo may have no keypoints."""
        self.gallery = gallery
        counts = [len(photo.places) for photo in gallery]
        self._photos = np.repeat(np.arange(len(gallery)), counts)  # (K,): which photo a keypoint is of
        self._firsts = np.cumsum([0, *counts])[:-1]  # (G,): where each photo's keypoints begin
        self._index = _faiss_index([photo.descriptors for photo in gallery])

    def matches(self, query: Keypoints) -> Matches:
        """LNBNN: each keypoint votes for a photo by how much nearer its best match there is than the background.

        The background is the neighbour after the `NEIGHBOURS` nearest. So a keypoint that looks like many (grass,
        waves) votes for none, since all its neighbours are about as far away. It votes for each photo once.
        """
        wanted = min(NEIGHBOURS + 1, self._index.ntotal)
        if not len(query.places) or wanted < 2:
            nothing = np.zeros(0, dtype=np.intp)
            return Matches(nothing, nothing, nothing, np.zeros(0, np.float32))
        squared, found = self._index.search(query.descriptors.astype(np.float32), wanted)  # (K, wanted)
        distances = np.sqrt(np.where(found < 0, np.nan, squared))  # an index of parts may find fewer
        weights = np.nan_to_num(np.nanmax(distances, axis=1, keepdims=True) - distances)
        rows, ranks = np.nonzero(weights > 0)
        known = found[rows, ranks]
        photos = self._photos[known]
        order = np.lexsort((ranks, rows, photos))  # by photo, then by keypoint, its nearest first
        rows, known, photos, ranks = rows[order], known[order], photos[order], ranks[order]
        first = np.ones(len(rows), dtype=np.bool_)
        first[1:] = (rows[1:] != rows[:-1]) | (photos[1:] != photos[:-1])
        weight = weights[rows, ranks].astype(np.float32)
        return Matches(rows, photos, known - self._firsts[photos], weight).where(first)

    def rank(self, query: Keypoints) -> Floats:
        """Score every photo of the gallery, float32 (G,): the votes that lie in one arrangement, 0 or more."""
        matches = self.matches(query)
        votes = np.bincount(matches.photo, matches.weights, minlength=len(self.gallery))
        scores = UNVERIFIED * votes
        for photo in np.argsort(-votes, kind="stable")[:SHORTLIST]:
            shared = matches.of(photo)
            scores[photo] += shared.weights[in_one_arrangement(query, self.gallery[photo], shared)].sum()
        return scores.astype(np.float32)


def in_one_arrangement(query: Keypoints, known: Keypoints, matches: Matches) -> npt.NDArray[np.bool_]:
    """Which matches an affine map of the query onto the known photo explains, bool (M,).

    The map is the one most matches agree with (RANSAC, then refined on them). One that squeezes or blows up areas more
    than `DISTORTION` times is none that a camera makes, nor is a mirrored one: the other flank has another pattern.
    """
    nothing = np.zeros(len(matches.query), dtype=np.bool_)
    if len(matches.query) < FEWEST:
        return nothing
    here, there = query.places[matches.query], known.places[matches.known]
    tolerance = TOLERANCE * max(known.size)
    affine, kept = cv2.estimateAffine2D(here, there, ransacReprojThreshold=tolerance, maxIters=TRIALS)
    if affine is None or kept.sum() < FEWEST or not 1 / DISTORTION < np.linalg.det(affine[:, :2]) < DISTORTION:
        return nothing
    return np.asarray(kept[:, 0] > 0)


def _faiss_index(descriptors: Sequence[npt.NDArray[np.uint8]]) -> Any:
    """Squared distances between descriptors: all compared while there are few, else parts of them, a byte an entry."""
    total = sum(map(len, descriptors))
    index: Any = faiss.IndexFlatL2(LENGTH)
    if total >= EXACT_BELOW:
        parts = round(4 * np.sqrt(total))
        index = faiss.IndexIVFScalarQuantizer(index, LENGTH, parts, faiss.ScalarQuantizer.QT_8bit_direct)
        index.nprobe, index.cp.niter = PROBES, ROUNDS
        index.train(_sample(descriptors, TRAINED_ON * parts).astype(np.float32))
    for photo in descriptors:
        if len(photo):
            index.add(photo.astype(np.float32))
    return index


def _sample(descriptors: Sequence[npt.NDArray[np.uint8]], wanted: int) -> npt.NDArray[np.uint8]:
    """All descriptors of photos drawn until there are enough."""
    order = np.random.default_rng(0).permutation(len(descriptors))
    enough = np.searchsorted(np.cumsum([len(descriptors[photo]) for photo in order]), wanted) + 1
    return np.concatenate([descriptors[photo] for photo in order[:enough]])
