"""Fit the network to the training photos; keep the epoch that finds validation photos best.

Goes in: uint8 pixels, class numbers, a function that scores the model. Comes out: the history, one row an epoch;
the model holds the best epoch's weights. Every finished epoch is on disk, so an interrupted training goes on.
"""

import json
import logging
import math
import shutil
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from rich.progress import TextColumn

from wildtrack.address.augment import CROP_AREA, GRID_CROP_AREA, augment
from wildtrack.address.losses import CosineMargin
from wildtrack.address.model import SCALE, stem
from wildtrack.console import progress_bar
from wildtrack.files import write_atomically, write_text

log = logging.getLogger(__name__)

HEAD_EPOCHS = 2  # on pretrained weights the new head learns first, or its noise would undo them
HEAD_LEARNING_RATE = 2e-3
MARGIN = 0.3  # radians, ArcFace's at the end of its ramp
MARGIN_RAMP = 0.5  # share of the epochs over which the margin grows from 0
WEIGHT_DECAY = 1e-4
WARM_UP_EPOCHS = 1.0
VALIDATIONS = 20  # each costs a pass over the validation and training photos

Batch = tuple[np.ndarray, np.ndarray]  # photos uint8 (B, H, W, 3), class numbers int (B,)


@dataclass(frozen=True)
class Recipe:
    """What training needs to know besides the data."""

    loss: str  # "arcface" or "softmax"
    epochs: int
    batch_size: int
    learning_rate: float  # at the top of the cosine
    pretrained: bool  # the backbone's weights are worth protecting
    seed: int


def fit(
    model: keras.Model,
    pixels: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    validate: Callable[[keras.Model], dict[str, float]],
    checkpoints: Path,
) -> pd.DataFrame:
    """Train `model` in place.

    Args:
        model: From `build_model`.
        pixels: uint8 (N, H, W, 3), the whole catalogue; a memory map is read photo by photo.
        rows: int (T,), which of them to train on.
        labels: int (T,), their class numbers, 0 to identities - 1.
        recipe: The knobs.
        validate: Scores the model by retrieval, about VALIDATIONS times; its "mAP" decides which epoch is
            best (R@1 moves in steps of one query, which on a small validation side is mostly noise).
        checkpoints: Folder for the state of this very training; when it holds finished epochs, they are
            not done again. The caller removes it once the result is saved.

    Returns:
        One row an epoch: epoch, loss, learning_rate, margin, photos_per_second, and what `validate` gave.
    """
    history = _read_history(checkpoints)
    trainer = keras.Model(model.input, model.get_layer("cosine").output)
    backbone = model.get_layer("backbone")
    loss = CosineMargin(SCALE)
    size = tuple(model.input_shape[1:3])
    keeps_layout = any(layer.name == "grid" for layer in model.layers)
    crop_area = GRID_CROP_AREA if keeps_layout else CROP_AREA
    for layer in batch_norms(model):
        layer.momentum = batch_norm_momentum(recipe.epochs * len(epoch_batches(len(rows), recipe, 0)))
    head_epochs = min(HEAD_EPOCHS, recipe.epochs - 1) if recipe.pretrained else 0
    frozen_stem = stem(backbone) if recipe.pretrained and not keeps_layout else []
    stage = None

    with ThreadPoolExecutor(max_workers=2) as workers, progress_bar(TextColumn("{task.fields[note]}")) as progress:
        task = progress.add_task("Training", total=recipe.epochs, completed=len(history), note=_note(history))
        for epoch in range(len(history), recipe.epochs):
            if stage != (stage := "head" if epoch < head_epochs else "all"):
                backbone.trainable = stage == "all"
                for layer in frozen_stem:
                    layer.trainable = False
                trainer.compile(keras.optimizers.AdamW(recipe.learning_rate, weight_decay=WEIGHT_DECAY), loss)
                trainer.optimizer.build(trainer.trainable_variables)
                if epoch > 0:
                    _load_state(trainer, checkpoints, epoch, with_optimizer=epoch != head_epochs)
            loss.margin.assign(margin_at(epoch - head_epochs, recipe.epochs - head_epochs, recipe.loss))

            started, losses = time.perf_counter(), []
            batches = epoch_batches(len(rows), recipe, epoch)

            def make(batch: np.ndarray, seed: tuple[int, int] = (recipe.seed, epoch)) -> tuple[np.ndarray, np.ndarray]:
                rngs = (np.random.default_rng([*seed, row]) for row in rows[batch])
                photos = [
                    augment(pixels[row], size, rng, crop_area) for row, rng in zip(rows[batch], rngs, strict=True)
                ]
                return np.stack(photos), labels[batch]

            for step, (photos, truth) in enumerate(prefetch(make, batches, workers)):
                if epoch == step == 0:
                    start_averages(trainer, photos)
                rate = learning_rate_at(epoch + step / len(batches), head_epochs, recipe)
                trainer.optimizer.learning_rate.assign(rate)
                losses.append(float(trainer.train_on_batch(photos, truth)))
                progress.update(task, completed=epoch + (step + 1) / len(batches))
            seconds = time.perf_counter() - started

            row = {"epoch": epoch + 1, "loss": float(np.mean(losses)), "learning_rate": rate}
            row |= {"margin": float(loss.margin), "photos_per_second": sum(map(len, batches)) / seconds}
            if is_validated(epoch, recipe.epochs):
                row |= validate(model)
            history.append(row)
            _save_state(trainer, checkpoints, history)
            progress.update(task, note=_note(history))

    _load_state(trainer, checkpoints, best_epoch(history), with_optimizer=False)
    for layer in frozen_stem:
        layer.trainable = True  # what is saved bears no trace of the training's stages
    return pd.DataFrame(history)


def is_validated(epoch: int, epochs: int) -> bool:
    """Whether to score the model after this epoch (from 0): VALIDATIONS times, evenly, and after the last."""
    return (epoch + 1) % math.ceil(epochs / VALIDATIONS) == 0 or epoch + 1 == epochs


def best_epoch(history: list[dict[str, float]]) -> int:
    """The epoch (from 1) with the highest validation mAP; the last one when nothing could be validated."""
    figures = np.array([row.get("mAP", math.nan) for row in history], dtype=float)
    return len(history) if np.isnan(figures).all() else int(np.nanargmax(figures)) + 1


def learning_rate_at(position: float, head_epochs: int, recipe: Recipe) -> float:
    """Constant for the head; then a linear warm-up and a cosine to zero. `position` counts epochs from 0."""
    if position < head_epochs:
        return HEAD_LEARNING_RATE
    done = position - head_epochs
    warm_up = min(1.0, (done + 0.1) / WARM_UP_EPOCHS)
    return recipe.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * done / (recipe.epochs - head_epochs)))


def margin_at(epoch: int, epochs: int, loss: str) -> float:
    """ArcFace's margin, growing linearly over the first part of training: a full one at once would stall it."""
    if loss == "softmax":
        return 0.0
    return MARGIN * min(1.0, max(0, epoch) / max(1.0, MARGIN_RAMP * epochs))


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


def epoch_batches(count: int, recipe: Recipe, epoch: int) -> list[np.ndarray]:
    """Row numbers of each batch of an epoch, shuffled; a rest smaller than a batch waits for another epoch."""
    order = np.random.default_rng([recipe.seed, epoch]).permutation(count)
    whole = max(1, count // recipe.batch_size) * recipe.batch_size
    return [order[start : start + recipe.batch_size] for start in range(0, min(whole, count), recipe.batch_size)]


def prefetch(
    make: Callable[[np.ndarray], Batch], batches: list[np.ndarray], workers: ThreadPoolExecutor
) -> Iterator[Batch]:
    """Yield `make(batch)` for each batch in order, two of them being made ahead."""
    waiting = deque(workers.submit(make, batch) for batch in batches[:2])
    for batch in batches[2:]:
        yield waiting.popleft().result()
        waiting.append(workers.submit(make, batch))
    while waiting:
        yield waiting.popleft().result()


def training_state(checkpoints: Path, identity: dict[str, object]) -> int:
    """Prepare the folder for a training named by `identity`; return how many epochs of it are done.

    The state of any other training (other knobs, other photos) is dropped, and so is a damaged one.
    """
    marker = checkpoints / "training.json"
    text = json.dumps(identity, sort_keys=True, indent=1, default=str)
    is_same = marker.is_file() and marker.read_bytes() == text.encode()
    if not is_same or not _is_whole(checkpoints):
        if (checkpoints / "history.json").is_file():
            reason = "is damaged" if is_same else "had other knobs or photos"
            log.warning("An interrupted training in %s %s; it is dropped, this one starts anew.", checkpoints, reason)
        shutil.rmtree(checkpoints, ignore_errors=True)
        write_text(marker, text)
    return len(_read_history(checkpoints))


def _is_whole(checkpoints: Path) -> bool:
    """Whether the history, and the epochs that going on needs, are there and undamaged."""
    try:
        history = _read_history(checkpoints)
        needed = {len(history), best_epoch(history)} if history else set()
        in_order = isinstance(history, list) and [row["epoch"] for row in history] == list(range(1, len(history) + 1))
        return in_order and all(_passes_checksums(_state_file(checkpoints, epoch)) for epoch in needed)
    except Exception:  # zipfile raises nearly anything for a file it cannot read
        return False


def _passes_checksums(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _read_history(checkpoints: Path) -> list[dict[str, float]]:
    path = checkpoints / "history.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _save_state(trainer: keras.Model, checkpoints: Path, history: list[dict[str, float]]) -> None:
    """Put an epoch on disk. The history is written last: an epoch counts when it is in there.

    `variables` are the weights and, for dropout to go on as it would have, the states of the random generators.
    """
    arrays: dict[str, Any] = {f"model_{number}": np.asarray(value) for number, value in enumerate(trainer.variables)}
    arrays |= {f"optimizer_{number}": np.asarray(value) for number, value in enumerate(trainer.optimizer.variables)}
    write_atomically(_state_file(checkpoints, len(history)), lambda part: np.savez(part, **arrays))
    write_text(checkpoints / "history.json", json.dumps(history))
    keep = {_state_file(checkpoints, epoch) for epoch in (len(history), best_epoch(history))}
    for path in set(checkpoints.glob("epoch-*.npz")) - keep:
        path.unlink()


def _load_state(trainer: keras.Model, checkpoints: Path, epoch: int, *, with_optimizer: bool) -> None:
    with np.load(_state_file(checkpoints, epoch), allow_pickle=False) as arrays:
        for number, variable in enumerate(trainer.variables):
            variable.assign(arrays[f"model_{number}"])
        if with_optimizer:
            for number, variable in enumerate(trainer.optimizer.variables):
                variable.assign(arrays[f"optimizer_{number}"])


def _state_file(checkpoints: Path, epoch: int) -> Path:
    return checkpoints / f"epoch-{epoch:04d}.npz"


def _note(history: list[dict[str, float]]) -> str:
    """What the progress bar says of the last epoch."""
    if not history:
        return ""
    last = history[-1]
    scored = [row["R@1"] for row in history if not math.isnan(row.get("R@1", math.nan))]
    found = f"  validation R@1 {scored[-1]:.2f}" if scored else ""
    return f"loss {last['loss']:.2f}{found}  {last['photos_per_second']:.0f} photos/s"
