"""What a matcher's scores mean: scores in, log-odds that two photos show one animal out.

The share of pairs with such a score that show one animal is measured on validation photos, as in WildFusion (Cermak et
al., 2024), which averages the shares of several matchers; here their log-odds are added, as for independent evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wildtrack.address.matching.matcher import Bools, Floats
from wildtrack.address.matching.viewpoints import OTHER, RELATIONS, SAME, Codes

TIE = 1e-3  # weight of the score itself, added to its log-odds: pairs with equal log-odds are still ranked
CERTAIN = 20.0  # probabilities are kept between prior / CERTAIN and 1 - 1 / CERTAIN
FEWEST_PAIRS = 20  # pairs of one animal that a curve for one relation of viewpoints needs


@dataclass(frozen=True, eq=False)
class Curve:
    """P(same animal) of a score: linear between these points, constant beyond them.

    Attributes:
        scores: float64 (P,), ascending.
        probabilities: float64 (P,), 0 to 1, ascending.
    """

    scores: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]

    def __call__(self, scores: Floats) -> npt.NDArray[np.float64]:
        """P(same animal) of scores of any shape."""
        return np.asarray(np.interp(scores, self.scores, self.probabilities), np.float64)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What one matcher's scores mean.

    Attributes:
        prior: The share of all pairs that show one animal, between 0 and 1.
        spread: Lowest and highest score of the pairs it was learnt from.
        curves: Relation of the viewpoints (`RELATIONS`) -> curve; always "any", or all three.
    """

    prior: float
    spread: tuple[float, float]
    curves: Mapping[str, Curve]

    def log_odds(self, scores: Floats, relation: Codes) -> npt.NDArray[np.float64]:
        """Log-odds of one animal minus the prior's; for pairs of one relation they rise with the score.

        Args:
            scores: Of pairs of photos, any shape.
            relation: From `viewpoint_relation`, same shape.
        """
        probability = np.empty(scores.shape)
        for code, name in enumerate(RELATIONS):
            chosen = relation == code
            probability[chosen] = self.curves.get(name, self.curves["any"])(scores[chosen])
        low, high = self.spread
        position = (scores - low) / max(high - low, np.finfo(np.float64).tiny)
        bounded = np.clip(probability, self.prior / CERTAIN, max(self.prior, 1 - 1 / CERTAIN))
        return np.asarray(log_odds(bounded) - log_odds(self.prior) + TIE * position)


def log_odds(probability: Floats | float) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)) of probabilities between 0 and 1, any shape."""
    return np.asarray(np.log(probability) - np.log1p(-np.asarray(probability, np.float64)))


def fit_curve(scores: Floats, same: Bools) -> Curve:
    """Fit P(same animal) by isotonic regression: it never falls as the score rises.

    Args:
        scores: Of pairs of photos, any shape, at least one pair.
        same: Whether each pair shows one animal, same shape.
    """
    from sklearn.isotonic import IsotonicRegression  # scikit-learn takes a second: not for --help

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(scores.ravel(), same.ravel())
    return Curve(fitted.X_thresholds_.astype(np.float64), fitted.y_thresholds_.astype(np.float64))


def calibrate(scores: Floats, same: Bools, relation: Codes) -> Calibration:
    """Learn what a matcher's scores mean.

    Args:
        scores: Of pairs of photos, any shape.
        same: Whether each pair shows one animal, same shape; both kinds must occur.
        relation: From `viewpoint_relation`, same shape. It is ignored unless "same" and "other" both have at least
            `FEWEST_PAIRS` pairs of one animal.
    """
    curves = {"any": fit_curve(scores, same)}
    of_relation = {RELATIONS[code]: relation == code for code in (SAME, OTHER)}
    if all((same & chosen).sum() >= FEWEST_PAIRS for chosen in of_relation.values()):
        curves |= {name: fit_curve(scores[chosen], same[chosen]) for name, chosen in of_relation.items()}
    return Calibration(float(same.mean()), (float(scores.min()), float(scores.max())), curves)
