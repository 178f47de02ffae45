"""Every figure that follows from the similarities of queries and gallery."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.address.evaluation.metrics import (
    bootstrap_intervals,
    identity_similarity,
    paired_difference,
    retrieval_scores,
    summarise,
    top_k_accuracy,
)
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.matching.calibration import OTHER_SIDE
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Retrieval:
    """One method's scores of the same queries, with and without the gallery photos that give answers away."""

    all_photos: pd.DataFrame  # from `retrieval_scores`
    honest: pd.DataFrame
    by_identity: pd.DataFrame  # all photos, merged to identities: what a person who is shown names sees


def cosines(embeddings: np.ndarray, protocol: Protocol) -> np.ndarray:
    """How alike queries and gallery photos are: embeddings (N, D) of length one -> (Q, G)."""
    return np.asarray(embeddings[protocol.queries] @ embeddings[protocol.gallery].T)


def score(
    similarity: np.ndarray,
    protocol: Protocol,
    identities: np.ndarray,
    leaky: np.ndarray,
    honest: np.ndarray | None = None,
) -> Retrieval:
    """Rank the gallery for every query.

    Args:
        similarity: float (Q, G), from `cosines` or any other measure of likeness.
        protocol: Who asks and who is ranked.
        identities: str (N,).
        leaky: bool (Q, G): gallery photos that give the query's answer away.
        honest: float (Q, G): the measure as if those photos were unknown; None: they change no other photo's.
    """
    query_ids, gallery_ids = identities[protocol.queries], identities[protocol.gallery]
    merged, names = identity_similarity(similarity, gallery_ids)  # (Q, I)
    return Retrieval(
        retrieval_scores(similarity, query_ids, gallery_ids),
        retrieval_scores(similarity if honest is None else honest, query_ids, gallery_ids, excluded=leaky),
        retrieval_scores(merged, query_ids, names),
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
        "without_leaky_photos": figures_of(ranked.honest, query_ids, seed),
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
    figures["without_leaky_photos"] = figures_of(retrieval.honest, query_ids, seed)
    if trained is not None:
        figures["trained_minus_this"] = paired_difference(
            trained.all_photos, retrieval.all_photos, query_ids, seed=seed
        )
        figures["trained_minus_this_without_leaky_photos"] = paired_difference(
            trained.honest, retrieval.honest, query_ids, seed=seed
        )
    return figures


def by_side(
    retrieval: Retrieval, query_ids: np.ndarray, query_sides: np.ndarray, relation: np.ndarray, same: np.ndarray
) -> dict[str, Any]:
    """The figures of the queries that show each side, and of those whose animal is known from other sides only.

    Args:
        retrieval: Their scores.
        query_ids: str (Q,).
        query_sides: str (Q,), "" where not known.
        relation: int8 (Q, G), from `side_relation`.
        same: bool (Q, G): which pairs show one animal.

    Returns:
        Side -> "R@1", "mAP" and "num_queries"; {} where no side is known.
    """
    groups = {side: query_sides == side for side in sorted(set(query_sides) - {""})}
    if groups:
        groups["known from other sides only"] = np.where(same, relation == OTHER_SIDE, True).all(axis=1)
    found = {}
    for side, those in groups.items():
        if those.any():
            summary = summarise(retrieval.all_photos[those], query_ids[those])
            found[side] = {name: summary[name] for name in ("R@1", "mAP", "num_queries")}
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
