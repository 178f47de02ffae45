"""Learn from validation photos which matcher is best, what its scores mean, and when they are a match."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
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
from wildtrack.address.matching.viewpoints import viewpoint_relation

FOLDS = 5  # the calibration is learnt on all but one of them, and tried on that one

Fold = tuple[np.ndarray, np.ndarray, dict[str, Calibration]]  # known bool (Q,) and new (S,); learnt on all others


@dataclass(frozen=True, eq=False)
class ScoredPhotos:
    """Q photos, scored against G gallery photos by every registered matcher."""

    ids: np.ndarray  # str (Q,), the animals they show
    scores: Mapping[str, np.ndarray]  # matcher -> (Q, G)
    relation: np.ndarray  # int8 (Q, G), from `viewpoint_relation`


@dataclass(frozen=True, eq=False)
class Validation:
    """The scores of validation photos: of animals in the gallery, and of unknown ones."""

    gallery_ids: np.ndarray  # str (G,)
    known: ScoredPhotos
    new: ScoredPhotos  # unless `unseen`, `known` once more, with scores of -inf for their own animals
    unseen: bool  # the new animals had no part in training


def score_validation(table: pd.DataFrame, features: Features, validation: Protocol) -> Validation:
    """Score the validation photos against the training's with every registered matcher that has what it compares.

    The new animals are the unknown ones of `validation`, else the queries, their own animal taken out of the gallery.
    """
    identities, rows = table["identity"].to_numpy(dtype=object), validation.gallery
    gallery, unseen = Gallery.of(table.iloc[rows], features[rows]), len(validation.unknown) > 0
    usable = {name: kind() for name, kind in matchers().items() if features.keypoints or not kind.uses_keypoints}

    def scored(chosen: np.ndarray, excluded: np.ndarray | None = None) -> ScoredPhotos:
        photos = features[chosen]
        scores = {name: matcher.scores(photos, gallery, excluded) for name, matcher in usable.items()}
        return ScoredPhotos(identities[chosen], scores, viewpoint_relation(photos.viewpoints, gallery.viewpoints))

    queries = some_of(validation.queries)
    unclear = None if validation.unclear is None else validation.unclear[np.isin(validation.queries, queries)]
    if unseen:
        new = scored(some_of(validation.unknown))
    else:
        own = identities[queries][:, None] == identities[rows]
        new = scored(queries, own if unclear is None else own | unclear)
    return Validation(identities[rows], scored(queries, unclear), new, unseen)


def learn_matching(validation: Validation) -> Matching:
    """Learn from validation photos; each of them needs a right one in the gallery, and there must be wrong ones.

    Calibrations are learnt from all of them; figures and deciders from scores that other animals' photos calibrated.
    The best matcher finds the right identity soonest, on average; of equals, the right photos.
    """
    known, new, identities = validation.known, validation.new, Identities.of(validation.gallery_ids)
    right = identities.names == known.ids[:, None]  # (Q, identities)

    def figures(scores: np.ndarray) -> tuple[float, float]:
        """Mean of 1 / rank of the right identity, by its best photo; and mAP."""
        order = np.argsort(-identities.merge(scores), axis=1, kind="stable")
        ranks = 1 + np.take_along_axis(right, order, axis=1).argmax(axis=1)
        precision = retrieval_scores(scores, known.ids, validation.gallery_ids)["AP"]
        return float(np.mean(1 / ranks)), float(precision.mean())

    folds, learnt = _folds(validation), {}
    for name in (*known.scores, *FUSIONS):
        if not set(parts_of(name)) <= set(known.scores):
            continue
        tried = {by_viewpoint: _tried(validation, folds, name, by_viewpoint) for by_viewpoint in (False, True)}
        found = {by_viewpoint: figures(of_known) for by_viewpoint, (of_known, _) in tried.items()}
        by_viewpoint = found[True] > found[False]
        of_known, of_new = (identities.merge(scores) for scores in tried[by_viewpoint])
        decider = learn_decider(of_known, right.argmax(axis=1), of_new)
        learnt[name] = LearntMatcher(by_viewpoint, decider, *found[by_viewpoint])
    return Matching(
        max(learnt, key=lambda name: (learnt[name].reciprocal_rank, learnt[name].mean_precision)),
        _calibrations(validation, np.ones(len(known.ids), bool), np.ones(len(new.ids), bool)),
        learnt,
        queries=len(known.ids),
        identities=len(set(known.ids)),
        new_photos=len(new.ids),
        new_animals=len(set(new.ids)),
        gallery=len(validation.gallery_ids),
        unseen=validation.unseen,
    )


def _folds(validation: Validation) -> list[Fold]:
    """Part the animals into at most `FOLDS`, each with what is learnt on all others."""
    ids = [photos.ids.astype(str) for photos in (validation.known, validation.new)]
    animals = np.unique(np.concatenate(ids))
    numbers = np.random.default_rng(0).permutation(len(animals)) % min(FOLDS, len(animals))
    known, new = (numbers[np.searchsorted(animals, each)] for each in ids)
    folds = []
    for number in range(numbers.max() + 1):
        others = known != number if (known != number).any() else known == number  # a single animal calibrates itself
        folds.append((known == number, new == number, _calibrations(validation, others, new != number)))
    return folds


def _tried(
    validation: Validation, folds: Iterable[Fold], name: str, by_viewpoint: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A matcher's scores of known (Q, G) and new photos (S, G), each calibrated by other animals' photos."""
    of_known, of_new = (np.empty(photos.relation.shape) for photos in (validation.known, validation.new))
    for known, new, calibrations in folds:
        matcher = FusedMatcher({part: calibrations[part] for part in parts_of(name)}, by_viewpoint)
        for photos, rows, tried in (validation.known, known, of_known), (validation.new, new, of_new):
            scores = {part: values[rows] for part, values in photos.scores.items()}
            tried[rows] = matcher.combined(scores, photos.relation[rows])
    return of_known, of_new


def _calibrations(validation: Validation, known: np.ndarray, new: np.ndarray) -> dict[str, Calibration]:
    """What each matcher's scores mean, from a selection (Q,) of known photos and, if unseen, one (S,) of new ones."""
    new = new & validation.unseen
    of_known, of_new = validation.known, validation.new
    same = of_known.ids[known][:, None] == validation.gallery_ids
    same = np.concatenate([same, np.zeros(of_new.relation[new].shape, bool)])
    relation = np.concatenate([of_known.relation[known], of_new.relation[new]])
    return {
        name: calibrate(np.concatenate([scores[known], of_new.scores[name][new]]), same, relation)
        for name, scores in of_known.scores.items()
    }
