"""Photos per second of training after the first epoch, next to `train_on_batch` on one batch in memory.

python -m benchmarks.training                 the default network from random weights
python -m benchmarks.training --photos 64     a quick look
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from wildtrack import versions
from wildtrack.console import console, load_tensorflow, run

STEPS_ALONE = "train_on_batch on one batch"


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    photos: int = 480  # in an epoch
    image_size: int = 128  # pixels
    batch_size: int = 16
    epochs: int = 3  # the first one is not counted: TensorFlow builds its graph in it
    rounds: int = 3  # in which all take their turn; the median of their ratios counts


def main(config: Config) -> None:
    """Train on random pixels with augmentation and without; then the steps alone, with the same network and losses."""
    load_tensorflow()
    shape = (config.photos, config.image_size, config.image_size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    console.print(f"{config.photos} photos of {config.image_size} pixels, batches of {config.batch_size}; {versions()}")
    for pooling in ("average", "grid"):
        rounds = [compare(pooling, pixels, config) for _ in range(config.rounds)]
        for name in rounds[0]:
            speed = np.median([each[name] for each in rounds])
            ratio = np.median([each[name] / each[STEPS_ALONE] for each in rounds])
            console.print(f"{pooling:8s} {name:44s} {speed:6.1f} photos/s  {ratio:4.2f} x the steps alone")


def compare(pooling: str, pixels: np.ndarray, config: Config) -> dict[str, float]:
    """Photos a second of each way, one after the other."""
    found = {STEPS_ALONE: speed_of_steps(pooling, pixels, config)}
    for name, augmented in (("without augmentation", False), ("with augmentation", True)):
        found[name], found[f"{name}, and saved after each epoch"] = speed_of_fit(pooling, pixels, config, augmented)
    return found


def new_model(pooling: str, config: Config) -> Any:
    """The default network from random weights, for 32 animals."""
    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model

    backbone = build_backbone("MobileNet", alpha=0.75, image_size=config.image_size, weights="none")
    return build_model(backbone, embed_dim=256, num_ids=32, pooling=pooling)


def speed_of_fit(pooling: str, pixels: np.ndarray, config: Config, augmented: bool) -> tuple[float, float]:
    """Photos a second of `fit` in all epochs but the first: of its steps alone, and with what comes after them."""
    from wildtrack.address.training import batches
    from wildtrack.address.training.augmentation import augment
    from wildtrack.address.training.data import TrainingSet
    from wildtrack.address.training.recipe import Recipe
    from wildtrack.address.training.trainer import fit

    def unchanged(photo: np.ndarray, *_: Any) -> np.ndarray:
        return photo

    recipe = Recipe("arcface", "shuffled", 4, 0, config.epochs, config.batch_size, 1e-3, 0)
    change = augment if augmented else unchanged
    with tempfile.TemporaryDirectory() as folder, patch.object(batches, "augment", change):
        rows = np.arange(len(pixels))
        subsets = TrainingSet(rows, rows[:0], rows % 32, tuple(map(str, range(32))))
        later = fit(new_model(pooling, config), pixels, subsets, recipe, Path(folder))[1:]
    return float(later["photos_per_second"].mean()), len(pixels) / float(later["seconds"].mean())


def speed_of_steps(pooling: str, pixels: np.ndarray, config: Config) -> float:
    """Photos a second of `train_on_batch` with one batch, over and over: as many steps as the epochs have."""
    import keras

    from wildtrack.address.models.builder import SCALE
    from wildtrack.address.training.losses import CosineMargin
    from wildtrack.address.training.trainer import WEIGHT_DECAY

    model = new_model(pooling, config)
    trainer = keras.Model(model.input, [model.get_layer("cosine").output, model.get_layer("embedding").output])
    trainer.compile(keras.optimizers.AdamW(1e-3, weight_decay=WEIGHT_DECAY), [CosineMargin(SCALE), None])
    photos, truth = pixels[: config.batch_size], np.arange(config.batch_size) % 32
    steps = len(pixels) // config.batch_size
    for _ in range(steps):
        trainer.train_on_batch(photos, [truth, truth])
    started = time.perf_counter()
    for _ in range(steps * (config.epochs - 1)):
        trainer.train_on_batch(photos, [truth, truth], return_dict=True)
    return steps * (config.epochs - 1) * config.batch_size / (time.perf_counter() - started)


if __name__ == "__main__":
    run(main, Config(), __doc__)
