"""What was learnt on validation photos about matching with one model: the best matcher, what scores mean, decisions.

It is learnt once, at the end of training, and kept with the model as `matching.json`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from wildtrack.address.matching.calibration import Calibration
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.embedding import EmbeddingMatcher
from wildtrack.address.matching.fused import EMBEDDING, FusedMatcher, matcher_names, parts_of
from wildtrack.address.matching.matcher import Matcher
from wildtrack.errors import UserError, in_one_line

FILE = "matching.json"
KEYS_OF_0_1 = {"evidence": "calibrations", "rankers": "matchers", "sided": "by_viewpoint"}


@dataclass(frozen=True, eq=False)
class LearntMatcher:
    """What was learnt about one matcher."""

    by_viewpoint: bool  # whether the meaning of its scores depends on the viewpoints of the two photos
    decider: Decider
    reciprocal_rank: float  # mean of 1 / rank of the right identity, on validation photos it did not learn from
    mean_precision: float  # mAP on these photos


@dataclass(frozen=True, eq=False)
class Matching:
    """What was learnt on validation photos."""

    best: str  # the matcher that did best: what "auto" means
    calibrations: Mapping[str, Calibration]  # registered matcher -> what its scores mean
    matchers: Mapping[str, LearntMatcher]  # by name, fusions included
    queries: int  # validation photos of known animals
    identities: int  # animals on these
    new_photos: int  # photos of unknown animals
    new_animals: int  # animals on these
    gallery: int  # gallery photos
    unseen: bool  # whether training did not see the unknown animals; if it did, new ones are harder than this says

    def decider(self, name: str) -> Decider:
        """The decider of a matcher."""
        return self.matchers[name].decider

    def matcher(self, name: str) -> FusedMatcher:
        """A matcher with its calibrations."""
        calibrations = {part: self.calibrations[part] for part in parts_of(name)}
        return FusedMatcher(calibrations, self.matchers[name].by_viewpoint)


def choose_matcher(matching: Matching | None, wanted: str) -> str:
    """The matcher to use; "auto": the best on validation photos, else the embedding. A UserError if it is unusable."""
    if wanted == "auto":
        wanted = EMBEDDING if matching is None else matching.best
    if wanted not in matcher_names():
        raise UserError(f"--matcher {wanted} is not known; allowed are auto, {', '.join(matcher_names())}")
    if wanted == EMBEDDING or (matching is not None and wanted in matching.matchers):
        return wanted
    raise UserError(
        f"--matcher {wanted} needs a calibration, which training learns from validation photos, and this model has "
        "none; use --matcher embedding, or train again with validation photos"
    )


def open_matcher(matching: Matching | None, name: str) -> Matcher:
    """A matcher with what was learnt about it; the plain cosine of embeddings where nothing was."""
    return EmbeddingMatcher() if matching is None else matching.matcher(name)


def summary(matching: Matching) -> str:
    """For the screen: how the matchers did on validation photos, and which is the best."""
    learnt = matching.matchers.items()
    figures = ", ".join(f"{name} {each.reciprocal_rank:.2f} and {each.mean_precision:.3f}" for name, each in learnt)
    new = "of animals that training did not see" if matching.unseen else "with their own animal taken out"
    return (
        f"Best matcher: {matching.best}. Mean of 1 / rank of the right animal, and mAP, on {matching.queries} "
        f"validation photos: {figures}. Decisions on new animals were learnt from {matching.new_photos} photos {new}."
    )


def write_matching(matching: Matching | None, path: Path) -> None:
    """Write `matching.json`; "null" where nothing could be learnt."""
    content = None if matching is None else asdict(matching)
    for learnt in content["matchers"].values() if content else ():
        learnt.update(learnt.pop("decider"))
    text = json.dumps(content, indent=1, allow_nan=False, default=np.ndarray.tolist)
    path.write_text(text + "\n", encoding="utf-8")


def read_matching(path: Path) -> Matching | None:
    """Read `matching.json`; None where there is none, or it says "null". A UserError where it is damaged."""
    if not path.is_file():
        return None
    try:
        content = _present_form(msgspec.json.decode(path.read_bytes()))
        matching = msgspec.convert(content, Matching | None, dec_hook=_ascending)
        if matching is not None:
            _check(matching)
        return matching
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {in_one_line(error)}; train again") from error


def _present_form(node: Any) -> Any:
    """The content of a file in the form of `Matching`, with the names of version 0.1 replaced."""
    if not isinstance(node, dict):
        return node
    if "prior" in node and "calibrations" in node:
        node["curves"] = node.pop("calibrations")
    if "reciprocal_rank" in node:
        node["decider"] = {key: node.pop(key) for key in ("weights", "known", "new", "even") if key in node}
    return {KEYS_OF_0_1.get(key, key): _present_form(value) for key, value in node.items()}


def _ascending(_: type, values: Any) -> npt.NDArray[np.float64]:
    numbers = np.array(msgspec.convert(values, list[float]), np.float64)
    if (np.diff(numbers) < 0).any():
        raise ValueError("numbers are not in ascending order")
    return numbers


def _check(matching: Matching) -> None:
    """Raise a ValueError where parts of a file do not fit together."""
    needed = {part for name in matching.matchers for part in parts_of(name)}
    if matching.best not in matching.matchers or not needed <= matching.calibrations.keys():
        raise ValueError("a matcher or its calibration is missing")
    for name, calibration in matching.calibrations.items():
        sizes = [(len(curve.scores), len(curve.probabilities)) for curve in calibration.curves.values()]
        if not 0 < calibration.prior < 1 or "any" not in calibration.curves or any(a != b or not a for a, b in sizes):
            raise ValueError(f"the calibration of {name} is not complete")
