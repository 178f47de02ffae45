"""Spatial verification: which matched keypoints of two photos one affine map explains."""

import cv2
import numpy as np
import numpy.typing as npt

from wildtrack.address.features.keypoints import Keypoints

TOLERANCE = 0.03  # of the gallery photo's longer side: how far a keypoint may lie from where the map puts it
FEWEST = 4  # matches that a map must explain; it always explains three
TRIALS = 1000  # of three matches, at most
DISTORTION = 10.0  # by how much a map may change areas, either way

Rows = npt.NDArray[np.intp]


def in_one_arrangement(query: Keypoints, other: Keypoints, query_rows: Rows, other_rows: Rows) -> npt.NDArray[np.bool_]:
    """Which of M matches, rows of either photo's keypoints, one affine map explains: bool (M,).

    The map is the one that most matches agree with (MAGSAC++, Barath et al., CVPR 2020). One that changes areas more
    than `DISTORTION` times is refused, as no camera does, and a mirrored one: the other flank has another pattern.
    """
    nothing = np.zeros(len(query_rows), dtype=np.bool_)
    if len(query_rows) < FEWEST:
        return nothing
    here, there = query.places[query_rows], other.places[other_rows]
    tolerance = TOLERANCE * max(other.size)
    affine, kept = cv2.estimateAffine2D(
        here, there, method=cv2.USAC_MAGSAC, ransacReprojThreshold=tolerance, maxIters=TRIALS
    )
    if affine is None or kept.sum() < FEWEST or not 1 / DISTORTION < np.linalg.det(affine[:, :2]) < DISTORTION:
        return nothing
    return np.asarray(kept[:, 0] > 0)
