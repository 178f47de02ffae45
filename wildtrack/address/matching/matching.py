"""What validation taught about matching with one model: which matcher is best, what scores mean, what is a match.

Learnt once, at the end of training, and kept with the model as `matching.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from wildtrack.address.matching.calibration import Calibration
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.embedding import EmbeddingMatcher
from wildtrack.address.matching.fused import EMBEDDING, FusedMatcher, matcher_names, parts_of
from wildtrack.address.matching.matcher import Matcher
from wildtrack.errors import UserError


@dataclass(frozen=True, eq=False)
class LearntMatcher:
    """What validation taught about one matcher.

    Attributes:
        by_viewpoint: Whether what its scores mean depends on the viewpoints of the two photos.
        decider: From its scores of identities to P(same animal) and a decision.
        reciprocal_rank: Mean of 1 / rank of the right identity, over validation photos that it did not learn from.
        mean_precision: mAP over these photos.
    """

    by_viewpoint: bool
    decider: Decider
    reciprocal_rank: float
    mean_precision: float


@dataclass(frozen=True, eq=False)
class Matching:
    """What validation taught.

    Attributes:
        best: The matcher that did best on validation photos: what "auto" means.
        calibrations: Registered matcher -> what its scores mean.
        matchers: By name, those that put several together too.
        queries: How many validation photos of known animals it was learnt from.
        identities: How many animals these show.
        new_photos: How many photos of unknown animals.
        new_animals: How many animals these show.
        gallery: How many gallery photos it was learnt with.
        unseen: Whether training did not see these animals. If it did, new ones are harder to tell than this says.
    """

    best: str
    calibrations: Mapping[str, Calibration]
    matchers: Mapping[str, LearntMatcher]
    queries: int
    identities: int
    new_photos: int
    new_animals: int
    gallery: int
    unseen: bool

    def decider(self, name: str) -> Decider:
        """From a matcher's scores of identities to decisions."""
        return self.matchers[name].decider

    def matcher(self, name: str) -> FusedMatcher:
        """A matcher with what its scores mean."""
        calibrations = {part: self.calibrations[part] for part in parts_of(name)}
        return FusedMatcher(calibrations, self.matchers[name].by_viewpoint)


def choose_matcher(matching: Matching | None, wanted: str) -> str:
    """The name of the matcher to use.

    Args:
        matching: What validation taught; None where there was none.
        wanted: A matcher, or "auto": the one that did best on validation photos, else the embedding.

    Raises:
        UserError: There is no such matcher, or it needs what validation teaches.
    """
    if wanted == "auto":
        wanted = EMBEDDING if matching is None else matching.best
    if wanted not in matcher_names():
        raise UserError(f"--matcher {wanted} is not known; allowed are auto, {', '.join(matcher_names())}")
    if wanted == EMBEDDING or (matching is not None and wanted in matching.matchers):
        return wanted
    raise UserError(
        f"--matcher {wanted} needs to know what its scores mean, which a training learns from validation photos, and "
        "this model has not; use --matcher embedding, or train again with photos to validate"
    )


def open_matcher(matching: Matching | None, name: str) -> Matcher:
    """A matcher with what validation taught about it; the plain cosine of embeddings where there was none."""
    return EmbeddingMatcher() if matching is None else matching.matcher(name)


def summary(matching: Matching) -> str:
    """For the screen: how the matchers did on validation photos, and which is the best."""
    figures = ", ".join(
        f"{name} {found.reciprocal_rank:.2f} and {found.mean_precision:.3f}"
        for name, found in matching.matchers.items()
    )
    new = "of animals that training did not see" if matching.unseen else "with their own animal taken out"
    return (
        f"Best matcher: {matching.best}. Mean of 1 / rank of the right animal, and mAP, on {matching.queries} "
        f"validation photos: {figures}. When an animal is new was learnt from {matching.new_photos} photos {new}."
    )
