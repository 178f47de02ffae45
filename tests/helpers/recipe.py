"""A quick recipe of a training."""

from typing import Any

from wildtrack.address.training.recipe import Recipe


def recipe(**config: Any) -> Recipe:
    """A quick one."""
    usual: dict[str, Any] = {"loss": "arcface", "batches": "shuffled", "photos_per_identity": 2, "triplet_epochs": 0}
    usual |= {"epochs": 4, "batch_size": 4, "learning_rate": 1e-3, "seed": 0}
    return Recipe(**usual | config)
