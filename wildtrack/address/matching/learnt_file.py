"""What validation taught about matching, on disk: `matching.json`, read with every part checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.address.matching.calibration import Calibration, Evidence
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.learning import MEMBERS, Floats, LearntMatcher, Matching
from wildtrack.errors import UserError

FILE = "matching.json"
COUNTS = ("queries", "identities", "new_photos", "new_animals", "gallery")  # of `Matching`


def write_matching(matching: Matching | None, path: Path) -> None:
    """Write `matching.json`; "null" where nothing could be learnt."""
    content = matching and {
        "best": matching.best,
        **{name: getattr(matching, name) for name in COUNTS},
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
        "matchers": {
            name: {
                "sided": matcher.sided,
                "reciprocal_rank": matcher.reciprocal_rank,
                "mean_precision": matcher.mean_precision,
                "weights": matcher.decider.weights,
                "known": matcher.decider.known.tolist(),
                "new": matcher.decider.new.tolist(),
                "even": matcher.decider.even,
            }
            for name, matcher in matching.matchers.items()
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
        matchers = {}
        for name, found in content["matchers"].items():
            score, lead, constant = map(_number, found["weights"])
            known, new, even = _ascending(found["known"]), _ascending(found["new"]), _number(found["even"])
            figures = _number(found["reciprocal_rank"]), _number(found["mean_precision"])
            matchers[name] = LearntMatcher(
                _flag(found["sided"]), Decider((score, lead, constant), known, new, even), *figures
            )
        counts = {name: int(_number(content[name])) for name in COUNTS}
        matching = Matching(content["best"], evidence, matchers, unseen=_flag(content["unseen"]), **counts)
        whole = matching.best in matchers and all(member in evidence for name in matchers for member in MEMBERS[name])
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
