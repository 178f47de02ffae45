"""What validation teaches about matching: which ranker is best here, what its scores mean, when they are a match.

Learnt once, at the end of training, and saved with the model as `matching.json`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wildtrack.address.decision import Decider, learn_decider
from wildtrack.address.fusion import ANY_SIDE, Calibration, Codes, Evidence, learn_evidence
from wildtrack.address.metrics import identity_similarity, retrieval_scores
from wildtrack.errors import UserError

EMBEDDING, LOCAL, FUSED = "embedding", "local", "fused"
MEMBERS = {EMBEDDING: (EMBEDDING,), LOCAL: (LOCAL,), FUSED: (EMBEDDING, LOCAL)}  # ranker -> the methods it goes by
FOLDS = 5  # what scores mean is learnt on all but one of them, and tried on that
FILE = "matching.json"

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
        new_relation: int8 (S, G).
        gallery_ids: str (G,).
        unseen: The new animals had no part in training. Otherwise these are the same queries, Q of them, their own
            animal being taken out of the gallery: -inf.
    """

    known: Similarities
    query_ids: npt.NDArray[Any]
    relation: Codes
    new: Similarities
    new_relation: Codes
    gallery_ids: npt.NDArray[Any]
    unseen: bool

    @property
    def same(self) -> npt.NDArray[np.bool_]:
        """Which pairs of a known animal's photo show one animal, (Q, G)."""
        same: npt.NDArray[np.bool_] = np.equal(self.query_ids[:, None], self.gallery_ids[None]).astype(np.bool_)
        return same


@dataclass(frozen=True, eq=False)
class Ranker:
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
        best: The ranker that did best on validation photos: what "auto" means.
        evidence: Method -> what its scores say.
        rankers: By name.
        queries: How many validation photos of known animals it was learnt from.
        identities: How many animals these show.
        new_photos: How many photos of animals that are not known.
        unseen: Whether training did not see these animals. If it did, new ones are harder to tell than this says.
    """

    best: str
    evidence: Mapping[str, Evidence]
    rankers: Mapping[str, Ranker]
    queries: int
    identities: int
    new_photos: int
    unseen: bool

    def scores(self, ranker: str, similarities: Similarities, relation: Codes) -> Floats:
        """How much speaks for each pair showing one animal: log-odds beyond the prior's, (Q, G).

        Args:
            ranker: "embedding", "local" or "fused".
            similarities: The scores of the methods it goes by, (Q, G); -inf stays what it is.
            relation: From `side_relation`, (Q, G).
        """
        return _scores(self.evidence, ranker, self.rankers[ranker].sided, similarities, relation)


def _scores(
    evidence: Mapping[str, Evidence], ranker: str, sided: bool, similarities: Similarities, relation: Codes
) -> Floats:
    there = relation if sided else np.full(relation.shape, ANY_SIDE)
    found = np.zeros(relation.shape)
    for method in MEMBERS[ranker]:
        possible = np.isfinite(similarities[method])
        found[possible] += evidence[method](similarities[method][possible], there[possible])
        found[~possible] = -np.inf
    return found


def choose_ranker(matching: Matching | None, wanted: str) -> str:
    """The ranker to use.

    Args:
        matching: What validation taught; None where there was none.
        wanted: A ranker, or "auto": the one that did best on validation photos, else the embedding.

    Raises:
        UserError: That ranker needs what validation teaches.
    """
    if wanted == "auto":
        return EMBEDDING if matching is None else matching.best
    if wanted == EMBEDDING or (matching is not None and wanted in matching.rankers):
        return wanted
    raise UserError(
        f"--ranker {wanted} needs to know what its scores mean, which a training learns from validation photos, and "
        "this model has not; use --ranker embedding, or train again with photos to validate"
    )


def learn_matching(asked: Asked) -> Matching:
    """Learn from validation photos; each of them needs a right one in the gallery, and there must be wrong ones.

    A ranker is tried on photos whose animals had no part in what it knows of scores, with and without regard to sides;
    by whichever finds the right identity sooner; of equals, the right photos.
    """
    evidence = _learn_evidence(asked, np.ones(len(asked.query_ids), np.bool_))
    rankers = {}
    for name, members in MEMBERS.items():
        if any(member not in asked.known for member in members):
            continue
        tried = {sided: _figures(_tried(asked, name, sided), asked) for sided in (False, True)}
        sided = tried[True] > tried[False]
        (known, names), (new, _) = (
            identity_similarity(_scores(evidence, name, sided, similarities, relation), asked.gallery_ids)
            for similarities, relation in ((asked.known, asked.relation), (asked.new, asked.new_relation))
        )
        truth = (np.asarray(names)[None] == asked.query_ids[:, None]).argmax(axis=1)
        rankers[name] = Ranker(sided, learn_decider(known, truth, new), *tried[sided])
    best = max(rankers, key=lambda name: (rankers[name].reciprocal_rank, rankers[name].mean_precision))
    identities, new_photos = len(set(asked.query_ids)), len(asked.new_relation)
    return Matching(best, evidence, rankers, len(asked.query_ids), identities, new_photos, asked.unseen)


def summary(matching: Matching) -> str:
    """For the screen: how the rankers did on validation photos, and which is the best."""
    figures = ", ".join(f"{name} {ranker.reciprocal_rank:.2f}" for name, ranker in matching.rankers.items())
    new = "of animals that training did not see" if matching.unseen else "with their own animal taken out"
    return (
        f"Best ranker: {matching.best} (mean of 1 / rank of the right animal for {matching.queries} validation photos: "
        f"{figures}). When nobody is known was learnt from {matching.new_photos} photos {new}."
    )


def _figures(scores: Floats, asked: Asked) -> tuple[float, float]:
    """Mean of 1 / rank of the right identity, its best photo counting; and mAP."""
    merged, names = identity_similarity(scores, asked.gallery_ids)
    right = np.asarray(names)[None] == asked.query_ids[:, None]
    order = np.argsort(-merged, axis=1, kind="stable")
    ranks = 1 + np.take_along_axis(right, order, axis=1).argmax(axis=1)
    precision = retrieval_scores(scores, asked.query_ids, asked.gallery_ids)["AP"]
    return float(np.mean(1 / ranks)), float(precision.mean())


def _tried(asked: Asked, ranker: str, sided: bool) -> Floats:
    """A ranker's scores, each query's by evidence from other animals' queries, (Q, G)."""
    animals = np.unique(asked.query_ids)
    folds = np.random.default_rng(0).permutation(len(animals)) % min(FOLDS, len(animals))
    fold = folds[np.searchsorted(animals, asked.query_ids)]
    scores = np.empty(asked.relation.shape)
    for number in range(folds.max() + 1):
        those = fold == number
        learnt = _learn_evidence(asked, ~those if (~those).any() else those)
        similarities = {name: values[those] for name, values in asked.known.items()}
        scores[those] = _scores(learnt, ranker, sided, similarities, asked.relation[those])
    return scores


def _learn_evidence(asked: Asked, rows: npt.NDArray[np.bool_]) -> dict[str, Evidence]:
    """From some of the known animals' photos, and all photos of animals that training did not see."""
    new = np.full(len(asked.new_relation), asked.unseen)
    same = np.concatenate([asked.same[rows], np.zeros(asked.new_relation[new].shape, np.bool_)])
    relation = np.concatenate([asked.relation[rows], asked.new_relation[new]])
    return {
        name: learn_evidence(np.concatenate([values[rows], asked.new[name][new]]), same, relation)
        for name, values in asked.known.items()
    }


def write_matching(matching: Matching | None, path: Path) -> None:
    """Write `matching.json`; "null" where nothing could be learnt."""
    content = matching and {
        "best": matching.best,
        "queries": matching.queries,
        "identities": matching.identities,
        "new_photos": matching.new_photos,
        "unseen": matching.unseen,
        "evidence": {
            name: {
                "prior": evidence.prior,
                "spread": evidence.spread,
                "calibrations": {
                    side: {"scores": found.scores.tolist(), "probabilities": found.probabilities.tolist()}
                    for side, found in evidence.calibrations.items()
                },
            }
            for name, evidence in matching.evidence.items()
        },
        "rankers": {
            name: {
                "sided": ranker.sided,
                "reciprocal_rank": ranker.reciprocal_rank,
                "mean_precision": ranker.mean_precision,
                "weights": ranker.decider.weights,
                "known": ranker.decider.known.tolist(),
                "new": ranker.decider.new.tolist(),
                "even": ranker.decider.even,
            }
            for name, ranker in matching.rankers.items()
        },
    }
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_matching(path: Path) -> Matching | None:
    """Read `matching.json`; None for an older model, or one without validation photos.

    Raises:
        UserError: It is not what `write_matching` writes.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content is None:
            return None
        evidence = {
            name: Evidence(
                _number(found["prior"]),
                (_number(found["spread"][0]), _number(found["spread"][1])),
                {
                    side: Calibration(_ascending(each["scores"]), _ascending(each["probabilities"]))
                    for side, each in found["calibrations"].items()
                },
            )
            for name, found in content["evidence"].items()
        }
        rankers = {}
        for name, found in content["rankers"].items():
            score, lead, constant = map(_number, found["weights"])
            known, new, even = _ascending(found["known"]), _ascending(found["new"]), _number(found["even"])
            figures = _number(found["reciprocal_rank"]), _number(found["mean_precision"])
            rankers[name] = Ranker(_flag(found["sided"]), Decider((score, lead, constant), known, new, even), *figures)
        queries, identities, new_photos = (int(_number(content[n])) for n in ("queries", "identities", "new_photos"))
        matching = Matching(
            content["best"], evidence, rankers, queries, identities, new_photos, _flag(content["unseen"])
        )
        whole = matching.best in rankers and all(member in evidence for name in rankers for member in MEMBERS[name])
        whole &= all(_is_whole(each) for each in evidence.values())
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}; train again") from error
    if not whole:
        raise UserError(f"{path} names what it does not describe; train again")
    return matching


def _is_whole(evidence: Evidence) -> bool:
    sizes = [(len(each.scores), len(each.probabilities)) for each in evidence.calibrations.values()]
    return 0 < evidence.prior < 1 and "any" in evidence.calibrations and all(a == b > 0 for a, b in sizes)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(float(value)):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _ascending(values: Any) -> Floats:
    if not isinstance(values, list):
        raise ValueError(f"{values!r} is no list")
    numbers = np.array([_number(value) for value in values], dtype=np.float64)
    if (np.diff(numbers) < 0).any():
        raise ValueError("numbers are out of order")
    return numbers
