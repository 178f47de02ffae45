"""Every figure that follows from the scores of queries and gallery: the retrieval part of `metrics.json`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.address.evaluation.metrics import (
    bootstrap_intervals,
    paired_difference,
    retrieval_scores,
    summarise,
    top_k_accuracy,
)
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.matching.identities import Identities
from wildtrack.address.matching.viewpoints import OTHER
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Retrieval:
    """The rankings of one method, scored with and without the gallery photos that give answers away."""

    all_photos: pd.DataFrame  # from `retrieval_scores`
    leak_free: pd.DataFrame
    by_identity: pd.DataFrame  # all photos, merged to identities: what a person who is shown names sees


def score_rankings(
    scores: np.ndarray, leak_free: np.ndarray, protocol: Protocol, identities: np.ndarray, leaky: np.ndarray
) -> Retrieval:
    """Score the ranking of the gallery for every query.

    Args:
        scores: float (Q, G), of any matcher.
        leak_free: float (Q, G), the same as if the leaky photos were unknown.
        protocol: Queries and gallery.
        identities: str (N,).
        leaky: bool (Q, G): gallery photos that give the query's answer away.
    """
    query_ids, gallery_ids = identities[protocol.queries], identities[protocol.gallery]
    of_gallery = Identities.of(gallery_ids)
    return Retrieval(
        retrieval_scores(scores, query_ids, gallery_ids),
        retrieval_scores(leak_free, query_ids, gallery_ids, excluded=leaky),
        retrieval_scores(of_gallery.merge(scores), query_ids, of_gallery.names),
    )


def figures_of(scores: pd.DataFrame, query_ids: np.ndarray, seed: int) -> dict[str, Any]:
    """The averages with their 95% intervals over identities."""
    return {**summarise(scores, query_ids), "confidence_intervals": bootstrap_intervals(scores, query_ids, seed=seed)}


def retrieval_report(
    methods: dict[str, Retrieval], chosen: str, query_ids: np.ndarray, leaky: np.ndarray, seed: int
) -> dict[str, Any]:
    """The retrieval part of `metrics.json`.

    Args:
        methods: Scores by method, "trained" among them; the others are compared with it.
        chosen: The method whose figures stand on top.
        query_ids: str (Q,).
        leaky: bool (Q, G).
        seed: For the bootstrap.

    Returns:
        Plain values: the chosen method's figures on top, then "leakage" and "methods".
    """
    trained, ranked = methods["trained"], methods[chosen]
    report = figures_of(ranked.all_photos, query_ids, seed)
    report["leakage"] = {
        "share_of_queries_with_a_leaky_gallery_photo": float(leaky.any(axis=1).mean()),
        "leaky_pairs": int(leaky.sum()),
        "leak_free": figures_of(ranked.leak_free, query_ids, seed),
    }
    report["methods"] = {
        name: method_figures(retrieval, None if name == "trained" else trained, query_ids, seed)
        for name, retrieval in methods.items()
    }
    return report


def method_figures(retrieval: Retrieval, trained: Retrieval | None, query_ids: np.ndarray, seed: int) -> dict[str, Any]:
    """One method's figures, and how far the trained model is ahead of it on the same queries.

    Args:
        retrieval: Its scores.
        trained: The trained model's; None where there is nothing to compare with.
        query_ids: str (Q,).
        seed: For the bootstrap.
    """
    figures = figures_of(retrieval.all_photos, query_ids, seed)
    figures["leak_free"] = figures_of(retrieval.leak_free, query_ids, seed)
    if trained is not None:
        figures["trained_minus_this"] = paired_difference(
            trained.all_photos, retrieval.all_photos, query_ids, seed=seed
        )
        figures["trained_minus_this_leak_free"] = paired_difference(
            trained.leak_free, retrieval.leak_free, query_ids, seed=seed
        )
    return figures


def by_viewpoint(
    retrieval: Retrieval, query_ids: np.ndarray, viewpoints: np.ndarray, relation: np.ndarray, same: np.ndarray
) -> dict[str, Any]:
    """The figures of the queries of each viewpoint, and of those whose animal is known from other viewpoints only.

    Args:
        retrieval: Their rankings.
        query_ids: str (Q,).
        viewpoints: str (Q,), "" where not known.
        relation: int8 (Q, G), from `viewpoint_relation`.
        same: bool (Q, G): which pairs show one animal.

    Returns:
        Viewpoint -> "R@1", "mAP" and "num_queries"; {} where no viewpoint is known.
    """
    groups = {viewpoint: viewpoints == viewpoint for viewpoint in sorted(set(viewpoints) - {""})}
    if groups:
        groups["known from other viewpoints only"] = np.where(same, relation == OTHER, True).all(axis=1)
    found = {}
    for viewpoint, those in groups.items():
        if those.any():
            summary = summarise(retrieval.all_photos[those], query_ids[those])
            found[viewpoint] = {name: summary[name] for name in ("R@1", "mAP", "num_queries")}
    return found


def identity_ranking(retrieval: Retrieval, query_ids: np.ndarray) -> dict[str, Any]:
    """R@K over identities instead of photos; `query_ids` is str (Q,)."""
    summary = summarise(retrieval.by_identity, query_ids)
    return {name: value for name, value in summary.items() if name.startswith("R@")}


def classifier_report(probabilities: np.ndarray, identities: np.ndarray, known: tuple[str, ...]) -> dict[str, Any]:
    """Top-1 and top-5 accuracy of the classifier on photos of identities it was trained on.

    Args:
        probabilities: float (N, classes), every class a column, whichever occur.
        identities: str (N,): the truth.
        known: Class number -> identity.
    """
    if probabilities.shape[1] != len(known):
        raise UserError(
            f"the model tells {probabilities.shape[1]} classes apart, but {len(known)} identities are named for it"
        )
    numbers = {identity: number for number, identity in enumerate(known)}
    truth = pd.Series(identities).map(numbers)
    asked = truth.notna().to_numpy()
    if not asked.any():
        return {"top1": None, "top5": None, "num_photos": 0, "num_untrained_identity": len(truth)}
    classes = truth[asked].to_numpy(dtype=int)
    return {
        "top1": top_k_accuracy(probabilities[asked], classes, 1),
        "top5": top_k_accuracy(probabilities[asked], classes, 5),
        "num_photos": int(asked.sum()),
        "num_untrained_identity": int((~asked).sum()),
    }
