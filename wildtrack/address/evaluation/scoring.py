"""The queries scored against the gallery by one matcher: features and a protocol in, scores and answers out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.evaluation.open_set import FirstAnswers, auroc, decision_report, review_effort
from wildtrack.address.evaluation.protocol import Protocol, some_of
from wildtrack.address.features.features import Features
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.matcher import Bools, Floats, Matcher
from wildtrack.address.matching.matching import Matching, open_matcher

REAL = "test photos of animals that are in neither training nor gallery"
SIMULATED = "known animals' test photos, each with its own animal taken out of the gallery; training may have seen them"


@dataclass(frozen=True, eq=False)
class QueryScores:
    """A matcher's scores of the Q queries against the G gallery photos of a protocol."""

    matcher: str  # its name
    by_cosine: bool  # whether it ranks by nothing but the cosine of embeddings
    gallery: Gallery
    scores: Floats  # (Q, G)
    leak_free: Floats  # (Q, G), without the leaky photos
    answers: FirstAnswers | None  # None without a calibration
    leak_free_answers: FirstAnswers | None  # without the leaky photos, for queries that have a right one left
    merged: Floats  # (Q, I), the scores of identities
    truth: npt.NDArray[np.intp]  # (Q,), the number of the right identity
    real_unknown: bool  # whether the new animals of the answers are real ones: not in the gallery
    auroc: float | None  # of known and real unknown animals, by their best scores, 0 to 1

    @property
    def method(self) -> str:
        """Under which name the figures go: "trained" where the ranking is that by cosines."""
        return "trained" if self.by_cosine else self.matcher


def leak_free_scores(matcher: Matcher, queries: Features, gallery: Gallery, scores: Floats, leaky: Bools) -> Floats:
    """The scores (Q, G) without the leaky photos, which get -inf; only queries that lose a photo are scored again."""
    rows = np.flatnonzero(leaky.any(axis=1))
    found = np.array(scores)
    if len(rows):
        found[rows] = matcher.scores(queries[rows], gallery, leaky[rows])
    return found


def score_queries(
    table: pd.DataFrame, features: Features, protocol: Protocol, leaky: Bools, matching: Matching | None, name: str
) -> QueryScores:
    """Score all queries and photos of unknown animals with the matcher called `name`; leaky is bool (Q, G).

    Without unknown animals each known one is taken out for its own queries, which flatters a network trained on it.
    """
    identities = table["identity"].to_numpy(dtype=object)
    matcher = open_matcher(matching, name)
    gallery = Gallery.of(table.iloc[protocol.gallery], features[protocol.gallery])
    queries, query_ids, merge = features[protocol.queries], identities[protocol.queries], gallery.identities.merge
    scores = matcher.scores(queries, gallery)
    leak_free = protocol.without_unclear(leak_free_scores(matcher, queries, gallery, scores, leaky))
    scores = protocol.without_unclear(scores)
    merged = merge(scores)
    truth = (gallery.identities.names[None] == query_ids[:, None]).argmax(axis=1)
    new_rows = some_of(protocol.unknown if len(protocol.unknown) else protocol.queries)
    own = np.equal(identities[new_rows][:, None], identities[protocol.gallery][None]).astype(np.bool_)
    new = merge(matcher.scores(features[new_rows], gallery, own))

    def answers_of(known: Floats, decider: Decider) -> FirstAnswers:
        answerable = np.isfinite(np.take_along_axis(known, truth[:, None], axis=1))[:, 0]
        probability = decider.probability(known[answerable])
        return FirstAnswers(
            probability.max(axis=1),
            known[answerable].argmax(axis=1) == truth[answerable],  # by scores: P may be the same for several
            query_ids[answerable],
            decider.probability(new).max(axis=1),
            identities[new_rows],
        )

    answers = leak_free_answers = None
    if matching is not None:
        decider = matching.decider(name)
        answers, leak_free_answers = answers_of(merged, decider), answers_of(merge(leak_free), decider)
    by_cosine = matching is None or (name == EMBEDDING and not matching.matchers[name].by_viewpoint)
    real = len(protocol.unknown) > 0
    area = auroc(merged.max(axis=1), new.max(axis=1)) if real else None
    return QueryScores(
        matcher=name,
        by_cosine=by_cosine,
        gallery=gallery,
        scores=scores,
        leak_free=leak_free,
        answers=answers,
        leak_free_answers=leak_free_answers,
        merged=merged,
        truth=truth,
        real_unknown=real,
        auroc=area,
    )


def decisions_report(
    found: QueryScores, matching: Matching | None, wanted: str, false_match_rate: float, new_photos: int
) -> dict[str, Any]:
    """The parts "matcher", "open_set" and "review_effort" of `metrics.json`; `wanted` is the setting."""
    report: dict[str, Any] = {"matcher": {"name": found.matcher, "asked_for": wanted}}
    report["open_set"] = {"AUROC": found.auroc, "num_known": len(found.truth), "num_new": new_photos}
    if matching is not None and found.answers is not None and found.leak_free_answers is not None:
        report["matcher"] |= {
            "validation_mean_reciprocal_rank": {n: learnt.reciprocal_rank for n, learnt in matching.matchers.items()},
            "validation_mAP": {n: learnt.mean_precision for n, learnt in matching.matchers.items()},
            "uses_viewpoints": matching.matchers[found.matcher].by_viewpoint,
            "validation_photos": matching.queries,
            "validation_identities": matching.identities,
            "validation_photos_of_new_animals": matching.new_photos,
            "validation_new_animals": matching.new_animals,
            "training_did_not_see_them": matching.unseen,
        }
        decider = matching.decider(found.matcher)
        report["open_set"] = {
            "new_animals": REAL if found.real_unknown else SIMULATED,
            **decision_report(found.answers, decider, false_match_rate),
            "leak_free": decision_report(found.leak_free_answers, decider, false_match_rate),
        }
    return {**report, "review_effort": review_effort(found.merged, found.truth)}
