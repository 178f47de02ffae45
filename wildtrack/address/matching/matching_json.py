"""What validation taught about matching, on disk: `matching.json`, read with every part checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wildtrack.address.matching.calibration import Calibration, Curve
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.fused import parts_of
from wildtrack.address.matching.matching import LearntMatcher, Matching
from wildtrack.errors import UserError

FILE = "matching.json"
KEYS_OF_0_1 = {"evidence": "calibrations", "rankers": "matchers", "sided": "by_viewpoint"}
COUNTS = ("queries", "identities", "new_photos", "new_animals", "gallery")  # of `Matching`


def write_matching(matching: Matching | None, path: Path) -> None:
    """Write `matching.json`; "null" where nothing could be learnt."""
    content = matching and {
        "best": matching.best,
        **{name: getattr(matching, name) for name in COUNTS},
        "unseen": matching.unseen,
        "calibrations": {
            name: {
                "prior": calibration.prior,
                "spread": calibration.spread,
                "curves": {
                    relation: {"scores": curve.scores.tolist(), "probabilities": curve.probabilities.tolist()}
                    for relation, curve in calibration.curves.items()
                },
            }
            for name, calibration in matching.calibrations.items()
        },
        "matchers": {
            name: {
                "by_viewpoint": learnt.by_viewpoint,
                "reciprocal_rank": learnt.reciprocal_rank,
                "mean_precision": learnt.mean_precision,
                "weights": learnt.decider.weights,
                "known": learnt.decider.known.tolist(),
                "new": learnt.decider.new.tolist(),
                "even": learnt.decider.even,
            }
            for name, learnt in matching.matchers.items()
        },
    }
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_matching(path: Path) -> Matching | None:
    """Read `matching.json`; None for a model without validation photos, or from elsewhere.

    Raises:
        UserError: It is not what `write_matching` writes.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_hook=_of_now)
        if content is None:
            return None
        calibrations = {
            name: Calibration(
                _number(found["prior"]),
                (_number(found["spread"][0]), _number(found["spread"][1])),
                {
                    relation: Curve(_ascending(curve["scores"]), _ascending(curve["probabilities"]))
                    for relation, curve in found["curves"].items()
                },
            )
            for name, found in content["calibrations"].items()
        }
        matchers = {}
        for name, found in content["matchers"].items():
            score, lead, constant = map(_number, found["weights"])
            known, new, even = _ascending(found["known"]), _ascending(found["new"]), _number(found["even"])
            figures = _number(found["reciprocal_rank"]), _number(found["mean_precision"])
            decider = Decider((score, lead, constant), known, new, even)
            matchers[name] = LearntMatcher(_flag(found["by_viewpoint"]), decider, *figures)
        counts = {name: int(_number(content[name])) for name in COUNTS}
        matching = Matching(content["best"], calibrations, matchers, unseen=_flag(content["unseen"]), **counts)
        whole = matching.best in matchers and all(part in calibrations for name in matchers for part in parts_of(name))
        whole &= all(_is_whole(each) for each in calibrations.values())
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}; train again") from error
    if not whole:
        raise UserError(f"{path} names what it does not describe; train again")
    return matching


def _of_now(node: dict[str, Any]) -> dict[str, Any]:
    """An object with the keys of version 0.1 under their present names."""
    if "prior" in node and "calibrations" in node:
        node["curves"] = node.pop("calibrations")
    return {KEYS_OF_0_1.get(key, key): value for key, value in node.items()}


def _is_whole(calibration: Calibration) -> bool:
    sizes = [(len(each.scores), len(each.probabilities)) for each in calibration.curves.values()]
    return 0 < calibration.prior < 1 and "any" in calibration.curves and all(a == b > 0 for a, b in sizes)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(float(value)):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _ascending(values: Any) -> npt.NDArray[np.float64]:
    if not isinstance(values, list):
        raise ValueError(f"{values!r} is no list")
    numbers = np.array([_number(value) for value in values], dtype=np.float64)
    if (np.diff(numbers) < 0).any():
        raise ValueError("numbers are out of order")
    return numbers
