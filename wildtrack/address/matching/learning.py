"""What validation teaches about matching: which matcher is best here, what its scores mean, when they are a match.

Learnt once, at the end of training, and saved with the model as `matching.json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wildtrack.address.evaluation.metrics import identity_similarity, retrieval_scores
from wildtrack.address.matching.calibration import ANY_SIDE, Codes, Evidence, learn_evidence
from wildtrack.address.matching.decision import Decider, learn_decider
from wildtrack.errors import UserError

EMBEDDING, LOCAL, FUSED = "embedding", "local", "fused"
MEMBERS = {EMBEDDING: (EMBEDDING,), LOCAL: (LOCAL,), FUSED: (EMBEDDING, LOCAL)}  # matcher -> the methods it goes by
FOLDS = 5  # what scores mean is learnt on all but one of them, and tried on that

Floats = npt.NDArray[np.float64]
Similarities = Mapping[str, npt.NDArray[np.floating]]


@dataclass(frozen=True, eq=False)
class Asked:
    """Validation photos asked about the training's photos: Q of known animals, S of new ones, G gallery photos.

    Attributes:
        known: Method -> scores (Q, G).
        query_ids: str (Q,).
        relation: int8 (Q, G), from `side_relation`.
        new: Method -> scores (S, G).
        new_ids: str (S,).
        new_relation: int8 (S, G).
        gallery_ids: str (G,).
        unseen: The new animals had no part in training. Otherwise these are the same queries, Q of them, their own
            animal being taken out of the gallery: -inf.
    """

    known: Similarities
    query_ids: npt.NDArray[Any]
    relation: Codes
    new: Similarities
    new_ids: npt.NDArray[Any]
    new_relation: Codes
    gallery_ids: npt.NDArray[Any]
    unseen: bool

    @property
    def same(self) -> npt.NDArray[np.bool_]:
        """Which pairs of a known animal's photo show one animal, (Q, G)."""
        same: npt.NDArray[np.bool_] = np.equal(self.query_ids[:, None], self.gallery_ids[None]).astype(np.bool_)
        return same


@dataclass(frozen=True, eq=False)
class LearntMatcher:
    """One way to rank.

    Attributes:
        sided: Whether what scores mean depends on the sides that photos show.
        decider: What its scores of identities are worth.
        reciprocal_rank: Mean of 1 / rank of the right identity, over validation photos that it did not learn from.
        mean_precision: mAP over these photos.
    """

    sided: bool
    decider: Decider
    reciprocal_rank: float
    mean_precision: float


@dataclass(frozen=True, eq=False)
class Matching:
    """What a ranking needs to know.

    Attributes:
        best: The matcher that did best on validation photos: what "auto" means.
        evidence: Method -> what its scores say.
        matchers: By name.
        queries: How many validation photos of known animals it was learnt from.
        identities: How many animals these show.
        new_photos: How many photos of animals that are not known.
        new_animals: How many animals these show.
        gallery: How many known photos it was learnt with.
        unseen: Whether training did not see these animals. If it did, new ones are harder to tell than this says.
    """

    best: str
    evidence: Mapping[str, Evidence]
    matchers: Mapping[str, LearntMatcher]
    queries: int
    identities: int
    new_photos: int
    new_animals: int
    gallery: int
    unseen: bool

    def decider(self, matcher: str) -> Decider:
        """What a matcher's scores of identities are worth."""
        return self.matchers[matcher].decider

    def scores(self, matcher: str, similarities: Similarities, relation: Codes) -> Floats:
        """How much speaks for each pair showing one animal: log-odds beyond the prior's, (Q, G).

        Args:
            matcher: "embedding", "local" or "fused".
            similarities: The scores of the methods it goes by, (Q, G); -inf stays what it is.
            relation: From `side_relation`, (Q, G).
        """
        return _scores(self.evidence, matcher, self.matchers[matcher].sided, similarities, relation)


def _scores(
    evidence: Mapping[str, Evidence], matcher: str, sided: bool, similarities: Similarities, relation: Codes
) -> Floats:
    there = relation if sided else np.full(relation.shape, ANY_SIDE)
    found = np.zeros(relation.shape)
    for method in MEMBERS[matcher]:
        possible = np.isfinite(similarities[method])
        found[possible] += evidence[method](similarities[method][possible], there[possible])
        found[~possible] = -np.inf
    return found


def choose_matcher(matching: Matching | None, wanted: str) -> str:
    """The matcher to use.

    Args:
        matching: What validation taught; None where there was none.
        wanted: A matcher, or "auto": the one that did best on validation photos, else the embedding.

    Raises:
        UserError: That matcher needs what validation teaches.
    """
    if wanted == "auto":
        return EMBEDDING if matching is None else matching.best
    if wanted == EMBEDDING or (matching is not None and wanted in matching.matchers):
        return wanted
    raise UserError(
        f"--matcher {wanted} needs to know what its scores mean, which a training learns from validation photos, and "
        "this model has not; use --matcher embedding, or train again with photos to validate"
    )


def learn_matching(asked: Asked) -> Matching:
    """Learn from validation photos; each of them needs a right one in the gallery, and there must be wrong ones.

    What scores mean is learnt from all of them. What a matcher is worth, with and without regard to sides, and how sure
    it is, is learnt from photos whose animals had no part in that. The best is whichever finds the right identity
    sooner; of equals, the right photos.
    """
    folds = _folds(asked)
    matchers = {}
    for name, members in MEMBERS.items():
        if any(member not in asked.known for member in members):
            continue
        tried = {sided: _tried(asked, folds, name, sided) for sided in (False, True)}
        figures = {sided: _figures(known, asked) for sided, (known, _) in tried.items()}
        sided = figures[True] > figures[False]
        (known, names), (new, _) = (identity_similarity(scores, asked.gallery_ids) for scores in tried[sided])
        truth = (np.asarray(names)[None] == asked.query_ids[:, None]).argmax(axis=1)
        matchers[name] = LearntMatcher(sided, learn_decider(known, truth, new), *figures[sided])
    best = max(matchers, key=lambda name: (matchers[name].reciprocal_rank, matchers[name].mean_precision))
    everything = _learn_evidence(asked, np.ones(len(asked.query_ids), np.bool_), np.ones(len(asked.new_ids), np.bool_))
    return Matching(
        best,
        everything,
        matchers,
        queries=len(asked.query_ids),
        identities=len(set(asked.query_ids)),
        new_photos=len(asked.new_ids),
        new_animals=len(set(asked.new_ids)),
        gallery=len(asked.gallery_ids),
        unseen=asked.unseen,
    )


def summary(matching: Matching) -> str:
    """For the screen: how the matchers did on validation photos, and which is the best."""
    figures = ", ".join(
        f"{name} {found.reciprocal_rank:.2f} and {found.mean_precision:.3f}"
        for name, found in matching.matchers.items()
    )
    new = "of animals that training did not see" if matching.unseen else "with their own animal taken out"
    return (
        f"Best matcher: {matching.best}. Mean of 1 / rank of the right animal, and mAP, on {matching.queries} "
        f"validation photos: {figures}. When nobody is known was learnt from {matching.new_photos} photos {new}."
    )


def _figures(scores: Floats, asked: Asked) -> tuple[float, float]:
    """Mean of 1 / rank of the right identity, its best photo counting; and mAP."""
    merged, names = identity_similarity(scores, asked.gallery_ids)
    right = np.asarray(names)[None] == asked.query_ids[:, None]
    order = np.argsort(-merged, axis=1, kind="stable")
    ranks = 1 + np.take_along_axis(right, order, axis=1).argmax(axis=1)
    precision = retrieval_scores(scores, asked.query_ids, asked.gallery_ids)["AP"]
    return float(np.mean(1 / ranks)), float(precision.mean())


@dataclass(frozen=True, eq=False)
class _Fold:
    """Photos of some animals, and what those of all others say about scores."""

    known: npt.NDArray[np.bool_]  # (Q,)
    new: npt.NDArray[np.bool_]  # (S,)
    evidence: Mapping[str, Evidence]


def _folds(asked: Asked) -> list[_Fold]:
    """Part the animals into at most `FOLDS`."""
    animals = np.unique(np.concatenate([asked.query_ids, asked.new_ids]).astype(str))
    numbers = np.random.default_rng(0).permutation(len(animals)) % min(FOLDS, len(animals))
    known, new = (numbers[np.searchsorted(animals, ids.astype(str))] for ids in (asked.query_ids, asked.new_ids))
    folds = []
    for number in range(numbers.max() + 1):
        others = known != number if (known != number).any() else known == number  # one animal alone teaches itself
        folds.append(_Fold(known == number, new == number, _learn_evidence(asked, others, new != number)))
    return folds


def _tried(asked: Asked, folds: Sequence[_Fold], matcher: str, sided: bool) -> tuple[Floats, Floats]:
    """A matcher's scores of known (Q, G) and new (S, G), each photo's by evidence from other animals' photos."""
    known, new = np.empty(asked.relation.shape), np.empty(asked.new_relation.shape)
    for fold in folds:
        for scores, rows, similarities, relation in (
            (known, fold.known, asked.known, asked.relation),
            (new, fold.new, asked.new, asked.new_relation),
        ):
            there = {name: values[rows] for name, values in similarities.items()}
            scores[rows] = _scores(fold.evidence, matcher, sided, there, relation[rows])
    return known, new


def _learn_evidence(asked: Asked, known: npt.NDArray[np.bool_], new: npt.NDArray[np.bool_]) -> dict[str, Evidence]:
    """From some of the known animals' photos, and some of those of animals that training did not see."""
    new = new & asked.unseen
    same = np.concatenate([asked.same[known], np.zeros(asked.new_relation[new].shape, np.bool_)])
    relation = np.concatenate([asked.relation[known], asked.new_relation[new]])
    return {
        name: learn_evidence(np.concatenate([values[known], asked.new[name][new]]), same, relation)
        for name, values in asked.known.items()
    }
