"""Several methods as one: each one's scores become probabilities, and these are averaged.

As WildFusion does it (Cermak et al., "WildFusion: Individual Animal Identification with Calibrated Similarity Fusion",
2024): scores of different methods mean nothing beside each other, but the shares of pairs with such scores that showed
one animal do. Those shares are measured on validation photos, never on test photos.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TIE = 1e-6  # how little the scores themselves count beside the probabilities: many pairs share one

SMALLEST = np.finfo(np.float64).tiny

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Calibration:
    """From one method's scores to P(same animal): between these points on a straight line, beyond them level.

    Attributes:
        scores: float64 (P,), ascending.
        probabilities: float64 (P,), 0 to 1, ascending.
    """

    scores: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]

    def __call__(self, similarity: Floats) -> npt.NDArray[np.float64]:
        """Scores of any shape -> P(same animal), same shape."""
        probability: npt.NDArray[np.float64] = np.interp(similarity, self.scores, self.probabilities)
        return probability

    def position(self, similarity: Floats) -> npt.NDArray[np.float64]:
        """Where scores lie between the lowest and the highest known one, 0 to 1, same shape."""
        low, high = self.scores[0], self.scores[-1]
        position: npt.NDArray[np.float64] = np.clip((similarity - low) / max(high - low, SMALLEST), 0, 1)
        return position


def calibrate(similarity: Floats, same: npt.NDArray[np.bool_]) -> Calibration:
    """Learn what scores mean by isotonic regression: a higher score never means less.

    Args:
        similarity: Scores of pairs of photos, any shape.
        same: Whether each pair shows one animal, same shape; with some that do and some that do not.
    """
    from sklearn.isotonic import IsotonicRegression  # scikit-learn takes a second: not for --help

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(similarity.ravel(), same.ravel())
    return Calibration(fitted.X_thresholds_.astype(np.float64), fitted.y_thresholds_.astype(np.float64))


def fuse(similarities: Sequence[Floats], calibrations: Sequence[Calibration]) -> npt.NDArray[np.float64]:
    """The mean P(same animal) of several methods on the same pairs; ties by where the scores themselves lie.

    Args:
        similarities: Each method's scores, all of one shape.
        calibrations: Each method's own.

    Returns:
        Scores of that shape, 0 to 1 + TIE.
    """
    pairs = list(zip(calibrations, similarities, strict=True))
    probability = np.mean([calibration(scores) for calibration, scores in pairs], axis=0)
    position = np.mean([calibration.position(scores) for calibration, scores in pairs], axis=0)
    fused: npt.NDArray[np.float64] = probability + TIE * position
    return fused
