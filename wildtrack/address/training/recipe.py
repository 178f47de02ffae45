"""How a network is trained, epoch by epoch: settings in, the stage, learning rate and margin of each moment out."""

import math
from dataclasses import dataclass

from wildtrack.errors import UserError

EPOCHS, FEWEST_EPOCHS = 40, 16
PHOTOS_SEEN = 64_000  # in all epochs together; more photos need fewer rounds, and a laptop gets done within the hour
HEAD_EPOCHS = 2  # on pretrained weights the new head learns first, or its noise would undo them
MARGIN = 0.3  # radians, ArcFace's at the end of its ramp
MARGIN_RAMP = 0.5  # share of the epochs over which the margin grows from 0
VALIDATIONS = 10  # each costs a pass over the validation and training photos


@dataclass(frozen=True)
class Recipe:
    """The settings of a training, apart from the data."""

    loss: str  # "arcface", "softmax" or "circle"
    batches: str  # "shuffled", "balanced" or "confused"; what compares photos in a batch needs one of the latter
    photos_per_identity: int  # in a batch, unless it is shuffled
    triplet_epochs: int  # the last ones, with the triplet loss too
    epochs: int
    batch_size: int
    learning_rate: float  # at the top of the cosine
    seed: int
    pretrained: bool = False  # the backbone's weights are worth protecting

    @property
    def stages(self) -> dict[str, range]:
        """The epochs (from 0) of each stage: "head", where only that learns, "all" and "triplet"; it may have none."""
        head = min(HEAD_EPOCHS, self.epochs - 1) if self.pretrained else 0
        last = max(head + 1, self.epochs - self.triplet_epochs)
        return {"head": range(head), "all": range(head, last), "triplet": range(last, self.epochs)}

    def is_validated(self, epoch: int) -> bool:
        """Whether to score the model after this epoch (from 0): VALIDATIONS times, evenly, and after the last."""
        return (epoch + 1) % math.ceil(self.epochs / VALIDATIONS) == 0 or epoch + 1 == self.epochs

    def margin_at(self, epoch: int) -> float:
        """ArcFace's margin, growing linearly over the first part of training: a full one at once would stall it."""
        if self.loss != "arcface":
            return 0.0
        ramp = self.stages["all"]
        return MARGIN * min(1.0, max(0, epoch - ramp.start) / max(1.0, MARGIN_RAMP * len(ramp)))

    def check(self) -> None:
        """Raise a UserError for settings that cannot work."""
        if self.triplet_epochs >= self.epochs:
            most = self.epochs - 1
            raise UserError(f"--triplet-epochs {self.triplet_epochs} is not allowed; it must be between 0 and {most}")
        if self.batches == "shuffled" and (self.loss == "circle" or self.triplet_epochs):
            raise UserError(
                "--loss circle and --triplet-epochs need pairs of photos in each batch; use --batches balanced"
            )
        if self.batches != "shuffled" and 2 * self.photos_per_identity > self.batch_size:
            raise UserError(
                f"--batch-size {self.batch_size} has no room for two animals with --photos-per-identity "
                f"{self.photos_per_identity}; raise the first or lower the second"
            )


def usual_epochs(photos: int) -> int:
    """The number of epochs for so many training photos."""
    return max(FEWEST_EPOCHS, min(EPOCHS, PHOTOS_SEEN // photos))
