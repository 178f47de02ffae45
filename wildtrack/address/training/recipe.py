"""How a network is trained, epoch by epoch: settings in, the stage, learning rate and margin of each moment out."""

import math
from dataclasses import dataclass

from wildtrack.errors import UserError

EPOCHS, FEWEST_EPOCHS = 40, 16
PHOTOS_SEEN = 64_000  # in all epochs together; more photos need fewer rounds, and a laptop gets done within the hour
HEAD_EPOCHS = 2  # on pretrained weights the new head learns first, or its noise would undo them
HEAD_LEARNING_RATE = 2e-3
MARGIN = 0.3  # radians, ArcFace's at the end of its ramp
MARGIN_RAMP = 0.5  # share of the epochs over which the margin grows from 0
TRIPLET_SHARE = 0.2  # of the learning rate, to begin the triplet stage with
WARM_UP_EPOCHS = 1.0
VALIDATIONS = 10  # each costs a pass over the validation and training photos


@dataclass(frozen=True)
class Recipe:
    """What training needs to know besides the data."""

    loss: str  # "arcface", "softmax" or "circle"
    batches: str  # "shuffled", "balanced" or "confused"; what compares photos in a batch needs one of the latter
    photos_per_identity: int  # in a batch, unless it is shuffled
    triplet_epochs: int  # the last ones, with the triplet loss besides
    epochs: int
    batch_size: int
    learning_rate: float  # at the top of the cosine
    seed: int
    pretrained: bool = False  # the backbone's weights are worth protecting

    @property
    def head_epochs(self) -> int:
        """The first ones, in which only the head learns."""
        return min(HEAD_EPOCHS, self.epochs - 1) if self.pretrained else 0

    @property
    def main_epochs(self) -> int:
        """Those between the head's and the triplet's."""
        return max(1, self.epochs - self.head_epochs - self.triplet_epochs)

    def stage(self, epoch: int) -> str:
        """What an epoch (from 0) trains: "head", "all" or "triplet"."""
        if epoch < self.head_epochs:
            return "head"
        return "all" if epoch < self.head_epochs + self.main_epochs else "triplet"

    def is_validated(self, epoch: int) -> bool:
        """Whether to score the model after this epoch (from 0): VALIDATIONS times, evenly, and after the last."""
        return (epoch + 1) % math.ceil(self.epochs / VALIDATIONS) == 0 or epoch + 1 == self.epochs

    def learning_rate_at(self, position: float) -> float:
        """Constant for the head; a linear warm-up and a cosine to zero; a lower cosine for triplets.

        `position` counts epochs from 0.
        """
        if position < self.head_epochs:
            return HEAD_LEARNING_RATE
        done = position - self.head_epochs
        if done >= self.main_epochs:
            share = (done - self.main_epochs) / self.triplet_epochs
            return TRIPLET_SHARE * self.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
        warm_up = min(1.0, (done + 0.1) / WARM_UP_EPOCHS)
        return self.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * done / self.main_epochs))

    def margin_at(self, epoch: int) -> float:
        """ArcFace's margin, growing linearly over the first part of training: a full one at once would stall it."""
        if self.loss != "arcface":
            return 0.0
        done = max(0, epoch - self.head_epochs)
        return MARGIN * min(1.0, done / max(1.0, MARGIN_RAMP * self.main_epochs))

    def check(self) -> None:
        """Raise a UserError for settings that cannot work."""
        if self.triplet_epochs >= self.epochs:
            raise UserError(
                f"--triplet-epochs {self.triplet_epochs} is not allowed; it must be between 0 and {self.epochs - 1}"
            )
        if self.batches == "shuffled" and (self.loss == "circle" or self.triplet_epochs):
            raise UserError(
                "loss circle and triplet_epochs compare photos of one animal in a batch, and shuffled batches may not "
                "have two of any; use --batches balanced"
            )
        if self.batches != "shuffled" and 2 * self.photos_per_identity > self.batch_size:
            raise UserError(
                f"--batch-size {self.batch_size} has no room for two animals with --photos-per-identity "
                f"{self.photos_per_identity}; raise the first or lower the second"
            )


def usual_epochs(photos: int) -> int:
    """How many epochs for so many training photos."""
    return max(FEWEST_EPOCHS, min(EPOCHS, PHOTOS_SEEN // photos))
