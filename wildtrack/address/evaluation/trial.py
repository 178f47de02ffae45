"""The test photos put to a matcher: described photos and a protocol in, rankings and first answers out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wildtrack.address.evaluation.metrics import identity_similarity
from wildtrack.address.evaluation.open_set import FirstAnswers, auroc, decision_report, review_effort
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.features.similarities import Described, Known, Scores
from wildtrack.address.matching.calibration import side_relation
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.learning import EMBEDDING, Matching
from wildtrack.address.matching.validation import some_of

REAL = "test photos of animals that are in neither training nor gallery"
SIMULATED = "known animals' test photos, each asked with its own animal taken out; training saw most of them"


@dataclass(frozen=True, eq=False)
class Trial:
    """What a matcher made of the Q queries and G gallery photos of a protocol.

    Attributes:
        matcher: Which it was.
        by_cosine: Whether it ranked by nothing but the cosine of embeddings.
        gallery: What was asked.
        scores: float (Q, G), what the ranking goes by.
        honest: float (Q, G), the same as if the leaky photos were unknown.
        answers: How sure the first candidates are, and whether they are right; None where nothing taught that.
        honest_answers: The same as if the leaky photos were unknown, for queries that have a right one left.
        merged: float (Q, I), the scores of identities.
        truth: int (Q,), the number of the right identity.
        real_strangers: Whether the new animals of `answers` are not in the gallery; else each known animal's photos
            were taken out of it for its own queries.
        auroc: How well the best scores tell known from real new animals, 0 to 1; None where these are played.
    """

    matcher: str
    by_cosine: bool
    gallery: Known
    scores: npt.NDArray[np.floating]
    honest: npt.NDArray[np.floating]
    answers: FirstAnswers | None
    honest_answers: FirstAnswers | None
    merged: npt.NDArray[np.floating]
    truth: npt.NDArray[np.intp]
    real_strangers: bool
    auroc: float | None

    @property
    def method(self) -> str:
        """Under which name the figures go: "trained" where the ranking is that by cosines."""
        return "trained" if self.by_cosine else self.matcher


def try_matcher(
    photos: Described,
    protocol: Protocol,
    identities: npt.NDArray[np.object_],
    sides: npt.NDArray[np.object_],
    leaky: npt.NDArray[np.bool_],
    matching: Matching | None,
    matcher: str,
) -> Trial:
    """Ask about all queries; about photos of new animals too, where it was learnt how sure an answer is.

    Args:
        photos: N of them, with keypoints if the matcher goes by them.
        protocol: Who asks and who is ranked. Without strangers every known animal plays the new one for its own
            queries, which flatters a network that was trained on it.
        identities: str (N,).
        sides: str (N,), from `sides_of`.
        leaky: bool (Q, G): gallery photos that give a query's answer away.
        matching: What validation taught; None ranks by the cosine of embeddings.
        matcher: Which to use.
    """
    gallery, queries = Known(photos[protocol.gallery]), photos[protocol.queries]
    similarities = gallery.similarities(queries)
    without = gallery.similarities_without(queries, leaky, similarities)
    gallery_ids = identities[protocol.gallery]

    def scores_of(found: Scores, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.floating]:
        if matching is None:
            return found[EMBEDDING]
        return matching.scores(matcher, found, side_relation(sides[rows], sides[protocol.gallery]))

    scores, honest = scores_of(similarities, protocol.queries), scores_of(without, protocol.queries)
    merged, names = identity_similarity(scores, gallery_ids)
    truth = (names[None] == identities[protocol.queries][:, None]).argmax(axis=1)
    new_rows = some_of(protocol.strangers if len(protocol.strangers) else protocol.queries)
    own = np.equal(identities[new_rows][:, None], gallery_ids[None]).astype(np.bool_)
    new, _ = identity_similarity(scores_of(gallery.similarities(photos[new_rows], own), new_rows), gallery_ids)

    def answers_of(known: npt.NDArray[np.floating], decider: Decider) -> FirstAnswers:
        answerable = np.isfinite(np.take_along_axis(known, truth[:, None], axis=1))[:, 0]
        sure = decider.probability(known[answerable])
        return FirstAnswers(
            sure.max(axis=1),
            known[answerable].argmax(axis=1) == truth[answerable],  # by scores: P may be the same for several
            identities[protocol.queries][answerable],
            decider.probability(new).max(axis=1),
            identities[new_rows],
        )

    answers = honest_answers = None
    if matching is not None:
        answers = answers_of(merged, matching.decider(matcher))
        honest_answers = answers_of(identity_similarity(honest, gallery_ids)[0], matching.decider(matcher))
    by_cosine = matching is None or (matcher == EMBEDDING and not matching.matchers[matcher].sided)
    real = len(protocol.strangers) > 0
    told_apart = auroc(merged.max(axis=1), new.max(axis=1)) if real else None
    return Trial(matcher, by_cosine, gallery, scores, honest, answers, honest_answers, merged, truth, real, told_apart)


def trial_report(
    trial: Trial, matching: Matching | None, wanted: str, false_match_rate: float, new_photos: int
) -> dict[str, Any]:
    """What `metrics.json` says of the matcher, its decisions and the work they leave to a person.

    Args:
        trial: From `try_matcher`.
        matching: What validation taught.
        wanted: The matcher that was asked for, which may be "auto".
        false_match_rate: The share of new animals' photos that may be called a match.
        new_photos: How many test photos show animals that are not in the gallery.

    Returns:
        Plain values: "matcher", "open_set" and "review_effort".
    """
    report: dict[str, Any] = {"matcher": {"name": trial.matcher, "asked_for": wanted}}
    report["open_set"] = {"AUROC": trial.auroc, "num_known": len(trial.truth), "num_new": new_photos}
    if matching is not None and trial.answers is not None and trial.honest_answers is not None:
        report["matcher"] |= {
            "validation_mean_reciprocal_rank": {n: found.reciprocal_rank for n, found in matching.matchers.items()},
            "validation_mAP": {n: found.mean_precision for n, found in matching.matchers.items()},
            "minds_sides": matching.matchers[trial.matcher].sided,
            "validation_photos": matching.queries,
            "validation_identities": matching.identities,
            "validation_photos_of_new_animals": matching.new_photos,
            "validation_new_animals": matching.new_animals,
            "training_did_not_see_them": matching.unseen,
        }
        decider = matching.decider(trial.matcher)
        report["open_set"] = {
            "new_animals": REAL if trial.real_strangers else SIMULATED,
            **decision_report(trial.answers, decider, false_match_rate),
            "without_leaky_photos": decision_report(trial.honest_answers, decider, false_match_rate),
        }
    return {**report, "review_effort": review_effort(trial.merged, trial.truth)}
