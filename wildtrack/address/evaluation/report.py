"""Every figure that follows from the scores of queries and gallery: the retrieval part of `metrics.json`."""

from collections.abc import Mapping
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
    """The `retrieval_scores` of one method, with and without the gallery photos that give answers away."""

    all_photos: pd.DataFrame
    leak_free: pd.DataFrame
    by_identity: pd.DataFrame  # all photos, merged to identities: what a person who is shown names sees


def score_rankings(
    scores: np.ndarray, leak_free: np.ndarray, protocol: Protocol, identities: np.ndarray, leaky: np.ndarray
) -> Retrieval:
    """Rank the gallery for every query by scores (Q, G), and by those without the leaky photos; identities are (N,)."""
    query_ids, gallery_ids = identities[protocol.queries], identities[protocol.gallery]
    of_gallery, unclear = Identities.of(gallery_ids), protocol.unclear
    return Retrieval(
        retrieval_scores(scores, query_ids, gallery_ids, excluded=unclear),
        retrieval_scores(leak_free, query_ids, gallery_ids, excluded=leaky if unclear is None else leaky | unclear),
        retrieval_scores(of_gallery.merge(protocol.without_unclear(scores)), query_ids, of_gallery.names),
    )


def figures_of(scores: pd.DataFrame, query_ids: np.ndarray, seed: int) -> dict[str, Any]:
    """The averages with their 95% intervals over identities."""
    return {**summarise(scores, query_ids), "confidence_intervals": bootstrap_intervals(scores, query_ids, seed=seed)}


def retrieval_report(
    methods: dict[str, Retrieval], chosen: str, query_ids: np.ndarray, leaky: np.ndarray, seed: int
) -> dict[str, Any]:
    """The retrieval part of `metrics.json`: the figures of the chosen method, then "leakage" and "methods"."""
    ranked = methods[chosen]
    return {
        **figures_of(ranked.all_photos, query_ids, seed),
        "leakage": {
            "share_of_queries_with_a_leaky_gallery_photo": float(leaky.any(axis=1).mean()),
            "leaky_pairs": int(leaky.sum()),
            "leak_free": figures_of(ranked.leak_free, query_ids, seed),
        },
        "methods": all_figures(methods, query_ids, seed, "trained"),
    }


def all_figures(
    methods: Mapping[str, Retrieval], query_ids: np.ndarray, seed: int, reference: str
) -> dict[str, dict[str, Any]]:
    """The figures of every method, and the reference's lead over it on the same queries, where it is among them."""
    first = methods.get(reference)
    found: dict[str, dict[str, Any]] = {}
    for name, retrieval in methods.items():
        figures = found[name] = figures_of(retrieval.all_photos, query_ids, seed)
        figures["leak_free"] = figures_of(retrieval.leak_free, query_ids, seed)
        if first is not None and name != reference:
            figures["trained_minus_this"] = paired_difference(first.all_photos, retrieval.all_photos, query_ids, seed)
            lead = paired_difference(first.leak_free, retrieval.leak_free, query_ids, seed)
            figures["trained_minus_this_leak_free"] = lead
    return found


def by_viewpoint(
    retrieval: Retrieval, query_ids: np.ndarray, viewpoints: np.ndarray, relation: np.ndarray, same: np.ndarray
) -> dict[str, Any]:
    """R@1 and mAP of the queries of each viewpoint, and of those whose animal is known from other viewpoints only.

    `viewpoints` is (Q,), "" where unknown; `relation` from `viewpoint_relation`; `same` from `Protocol.same`.
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
    """Top-1 and top-5 accuracy on photos of trained identities; probabilities (N, classes), identities (N,)."""
    if (classes := probabilities.shape[1]) != len(known):
        raise UserError(f"the model tells {classes} classes apart, but {len(known)} identities are named for it")
    truth = pd.Index(known).get_indexer(pd.Index(identities))  # -1: not trained on
    trained = truth >= 0
    tops = [top_k_accuracy(probabilities[trained], truth[trained], k) if trained.any() else None for k in (1, 5)]
    counts = {"num_photos": int(trained.sum()), "num_untrained_identity": int((~trained).sum())}
    return {"top1": tops[0], "top5": tops[1], **counts}
