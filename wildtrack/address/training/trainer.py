"""Fit the network to the training photos; keep the epoch that finds validation photos best.

Goes in: uint8 pixels, class numbers, a function that scores the model. Comes out: the history, one row an epoch;
the model holds the best epoch's weights. Every finished epoch is on disk, so an interrupted training goes on.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from rich.progress import TextColumn

from wildtrack.address.models.builder import SCALE, stem
from wildtrack.address.training.augmentation import CROP_AREA, GRID_CROP_AREA, augment
from wildtrack.address.training.batches import balanced_batches, shuffled_batches
from wildtrack.address.training.checkpoints import (
    History,
    best_epoch,
    has_stalled,
    load_state,
    read_history,
    save_state,
)
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.losses import CosineMargin, SemiHardTriplet
from wildtrack.address.training.recipe import Recipe
from wildtrack.console import progress_bar

log = logging.getLogger(__name__)

TRIPLET_MARGIN = 0.2  # of squared distances between embeddings
WEIGHT_DECAY = 1e-4

Batch = tuple[np.ndarray, np.ndarray]  # photos uint8 (B, H, W, 3), class numbers int (B,)


def fit(
    model: keras.Model,
    pixels: np.ndarray,
    subsets: TrainingSet,
    recipe: Recipe,
    validate: Callable[[], dict[str, float]],
    checkpoints: Path,
) -> pd.DataFrame:
    """Train `model` in place.

    Args:
        model: From `build_model`.
        pixels: uint8 (N, H, W, 3), the whole catalogue; a memory map is read photo by photo.
        subsets: Which T of them to train on, and their class numbers.
        recipe: The settings.
        validate: Scores `model` by retrieval, after some epochs (`Recipe.is_validated`); its "mAP" decides which epoch
            is best (R@1 moves in steps of one query, which on a small validation subset is mostly noise).
        checkpoints: Folder for the state of this very training; when it holds finished epochs, they are
            not done again. The caller removes it once the result is saved.

    Returns:
        One row an epoch: epoch, loss, learning_rate, margin, photos_per_second, seconds (with validation), and what
        `validate` gave.
    """
    rows, labels = subsets.train, subsets.labels
    history = read_history(checkpoints)
    trainer = keras.Model(model.input, [model.get_layer("cosine").output, model.get_layer("embedding").output])
    backbone = model.get_layer("backbone")
    loss = CosineMargin(SCALE)
    size = tuple(model.input_shape[1:3])
    keeps_layout = any(layer.name == "grid" for layer in model.layers)
    crop_area = GRID_CROP_AREA if keeps_layout else CROP_AREA
    for layer in batch_norms(model):
        layer.momentum = batch_norm_momentum(recipe.epochs * max(1, len(rows) // recipe.batch_size))
    frozen_stem = stem(backbone) if recipe.pretrained and not keeps_layout else []
    stage = None

    with ThreadPoolExecutor(max_workers=2) as workers, progress_bar(TextColumn("{task.fields[note]}")) as progress:
        task = progress.add_task("Training", total=recipe.epochs, completed=len(history), note="")
        for epoch in range(len(history), recipe.epochs):
            if stage != (stage := recipe.stage(epoch)):
                backbone.trainable = stage != "head"
                for layer in frozen_stem:
                    layer.trainable = False
                optimizer = keras.optimizers.AdamW(recipe.learning_rate, weight_decay=WEIGHT_DECAY)
                trainer.compile(optimizer, [loss, pair_loss(recipe.loss, stage)])
                optimizer.build(trainer.trainable_variables)
                if epoch > 0:
                    load_state(trainer, checkpoints, epoch, with_optimizer=epoch != recipe.head_epochs)
            loss.margin.assign(recipe.margin_at(epoch))

            started, losses = time.perf_counter(), []
            similarity = centre_similarity(model) if recipe.batches == "confused" else None
            batches = epoch_batches(labels, recipe, epoch, similarity)

            def make(step: int, batches: list[np.ndarray] = batches, epoch: int = epoch) -> Batch:
                batch = batches[step]
                rngs = (np.random.default_rng([recipe.seed, epoch, step, place]) for place in range(len(batch)))
                photos = [
                    augment(pixels[row], size, rng, crop_area) for row, rng in zip(rows[batch], rngs, strict=True)
                ]
                return np.stack(photos), labels[batch]

            for step, (photos, truth) in enumerate(prefetch(make, len(batches), workers)):
                if epoch == step == 0:
                    start_averages(trainer, photos)
                rate = recipe.learning_rate_at(epoch + step / len(batches))
                trainer.optimizer.learning_rate.assign(rate)
                losses.append(trainer.train_on_batch(photos, [truth, truth], return_dict=True)["loss"])
                speed = sum(map(len, batches[: step + 1])) / (time.perf_counter() - started)
                progress.update(task, completed=epoch + (step + 1) / len(batches), note=_note(history, speed))

            row = {"epoch": epoch + 1, "loss": float(np.mean(losses)), "learning_rate": rate}
            row |= {"margin": float(loss.margin), "photos_per_second": speed}
            if recipe.is_validated(epoch):
                row |= validate()
            history.append(row | {"seconds": time.perf_counter() - started})
            save_state(trainer, checkpoints, history)
            progress.update(task, note=_note(history, speed))
            if has_stalled(history):
                log.warning(
                    "Validation has not got better since epoch %d; that epoch is the one that will be kept, unless a "
                    "later one beats it. More photos of each animal help more than more epochs.",
                    best_epoch(history),
                )

    load_state(trainer, checkpoints, best_epoch(history), with_optimizer=False)
    for layer in frozen_stem:
        layer.trainable = True  # what is saved bears no trace of the training's stages
    return pd.DataFrame(history)


def pair_loss(loss: str, stage: str) -> keras.losses.Loss | None:
    """The loss over pairs of a batch's embeddings that a stage adds to the one over classes; None for none."""
    if stage == "triplet":
        return SemiHardTriplet(TRIPLET_MARGIN)
    return keras.losses.Circle() if loss == "circle" else None


def epoch_batches(
    labels: np.ndarray, recipe: Recipe, epoch: int, similarity: np.ndarray | None = None
) -> list[np.ndarray]:
    """The rows of each batch of an epoch (from 0); `similarity` (C, C) is for confused ones."""
    rng = np.random.default_rng([recipe.seed, epoch])
    if recipe.batches == "shuffled":
        return shuffled_batches(len(labels), recipe.batch_size, rng)
    return balanced_batches(labels, recipe.batch_size, recipe.photos_per_identity, rng, similarity)


def centre_similarity(model: keras.Model) -> np.ndarray:
    """How alike the identities look to the network: the cosines between their centres, float32 (C, C).

    The centres are what the embeddings of each identity are drawn to, so this asks for no pass over the photos. Of an
    identity's sub-centres the most similar ones count.
    """
    num_ids = model.output_shape[1]
    centres = model.get_layer("centres").kernel
    kernel = np.asarray(centres).reshape(centres.shape[0], num_ids, -1)  # (D, C, sub-centres)
    cosines = np.einsum("dcs,dkt->cskt", kernel, kernel, optimize=True)
    similarity: np.ndarray = cosines.max(axis=(1, 3))
    return similarity


def batch_norm_momentum(steps: int) -> float:
    """How slowly BatchNorm's averages follow: over a tenth of all training steps, but 2 to 10; Keras' 0.99 is 100."""
    return 1 - 1 / min(10.0, max(2.0, 0.1 * steps))


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The BatchNorm layers of the network and of the backbone in it."""
    layers = (*model.layers, *model.get_layer("backbone").layers)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def start_averages(model: keras.Model, photos: np.ndarray) -> None:
    """Set the averages of every BatchNorm that learns to those of a batch of photos.

    They start as 0 and 1 otherwise, and a short training that still remembers those gives every photo one embedding.
    """
    momenta = {layer: layer.momentum for layer in batch_norms(model)}
    for layer in momenta:
        layer.momentum = 0.0
    model(photos, training=True)
    for layer, momentum in momenta.items():
        layer.momentum = momentum


def prefetch(make: Callable[[int], Batch], count: int, workers: ThreadPoolExecutor) -> Iterator[Batch]:
    """Yield `make(0)` to `make(count - 1)` in order, two of them being made ahead."""
    waiting = deque(workers.submit(make, step) for step in range(min(2, count)))
    for step in range(2, count):
        yield waiting.popleft().result()
        waiting.append(workers.submit(make, step))
    while waiting:
        yield waiting.popleft().result()


def _note(history: History, speed: float) -> str:
    """What the progress bar says beside the time left."""
    scored = [row["R@1"] for row in history if not math.isnan(row.get("R@1", math.nan))]
    loss = f"loss {history[-1]['loss']:.2f}  " if history else ""
    found = f"validation R@1 {scored[-1]:.2f}  " if scored else ""
    return f"{loss}{found}{speed:.0f} photos/s"
