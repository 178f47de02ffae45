"""What a matcher's scores mean: scores in, log-odds that two photos show one animal out.

Scores of two matchers mean nothing beside each other, but the shares of pairs with such scores that showed one animal
do, as WildFusion found (Cermak et al., "WildFusion: Individual Animal Identification with Calibrated Similarity
Fusion", 2024). Those shares are measured on validation photos, never on test photos. WildFusion averages them; here
their log-odds are added, as for witnesses who do not know of each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wildtrack.address.matching.viewpoints import OTHER, RELATIONS, SAME, Codes

TIE = 1e-3  # how little a score itself counts beside its log-odds: many pairs share one, and still have to be ranked
CERTAIN = 20.0  # a share of pairs is taken to be no less than the prior over this, and no more than 1 - 1 over this
FEWEST_PAIRS = 20  # that show one animal, to learn what scores mean between viewpoints

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Curve:
    """From a matcher's scores to P(same animal): between these points on a straight line, beyond them level.

    Attributes:
        scores: float64 (P,), ascending.
        probabilities: float64 (P,), 0 to 1, ascending.
    """

    scores: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]

    def __call__(self, scores: Floats) -> npt.NDArray[np.float64]:
        """Scores of any shape -> P(same animal), same shape."""
        probability: npt.NDArray[np.float64] = np.interp(scores, self.scores, self.probabilities)
        return probability


@dataclass(frozen=True, eq=False)
class Calibration:
    """What one matcher's scores mean.

    Attributes:
        prior: The share of all pairs that show one animal, between 0 and 1.
        spread: Lowest and highest score that was seen.
        curves: By the relation of the viewpoints, see `RELATIONS`: "any", and perhaps "same" and "other".
    """

    prior: float
    spread: tuple[float, float]
    curves: Mapping[str, Curve]

    def log_odds(self, scores: Floats, relation: Codes) -> npt.NDArray[np.float64]:
        """Log-odds of one animal beyond the prior's; among pairs of one relation a higher score never gives less.

        Args:
            scores: Any shape.
            relation: From `viewpoint_relation`, same shape.
        """
        probability = np.empty(scores.shape)
        for code, name in enumerate(RELATIONS):
            curve = self.curves.get(name, self.curves["any"])
            those = relation == code
            probability[those] = curve(scores[those])
        low, high = self.spread
        position = (scores - low) / max(high - low, np.finfo(np.float64).tiny)
        bounded = np.clip(probability, self.prior / CERTAIN, max(self.prior, 1 - 1 / CERTAIN))
        odds: npt.NDArray[np.float64] = log_odds(bounded) - log_odds(self.prior) + TIE * position
        return odds


def log_odds(probability: Floats | float) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)) of probabilities between 0 and 1, any shape."""
    odds: npt.NDArray[np.float64] = np.log(probability) - np.log1p(-np.asarray(probability, np.float64))
    return odds


def fit_curve(scores: Floats, same: Bools) -> Curve:
    """Fit P(same animal) by isotonic regression: a higher score never means less.

    Args:
        scores: Of pairs of photos, any shape, one pair at least.
        same: Whether each pair shows one animal, same shape.
    """
    from sklearn.isotonic import IsotonicRegression  # scikit-learn takes a second: not for --help

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(scores.ravel(), same.ravel())
    return Curve(fitted.X_thresholds_.astype(np.float64), fitted.y_thresholds_.astype(np.float64))


def calibrate(scores: Floats, same: Bools, relation: Codes) -> Calibration:
    """Learn what a matcher's scores mean.

    Args:
        scores: Of pairs of photos, any shape.
        same: Whether each pair shows one animal, same shape; with some that do and some that do not.
        relation: From `viewpoint_relation`, same shape. With fewer than `FEWEST_PAIRS` pairs of one animal of one
            viewpoint, or of two, viewpoints are not regarded.
    """
    curves = {"any": fit_curve(scores, same)}
    of_relation = {RELATIONS[code]: relation == code for code in (SAME, OTHER)}
    if all((same & those).sum() >= FEWEST_PAIRS for those in of_relation.values()):
        curves |= {name: fit_curve(scores[those], same[those]) for name, those in of_relation.items()}
    return Calibration(float(same.mean()), (float(scores.min()), float(scores.max())), curves)
