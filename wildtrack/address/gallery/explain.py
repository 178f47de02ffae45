"""Why two photos match: the points that they share, and where on a photo the similarity comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.address.models.engines import Engine
from wildtrack.console import track

WINDOWS = 7  # positions along each side at which a part of the photo is covered
COVERED = 0.25  # of its side
BLUR = 0.04  # of its width, to hide the edges of the windows

Floats = npt.NDArray[np.float32]


def shared_points(
    index: KeypointIndex, query: Keypoints, photos: Sequence[int], excluded: npt.NDArray[np.bool_] | None = None
) -> list[Floats]:
    """The points that a query shares with each of `photos`, float32 (M, 4), those with the highest weights first.

    x and y in the query, x and y in the gallery photo, as shares of width and height; `excluded` is bool (G,).
    """
    found = []
    for photo in photos:
        kept = index.verified(query, photo, excluded)
        order = np.argsort(-kept.weights, kind="stable")
        other = index.gallery[photo]
        here = query.places[kept.query[order]] / query.size[::-1]
        there = other.places[kept.other[order]] / other.size[::-1]
        pairs = np.hstack([here, there]).astype(np.float32)
        found.append(pairs[np.sort(np.unique(pairs, axis=0, return_index=True)[1])])  # SIFT finds some twice
    return found


def similarity_maps(engine: Engine, photo: npt.NDArray[np.uint8], embeddings: Floats) -> Floats:
    """Where on a photo its similarity to K others comes from, float32 (K, H, W): the cosine lost when it is covered.

    After Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. The photo is uint8
    (H, W, 3) at the engine's size, the embeddings (K, D).
    """
    height, width = photo.shape[:2]
    tall, wide = max(1, round(COVERED * height)), max(1, round(COVERED * width))
    tops = np.linspace(0, height - tall, WINDOWS).astype(int)
    lefts = np.linspace(0, width - wide, WINDOWS).astype(int)
    average = photo.mean(axis=(0, 1)).astype(np.uint8)
    whole = engine.run(photo[None])["embedding"] @ embeddings.T  # (1, K)
    total, count = np.zeros((len(embeddings), height, width), np.float32), np.zeros((height, width), np.float32)
    for top, left in product(tops, lefts):
        covered, window = photo.copy(), np.s_[top : top + tall, left : left + wide]
        covered[window] = average
        lost = whole - engine.run(covered[None])["embedding"] @ embeddings.T
        total[:, *window] += lost.T[..., None]
        count[window] += 1
    mean = np.maximum(0, total / np.maximum(1, count))
    blurred = [cv2.GaussianBlur(each, (0, 0), BLUR * width) for each in mean]
    return np.array(blurred, np.float32).reshape(total.shape)


@dataclass(frozen=True, eq=False)
class Reasons:
    """Why K gallery photos are ranked first for a query."""

    points: Sequence[Floats]  # K of (M, 4), from `shared_points`
    maps: Floats  # (K, H, W), from `similarity_maps`


@dataclass(frozen=True, eq=False)
class Explained:
    """N photos of a catalogue, from which a ranking is explained."""

    pixels: npt.NDArray[np.uint8]  # (N, H, W, 3), at the engine's size
    embeddings: Floats  # (N, D)
    keypoints: Mapping[int, Keypoints]  # row of the catalogue -> keypoints, for the queries and the photos ranked first


def explain_queries(
    ranked: Mapping[int, npt.NDArray[np.intp]],
    photos: Explained,
    engine: Engine,
    index: KeypointIndex | None,
    gallery: npt.NDArray[np.intp],
) -> dict[int, Reasons]:
    """Row of a query -> reasons for the rows `ranked` first; the index is of the catalogue's rows `gallery`."""
    places = {int(row): place for place, row in enumerate(gallery)}
    reasons = {}
    for query, best in track(list(ranked.items()), "Explaining", len(ranked)):
        if index is None:
            among = KeypointIndex([photos.keypoints[row] for row in best.tolist()], once=True)
            points = shared_points(among, photos.keypoints[query], range(len(best)))
        else:
            points = shared_points(index, photos.keypoints[query], [places[row] for row in best.tolist()])
        reasons[query] = Reasons(points, similarity_maps(engine, photos.pixels[query], photos.embeddings[best]))
    return reasons
