"""From scores to a decision: how sure the best candidate is, and whether that is a match, for review, or a new animal.

Scores of identities go in, P(same animal) and a word come out. What scores are worth was learnt on validation photos,
each scored twice: with its animal in the gallery, and without, as a photo of an unknown animal.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Decision = Literal["match", "review", "new"]

MISSED = 0.05  # share of known animals' photos that may be called new
LIKELY = 0.5  # P of a match at least: more likely right than wrong
CANDIDATES = 3  # of each query, from which it is learnt what scores mean

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Decider:
    """What a matcher's scores of identities are worth.

    Attributes:
        weights: Of an identity's score, of its lead over the best other identity, and a constant; their sum is the
            log-odds of P(same animal).
        known: float64 (V,), ascending: P of the first candidate for validation photos of animals that are known.
        new: float64 (S,), ascending: the same for photos whose animal is not known.
        even: The P from which "known" is said when there are only "known" and "new" to say.
    """

    weights: tuple[float, float, float]
    known: Floats
    new: Floats
    even: float

    def probability(self, scores: Floats) -> Floats:
        """P(same animal) of every identity: scores (Q, I), -inf where an identity cannot be -> (Q, I)."""
        features = np.stack([scores, _lead(scores), np.ones(scores.shape)])
        possible = np.isfinite(scores)
        odds = np.tensordot(self.weights, np.where(possible, features, 0.0), 1)
        return np.where(possible, 1 / (1 + np.exp(-np.clip(odds, -50, 50))), 0.0)

    def match_from(self, false_match_rate: float) -> float:
        """The P from which a candidate is a match: no more than this share of new animals' photos are to reach it.

        Of photos like the S validation photos of new animals, (k + 1) in (S + 1) lie above the (k + 1)-th surest one of
        these. Where S is too small to show so small a share, all of them stay below. It is `even` and `LIKELY` at
        least, so that a few photos cannot make it careless.
        """
        least = max(self.even, LIKELY)
        above = int(false_match_rate * (len(self.new) + 1) + 1e-9) - 1  # of the validation photos; rounding aside
        if above >= len(self.new) or not len(self.new):
            return least
        return max(least, float(np.nextafter(self.new[-1 - max(0, above)], 2.0)))

    @property
    def new_below(self) -> float:
        """The P below which the animal is new: `even` at most; no more than `MISSED` of the known ones lie there."""
        return min(self.even, float(self.known[int(MISSED * len(self.known))]) if len(self.known) else 0.0)

    def decide(self, probability: float, false_match_rate: float) -> Decision:
        """The word for the P of the first candidate; the rate: of new animals, what share may be called a match."""
        if probability >= self.match_from(false_match_rate):
            return "match"
        return "new" if probability < self.new_below else "review"


def learn_decider(known: Floats, truth: npt.NDArray[np.intp], new: Floats) -> Decider:
    """Learn what scores are worth, by logistic regression (Platt, "Probabilistic outputs for SVMs", 1999).

    Args:
        known: (Q, I) scores of identities for validation photos, one at least.
        truth: (Q,) the number of the right identity.
        new: (S, I) scores for photos whose own identity is taken out, -inf there. They count as much as the known.
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
    share = (np.sum(weight * label) + 1) / (weight.sum() + 2)  # of candidates that are right; never none or all
    slopes, constant = np.zeros(2), float(np.log(share / (1 - share)))  # where nothing speaks for an animal
    for columns in ([0, 1], [0], [1]) if len(set(label.tolist())) == 2 else ():
        fitted = LogisticRegression(max_iter=1000).fit(table[:, columns], label, weight)
        if (fitted.coef_ >= 0).all():  # a score that counts against its animal is chance: the next choice does without
            slopes[columns], constant = fitted.coef_[0], float(fitted.intercept_[0])
            break
    weights = float(slopes[0]), float(slopes[1]), constant
    draft = Decider(weights, np.zeros(0), np.zeros(0), 0.0)
    sure, unsure = draft.probability(known).max(axis=1), draft.probability(new).max(axis=1, initial=0.0)
    right_first = known.argmax(axis=1) == truth  # by scores: P may be the same for several
    return Decider(weights, np.sort(sure), np.sort(unsure), even_threshold(sure, right_first, unsure))


def even_threshold(known: Floats, right: npt.NDArray[np.bool_], new: Floats) -> float:
    """The P that parts known from new animals: the largest product of the shares that are right on either side.

    Of many such, the middle of the widest gap between photos. 0.5 where there is nothing to go by.

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
    best = np.lexsort((gaps, np.round(accepted * refused, 12)))[-1]
    return float(middles[best])


def _lead(scores: Floats) -> Floats:
    """How far each identity is ahead of the best other one, (Q, I); 0 where there is no other."""
    if scores.shape[1] < 2:
        return np.zeros(scores.shape)
    top = np.partition(scores, -2, axis=1)[:, -2:]  # the second best, the best
    is_best = np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]
    other = np.where(is_best, top[:, :1], top[:, 1:])
    with np.errstate(invalid="ignore"):  # -inf beside -inf
        return np.where(np.isfinite(other), scores - other, 0.0)
