"""How good decisions are: match, review or new, for photos of animals that are known and of animals that are not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.evaluation.metrics import ranks_of
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.matcher import Bools, Floats

BINS = 10  # of P(same animal), for the calibration error
FOUND = 0.95  # share of the true matches that the review effort is stated for

Labels = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class FirstAnswers:
    """The first candidate for K photos of known and S photos of new animals."""

    known: Floats  # (K,), P(same animal) of the first candidate
    right: Bools  # (K,), whether it is the right one
    known_ids: Labels  # (K,), the animal on the photo
    new: Floats  # (S,), P(same animal) of the first candidate, which cannot be right
    new_ids: Labels  # (S,), the animal on the photo


def auroc(known: Floats, new: Floats) -> float | None:
    """The share of pairs of a known and a new photo in which the known one scores higher, ties half; None without."""
    if not len(known) or not len(new):
        return None
    from sklearn.metrics import roc_auc_score  # takes a second: not for --help

    scores = np.nan_to_num(np.concatenate([known, new]), nan=np.nan)  # infinities become the largest numbers
    return float(roc_auc_score(np.arange(len(scores)) < len(known), scores))


def balanced_accuracy(right: Bools, identities: Labels) -> float | None:
    """The mean over identities of the share of their photos that are answered right; None without photos."""
    return float(pd.Series(right, dtype=float).groupby(identities).mean().mean()) if len(right) else None


def reliability(probability: Floats, right: Bools, weights: Floats) -> npt.NDArray[np.float64]:
    """Sum of weights, mean P and share right in each of `BINS` equal bins of P, (BINS, 3); NaN without answers."""
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    total = np.bincount(bins, weights, minlength=BINS)
    with np.errstate(invalid="ignore"):
        sure = np.bincount(bins, weights * probability, minlength=BINS) / total
        found = np.bincount(bins, weights * right, minlength=BINS) / total
    return np.stack([total, sure, found], axis=1)


def pooled(answers: FirstAnswers) -> tuple[Floats, Bools, Floats]:
    """All answers with their weights: known and new animals' photos count equally in all, as when P was learnt."""
    probability = np.concatenate([answers.known, answers.new])
    right = np.concatenate([answers.right, np.zeros(len(answers.new), np.bool_)])
    sizes = [len(answers.known), len(answers.new)]
    return probability, right, np.repeat([1 / max(1, size) for size in sizes], sizes)


def expected_calibration_error(answers: FirstAnswers) -> float:
    """Mean distance between how sure answers are and how often they are right (Guo et al. 2017), over `BINS` bins."""
    table = reliability(*pooled(answers))
    total, sure, right = table[table[:, 0] > 0].T
    return float((total * np.abs(sure - right)).sum() / total.sum())


def review_effort(scores: Floats, truth: npt.NDArray[np.intp]) -> dict[str, Any]:
    """The number of candidates to look at until the right animal, from scores (K, I) and its place (K,).

    "leafing" is the number for a person who looks through the animals in no particular order.
    """
    ranks = ranks_of(scores, truth)
    return {
        "candidates_for_95_percent": int(np.quantile(ranks, FOUND, method="inverted_cdf")),
        "leafing_for_95_percent": int(np.ceil(FOUND * scores.shape[1])),
        "mean_candidates": float(ranks.mean()),
    }


def decision_report(answers: FirstAnswers, decider: Decider, false_match_rate: float) -> dict[str, Any]:
    """How often decisions at a false-match rate were right: the part "open_set" of `metrics.json`.

    Shares are 0-1, None where there is no such photo; "BAKS" and "BAUS" (AnimalCLEF 2025) are for answers that are
    either the first candidate or new.
    """
    match_from, new_below, even = decider.match_from(false_match_rate), decider.new_below, decider.even
    known, new = answers.known, answers.new

    def share(of: Bools) -> float | None:
        return float(of.mean()) if len(of) else None

    return {
        "AUROC": auroc(known, new),
        "false_match_rate_asked_for": false_match_rate,
        "false_matches": share(new >= match_from),
        "true_accepts": share((known >= match_from) & answers.right),
        "wrong_accepts": share((known >= match_from) & ~answers.right),
        "called_new": share(known < new_below),
        "new_called_new": share(new < new_below),
        "for_review": share((known < match_from) & (known >= new_below)),
        "new_for_review": share((new < match_from) & (new >= new_below)),
        "BAKS": balanced_accuracy((known >= even) & answers.right, answers.known_ids),
        "BAUS": balanced_accuracy(new < even, answers.new_ids),
        "ECE": expected_calibration_error(answers),
        "match_from": match_from,
        "new_below": new_below,
        "known_from_when_forced": even,
        "num_known": len(known),
        "num_new": len(new),
    }
