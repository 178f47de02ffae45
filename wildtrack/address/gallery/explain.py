"""Why a match: the points that two photos share, and where on a photo the similarity rests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.features.keypoints import Keypoints, cached_keypoints
from wildtrack.address.matching.local.voting import LocalIndex, Matches
from wildtrack.address.models.engines import Engine
from wildtrack.console import track
from wildtrack.storage.cache import CacheConfig

WINDOWS = 7  # places a side at which a part of the photo is covered
COVERED = 0.25  # of its side
BLUR = 0.04  # of its width: the edges of the windows mean nothing

Floats = npt.NDArray[np.float32]


def shared_points(
    index: LocalIndex, query: Keypoints, photos: Sequence[int], matches: Matches | None = None
) -> list[Floats]:
    """Where the points lie that a query shares with known photos in one arrangement; see `LocalIndex.arranged`.

    Args:
        index: The known photos.
        query: The photo that is asked about.
        photos: Which known photos.
        matches: Those of the query, where they have been found already.

    Returns:
        For each of `photos` float32 (M, 4): x and y in the query, x and y in the known photo, as shares of their width
        and height; those that say most come first.
    """
    if matches is None:
        matches = index.matches(query)
    found = []
    for photo in photos:
        kept = index.arranged(query, matches.of(photo), photo)
        order = np.argsort(-kept.weights, kind="stable")
        known = index.gallery[photo]
        here = query.places[kept.query[order]] / query.size[::-1]
        there = known.places[kept.known[order]] / known.size[::-1]
        pairs = np.hstack([here, there]).astype(np.float32)
        found.append(pairs[np.sort(np.unique(pairs, axis=0, return_index=True)[1])])  # SIFT finds some twice
    return found


def similarity_maps(engine: Engine, photo: npt.NDArray[np.uint8], embeddings: Floats) -> Floats:
    """Where on a photo its similarity to others rests: how much is lost when that place is covered.

    After Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. It asks for nothing but
    the engine's answers, so it says what any model goes by.

    Args:
        engine: Embeds photos.
        photo: uint8 (H, W, 3), at the engine's size.
        embeddings: float32 (K, D), of the others.

    Returns:
        float32 (K, H, W): the cosine lost, 0 or more, the mean over the windows that cover a place, a little blurred.
    """
    height, width = photo.shape[:2]
    tall, wide = max(1, round(COVERED * height)), max(1, round(COVERED * width))
    tops = np.linspace(0, height - tall, WINDOWS).astype(int)
    lefts = np.linspace(0, width - wide, WINDOWS).astype(int)
    windows = [(top, left) for top in tops for left in lefts]
    covered = np.repeat(photo[None], len(windows), axis=0)
    average = photo.mean(axis=(0, 1)).astype(np.uint8)
    for copy, (top, left) in zip(covered, windows, strict=True):
        copy[top : top + tall, left : left + wide] = average
    whole = engine.run(photo[None])["embedding"] @ embeddings.T  # (1, K)
    lost = whole - np.concatenate([engine.run(copy[None])["embedding"] @ embeddings.T for copy in covered])
    total, count = np.zeros((len(embeddings), height, width), np.float32), np.zeros((height, width), np.float32)
    for loss, (top, left) in zip(lost, windows, strict=True):
        total[:, top : top + tall, left : left + wide] += loss[:, None, None]
        count[top : top + tall, left : left + wide] += 1
    mean = np.maximum(0, total / np.maximum(1, count))
    blurred = [cv2.GaussianBlur(each, (0, 0), BLUR * width) for each in mean]
    return np.array(blurred, np.float32).reshape(total.shape)


@dataclass(frozen=True, eq=False)
class Reasons:
    """Why K known photos are ranked first for a query."""

    points: Sequence[Floats]  # K of (M, 4), from `shared_points`
    maps: Floats  # (K, H, W), from `similarity_maps`


def explain_queries(
    ranked: Mapping[int, npt.NDArray[np.intp]],
    table: pd.DataFrame,
    root: Path,
    pixels: npt.NDArray[np.uint8],
    embeddings: Floats,
    engine: Engine,
    index: LocalIndex | None,
    gallery: npt.NDArray[np.intp],
    cache: CacheConfig,
) -> dict[int, Reasons]:
    """Why photos of a catalogue are ranked first for others.

    Args:
        ranked: Row of a query -> the rows of the photos that are ranked first.
        table: The catalogue with `sha256`, N rows.
        root: What its paths are relative to.
        pixels: uint8 (N, H, W, 3), at the engine's size.
        embeddings: float32 (N, D).
        engine: Embeds photos.
        index: The gallery's keypoints; None where the matcher has no need of them: then only the photos that are ranked
            first are compared.
        gallery: int (G,), the row of each photo in the index.
        cache: Where keypoints are kept.
    """
    rows = sorted({row for query, best in ranked.items() for row in (query, *best.tolist())})
    digests = list(table["sha256"].iloc[rows])
    found = dict(zip(rows, cached_keypoints(table.iloc[rows], root, digests, cache), strict=True))
    places = {int(row): place for place, row in enumerate(gallery)}
    reasons = {}
    for query, best in track(list(ranked.items()), "Explaining", len(ranked)):
        among, photos = index, [places[row] for row in best.tolist()]
        if among is None:
            among, photos = LocalIndex([found[row] for row in best.tolist()], once=True), list(range(len(best)))
        points = shared_points(among, found[query], photos)
        reasons[query] = Reasons(points, similarity_maps(engine, pixels[query], embeddings[best]))
    return reasons
