"""From scores of identities to P(same animal) and a decision: a match, for review, or a new animal.

Both are learnt on validation photos, each scored with its animal in the gallery, and as a photo of an unknown animal.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from wildtrack.address.matching.matcher import Floats

Decision = Literal["match", "review", "new"]

MISSED = 0.05  # share of known animals' photos that may be called new
LIKELY = 0.5  # lowest P of a match: more likely right than wrong
CANDIDATES = 3  # of each validation photo that P is learnt from


@dataclass(frozen=True, eq=False)
class Decider:
    """Turns a matcher's scores of identities into P(same animal), and P into a decision.

    Attributes:
        weights: Of an identity's score, of its lead over the best other identity, and a constant; their sum is the
            log-odds of P(same animal).
        known: float64 (V,), ascending: P of the first candidate for validation photos of known animals.
        new: float64 (S,), ascending: the same for photos of unknown animals.
        even: The P that separates known from new animals best.
    """

    weights: tuple[float, float, float]
    known: Floats
    new: Floats
    even: float

    def probability(self, scores: Floats) -> Floats:
        """P(same animal) of every identity: scores (Q, I), -inf where an identity is excluded -> (Q, I)."""
        features = np.stack([scores, _lead(scores), np.ones(scores.shape)])
        possible = np.isfinite(scores)
        odds = np.tensordot(self.weights, np.where(possible, features, 0.0), 1)
        return np.where(possible, 1 / (1 + np.exp(-np.clip(odds, -50, 50))), 0.0)

    def match_from(self, false_match_rate: float) -> float:
        """The lowest P of a match: at most this share of unknown animals' photos is expected to reach it.

        Of photos like the S of unknown animals, (k + 1) in (S + 1) lie above the (k + 1)-th highest P of these; where S
        is too small for such a share, all stay below. It is at least `even` and `LIKELY`.
        """
        least = max(self.even, LIKELY)
        above = int(false_match_rate * (len(self.new) + 1) + 1e-9) - 1  # of the validation photos; 1e-9 for rounding
        if above >= len(self.new) or not len(self.new):
            return least
        return max(least, float(np.nextafter(self.new[-1 - max(0, above)], 2.0)))

    @property
    def new_below(self) -> float:
        """The P below which the animal is new: at most `even`, and at most `MISSED` of known animals lie below."""
        return min(self.even, float(self.known[int(MISSED * len(self.known))]) if len(self.known) else 0.0)

    def decide(self, probability: float, false_match_rate: float) -> Decision:
        """The decision for the P of the first candidate; the rate is as for `match_from`."""
        if probability >= self.match_from(false_match_rate):
            return "match"
        return "new" if probability < self.new_below else "review"


def learn_decider(known: Floats, truth: npt.NDArray[np.intp], new: Floats) -> Decider:
    """Learn P(same animal) by logistic regression (Platt, "Probabilistic outputs for SVMs", 1999).

    Args:
        known: (Q, I) scores of identities for validation photos, at least one.
        truth: (Q,) the place of the right identity.
        new: (S, I) scores for photos of unknown animals; as a whole they weigh as much as the known ones.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second: not for --help

    rows, labels, counts = [], [], []
    for scores, right in ((known, truth), (new, np.full(len(new), -1))):
        best = np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES]
        features = np.stack([scores, _lead(scores)], axis=-1)
        chosen = np.take_along_axis(features, best[..., None], axis=1)
        usable = np.isfinite(chosen).all(axis=-1)
        rows.append(chosen[usable])
        labels.append((best == right[:, None])[usable])
        counts.append(np.full(usable.sum(), 1 / max(1, len(scores))))
    table, label, weight = np.concatenate(rows), np.concatenate(labels), np.concatenate(counts)
    weight *= len(weight) / max(weight.sum(), 1e-9)
    share = (np.sum(weight * label) + 1) / (weight.sum() + 2)  # of candidates that are right; never 0 or 1
    slopes, constant = np.zeros(2), float(np.log(share / (1 - share)))  # unless a score helps
    for columns in ([0, 1], [0], [1]) if len(set(label.tolist())) == 2 else ():
        fitted = LogisticRegression(max_iter=1000).fit(table[:, columns], label, weight)
        if (fitted.coef_ >= 0).all():  # a negative weight is chance: try without that column
            slopes[columns], constant = fitted.coef_[0], float(fitted.intercept_[0])
            break
    weights = float(slopes[0]), float(slopes[1]), constant
    draft = Decider(weights, np.zeros(0), np.zeros(0), 0.0)
    of_known, of_new = draft.probability(known).max(axis=1), draft.probability(new).max(axis=1, initial=0.0)
    right_first = known.argmax(axis=1) == truth  # by score: several identities may share one P
    return Decider(weights, np.sort(of_known), np.sort(of_new), even_threshold(of_known, right_first, of_new))


def even_threshold(known: Floats, right: npt.NDArray[np.bool_], new: Floats) -> float:
    """The P that separates known from new animals: the product of the shares that are right on either side is largest.

    Of several such, the middle of the widest gap between photos; 0.5 where either kind is missing.

    Args:
        known: (V,) P of the first candidate for photos of known animals.
        right: (V,) whether that candidate is the right one.
        new: (S,) P of the first candidate for photos of new animals.
    """
    if not len(known) or not len(new):
        return 0.5
    places = np.unique(np.concatenate([known, new, [0.0, 1.0]]))
    middles, gaps = (places[1:] + places[:-1]) / 2, np.diff(places)
    accepted = 1 - np.searchsorted(np.sort(known[right]), middles) / max(1, right.sum())
    refused = np.searchsorted(np.sort(new), middles) / len(new)
    return float(middles[np.lexsort((gaps, np.round(accepted * refused, 12)))[-1]])


def _lead(scores: Floats) -> Floats:
    """The lead of each identity over the best other one, (Q, I); 0 where there is no other."""
    if scores.shape[1] < 2:
        return np.zeros(scores.shape)
    top = np.partition(scores, -2, axis=1)[:, -2:]  # the second best, the best
    is_best = np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]
    other = np.where(is_best, top[:, :1], top[:, 1:])
    with np.errstate(invalid="ignore"):  # -inf minus -inf
        return np.where(np.isfinite(other), scores - other, 0.0)
