"""Several methods as one: what each one's score says becomes evidence, and evidence adds up.

Scores of different methods mean nothing beside each other, but the shares of pairs with such scores that showed one
animal do, as WildFusion found (Cermak et al., "WildFusion: Individual Animal Identification with Calibrated Similarity
Fusion", 2024). Those shares are measured on validation photos, never on test photos. WildFusion averages them; here
their log-odds are added, as for witnesses who do not know of each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TIE = 1e-3  # how little a score itself counts beside its evidence: many pairs share one, and still have to be ranked
CERTAIN = 20.0  # a share of pairs is taken to be no less than the prior over this, and no more than 1 - 1 over this
FEWEST_PAIRS = 20  # that show one animal, to learn what scores mean between sides

RELATIONS = ("any", "same", "other")  # of the sides that two photos show; any: one of them is not known
ANY_SIDE, SAME_SIDE, OTHER_SIDE = range(3)

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]


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


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one method's scores say for and against "one animal".

    Attributes:
        prior: The share of all pairs that show one animal, between 0 and 1.
        spread: Lowest and highest score that was seen.
        calibrations: What scores mean, by RELATIONS: "any", and perhaps "same" and "other".
    """

    prior: float
    spread: tuple[float, float]
    calibrations: Mapping[str, Calibration]

    def __call__(self, similarity: Floats, relation: Codes) -> npt.NDArray[np.float64]:
        """Log-odds of one animal beyond the prior's; among pairs of one relation a higher score never gives less.

        Args:
            similarity: Scores, any shape.
            relation: From `side_relation`, same shape.
        """
        probability = np.empty(similarity.shape)
        for code, name in enumerate(RELATIONS):
            calibration = self.calibrations.get(name, self.calibrations["any"])
            those = relation == code
            probability[those] = calibration(similarity[those])
        low, high = self.spread
        position = (similarity - low) / max(high - low, np.finfo(np.float64).tiny)
        bounded = np.clip(probability, self.prior / CERTAIN, max(self.prior, 1 - 1 / CERTAIN))
        evidence: npt.NDArray[np.float64] = log_odds(bounded) - log_odds(self.prior) + TIE * position
        return evidence


def log_odds(probability: Floats | float) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)) of probabilities between 0 and 1, any shape."""
    odds: npt.NDArray[np.float64] = np.log(probability) - np.log1p(-np.asarray(probability, np.float64))
    return odds


def side_relation(query_sides: npt.ArrayLike, gallery_sides: npt.ArrayLike) -> Codes:
    """How the sides that photos show relate: str (Q,) and (G,), "" where not known -> places in RELATIONS, (Q, G)."""
    query, gallery = np.asarray(query_sides, str)[:, None], np.asarray(gallery_sides, str)[None]
    known = (query != "") & (gallery != "")
    return np.where(known, np.where(query == gallery, SAME_SIDE, OTHER_SIDE), ANY_SIDE).astype(np.int8)


def calibrate(similarity: Floats, same: Bools) -> Calibration:
    """Learn what scores mean by isotonic regression: a higher score never means less.

    Args:
        similarity: Scores of pairs of photos, any shape, one pair at least.
        same: Whether each pair shows one animal, same shape.
    """
    from sklearn.isotonic import IsotonicRegression  # scikit-learn takes a second: not for --help

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(similarity.ravel(), same.ravel())
    return Calibration(fitted.X_thresholds_.astype(np.float64), fitted.y_thresholds_.astype(np.float64))


def learn_evidence(similarity: Floats, same: Bools, relation: Codes) -> Evidence:
    """Learn what a method's scores say.

    Args:
        similarity: Scores of pairs of photos, any shape.
        same: Whether each pair shows one animal, same shape; with some that do and some that do not.
        relation: From `side_relation`, same shape. With fewer than `FEWEST_PAIRS` pairs of one animal on one side, or
            on two, sides are taken no notice of.
    """
    calibrations = {"any": calibrate(similarity, same)}
    sides = {RELATIONS[code]: relation == code for code in (SAME_SIDE, OTHER_SIDE)}
    if all((same & those).sum() >= FEWEST_PAIRS for those in sides.values()):
        calibrations |= {name: calibrate(similarity[those], same[those]) for name, those in sides.items()}
    spread = float(similarity.min()), float(similarity.max())
    return Evidence(float(same.mean()), spread, calibrations)
