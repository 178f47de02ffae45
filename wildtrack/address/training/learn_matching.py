"""Learn from validation photos which matcher is best, what its scores mean, and when they are a match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.evaluation.metrics import retrieval_scores
from wildtrack.address.evaluation.protocol import Protocol, some_of
from wildtrack.address.features.features import Features
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.calibration import Calibration, calibrate
from wildtrack.address.matching.decision import learn_decider
from wildtrack.address.matching.fused import FusedMatcher, parts_of
from wildtrack.address.matching.identities import Identities
from wildtrack.address.matching.matcher import FUSIONS, matchers
from wildtrack.address.matching.matching import LearntMatcher, Matching
from wildtrack.address.matching.viewpoints import Codes, viewpoint_relation

FOLDS = 5  # what scores mean is learnt on all but one of them, and tried on that

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Scores = Mapping[str, npt.NDArray[np.floating]]


@dataclass(frozen=True, eq=False)
class ScoredPhotos:
    """Photos that were scored against the gallery by every registered matcher: Q of them, G gallery photos.

    Attributes:
        ids: str (Q,), whom they show.
        scores: Matcher -> (Q, G).
        relation: int8 (Q, G), from `viewpoint_relation`.
    """

    ids: npt.NDArray[Any]
    scores: Scores
    relation: Codes


@dataclass(frozen=True, eq=False)
class Validation:
    """The scores of validation photos.

    Attributes:
        gallery_ids: str (G,).
        known: Photos of animals that are in the gallery.
        new: Photos of unknown animals.
        unseen: The new animals had no part in training. Otherwise these are the known photos once more, their own
            animal being taken out of the gallery: -inf.
    """

    gallery_ids: npt.NDArray[Any]
    known: ScoredPhotos
    new: ScoredPhotos
    unseen: bool

    @property
    def same(self) -> Bools:
        """Which pairs of a known animal's photo show one animal, (Q, G)."""
        same: Bools = np.equal(self.known.ids[:, None], self.gallery_ids[None]).astype(np.bool_)
        return same


def score_validation(table: pd.DataFrame, features: Features, validation: Protocol) -> Validation:
    """Score the validation photos against the training's photos with every registered matcher.

    Args:
        table: The catalogue, N rows.
        features: Of N photos; matchers that compare keypoints are left out where there are none.
        validation: From `validation_protocol`. Its unknown animals are the new ones; where it has none, every query is
            scored a second time, with its own animal taken out of the gallery.
    """
    identities = table["identity"].to_numpy(dtype=object)
    rows, queries = validation.gallery, some_of(validation.queries)
    gallery = Gallery.of(table.iloc[rows], features[rows])
    unseen = len(validation.unknown) > 0
    again = some_of(validation.unknown) if unseen else queries
    own: Bools = np.equal(identities[again][:, None], identities[rows][None]).astype(np.bool_)
    with_keypoints = features.keypoints is not None
    usable = {name: kind() for name, kind in matchers().items() if with_keypoints or not kind.uses_keypoints}

    def scored(chosen: npt.NDArray[np.intp], excluded: Bools | None) -> ScoredPhotos:
        photos = features[chosen]
        scores = {name: matcher.scores(photos, gallery, excluded) for name, matcher in usable.items()}
        return ScoredPhotos(identities[chosen], scores, viewpoint_relation(photos.viewpoints, gallery.viewpoints))

    return Validation(identities[rows], scored(queries, None), scored(again, None if unseen else own), unseen)


def learn_matching(validation: Validation) -> Matching:
    """Learn from validation photos; each of them needs a right one in the gallery, and there must be wrong ones.

    What scores mean is learnt from all of them. What a matcher is worth, with and without regard to viewpoints, and
    how sure it is, is learnt from photos whose animals had no part in that. The best is whichever finds the right
    identity sooner; of equals, the right photos.
    """
    known, identities = validation.known, Identities.of(validation.gallery_ids)
    truth = (identities.names[None] == known.ids[:, None]).argmax(axis=1)
    folds = _folds(validation)
    learnt = {}
    for name in (*known.scores, *FUSIONS):
        if any(part not in known.scores for part in parts_of(name)):
            continue
        tried = {by_viewpoint: _tried(validation, folds, name, by_viewpoint) for by_viewpoint in (False, True)}
        figures = {by_viewpoint: _figures(scores, validation) for by_viewpoint, (scores, _) in tried.items()}
        by_viewpoint = figures[True] > figures[False]
        of_known, of_new = (identities.merge(scores) for scores in tried[by_viewpoint])
        learnt[name] = LearntMatcher(by_viewpoint, learn_decider(of_known, truth, of_new), *figures[by_viewpoint])
    best = max(learnt, key=lambda name: (learnt[name].reciprocal_rank, learnt[name].mean_precision))
    everything = np.ones(len(known.ids), np.bool_), np.ones(len(validation.new.ids), np.bool_)
    return Matching(
        best,
        _calibrations(validation, *everything),
        learnt,
        queries=len(known.ids),
        identities=len(set(known.ids)),
        new_photos=len(validation.new.ids),
        new_animals=len(set(validation.new.ids)),
        gallery=len(validation.gallery_ids),
        unseen=validation.unseen,
    )


def _figures(scores: Floats, validation: Validation) -> tuple[float, float]:
    """Mean of 1 / rank of the right identity, its best photo counting; and mAP."""
    identities = Identities.of(validation.gallery_ids)
    merged, query_ids = identities.merge(scores), validation.known.ids
    right = identities.names[None] == query_ids[:, None]
    order = np.argsort(-merged, axis=1, kind="stable")
    ranks = 1 + np.take_along_axis(right, order, axis=1).argmax(axis=1)
    precision = retrieval_scores(scores, query_ids, validation.gallery_ids)["AP"]
    return float(np.mean(1 / ranks)), float(precision.mean())


@dataclass(frozen=True, eq=False)
class _Fold:
    """Photos of some animals, and what those of all others say about scores."""

    known: Bools  # (Q,)
    new: Bools  # (S,)
    calibrations: Mapping[str, Calibration]


def _folds(validation: Validation) -> list[_Fold]:
    """Part the animals into at most `FOLDS`."""
    ids = validation.known.ids, validation.new.ids
    animals = np.unique(np.concatenate(ids).astype(str))
    numbers = np.random.default_rng(0).permutation(len(animals)) % min(FOLDS, len(animals))
    known, new = (numbers[np.searchsorted(animals, each.astype(str))] for each in ids)
    folds = []
    for number in range(numbers.max() + 1):
        others = known != number if (known != number).any() else known == number  # one animal alone teaches itself
        folds.append(_Fold(known == number, new == number, _calibrations(validation, others, new != number)))
    return folds


def _tried(validation: Validation, folds: Sequence[_Fold], name: str, by_viewpoint: bool) -> tuple[Floats, Floats]:
    """A matcher's scores of known (Q, G) and new (S, G), each photo's calibrated by other animals' photos."""
    tried = []
    for photos, parts in (
        (validation.known, [fold.known for fold in folds]),
        (validation.new, [fold.new for fold in folds]),
    ):
        scores = np.empty(photos.relation.shape)
        for fold, rows in zip(folds, parts, strict=True):
            matcher = FusedMatcher({part: fold.calibrations[part] for part in parts_of(name)}, by_viewpoint)
            of_parts = {part: values[rows] for part, values in photos.scores.items()}
            scores[rows] = matcher.combined(of_parts, photos.relation[rows])
        tried.append(scores)
    return tried[0], tried[1]


def _calibrations(validation: Validation, known: Bools, new: Bools) -> dict[str, Calibration]:
    """From some of the known animals' photos, and some of those of animals that training did not see."""
    new = new & validation.unseen
    of_known, of_new = validation.known, validation.new
    same = np.concatenate([validation.same[known], np.zeros(of_new.relation[new].shape, np.bool_)])
    relation = np.concatenate([of_known.relation[known], of_new.relation[new]])
    return {
        name: calibrate(np.concatenate([scores[known], of_new.scores[name][new]]), same, relation)
        for name, scores in of_known.scores.items()
    }
