"""Fit the network to the training photos; keep the epoch that finds validation photos best."""

# ruff: noqa: ARG002, D102 - Keras calls the methods of callbacks and passes the epoch and the logs

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras.optimizers.schedules import CosineDecay
from rich.progress import Progress, TextColumn

from wildtrack.address.evaluation.metrics import retrieval_scores, summarise
from wildtrack.address.features.embeddings import run_engine
from wildtrack.address.matching.embedding import Cosines
from wildtrack.address.models.builder import SCALE, stem
from wildtrack.address.models.engines import KerasEngine
from wildtrack.address.training.augmentation import CROP_AREA, GRID_CROP_AREA
from wildtrack.address.training.batches import AugmentedBatches
from wildtrack.address.training.checkpoints import History, Logs, SaveState, best_epoch, load_state, read_history
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.losses import CosineMargin, SemiHardTriplet
from wildtrack.address.training.recipe import Recipe
from wildtrack.console import progress_bar
from wildtrack.errors import UserError

HEAD_LEARNING_RATE = 2e-3
WARM_UP = (0.1, 0.9)  # from this share of the learning rate, over so many epochs
TRIPLET_SHARE = 0.2  # of the learning rate, to begin the triplet stage with
TRIPLET_MARGIN = 0.2  # of squared distances between embeddings
WEIGHT_DECAY = 1e-4
PAIR_LOSSES = {"circle": keras.losses.Circle()}  # on the embeddings, next to the loss over classes

Callbacks = Sequence[keras.callbacks.Callback]


def fit(
    model: Any, pixels: np.ndarray, subsets: TrainingSet, recipe: Recipe, checkpoints: Path, callbacks: Callbacks = ()
) -> pd.DataFrame:
    """Train a network from `build_model` in place, a Keras `fit` for each stage; return the history, one row an epoch.

    `pixels` are uint8 (N, H, W, 3) of the whole catalogue. Epochs whose state is in `checkpoints` are not done again;
    the caller removes that folder. The model of `callbacks` has the outputs "cosine" and "embedding"; their logs are
    kept in the history, and "mAP" decides which epoch is best, else it is the last (R@1 moves in steps of one query,
    which on a small validation subset is mostly noise). UserError where the loss is no longer a number.
    """
    history = read_history(checkpoints)
    trainer = keras.Model(model.input, [model.get_layer("cosine").output, model.get_layer("embedding").output])
    backbone, loss = model.get_layer("backbone"), CosineMargin(SCALE)
    keeps_layout = any(layer.name == "grid" for layer in model.layers)
    frozen_stem = stem(backbone) if recipe.pretrained and not keeps_layout else []
    crop_area = GRID_CROP_AREA if keeps_layout else CROP_AREA
    batches = AugmentedBatches(pixels, subsets, recipe, tuple(model.input_shape[1:3]), crop_area)
    for layer in batch_norms(model):  # their averages follow over a tenth of all steps, but 2 to 10; Keras' 0.99 is 100
        layer.momentum = 1 - 1 / min(10.0, max(2.0, 0.1 * (recipe.epochs * len(batches))))
    with progress_bar(TextColumn("{task.fields[note]}")) as progress:
        nan = keras.callbacks.TerminateOnNaN(raise_error=True)  # before the state is saved
        before = nan, EpochSettings(batches, loss, recipe), ProgressBar(progress, batches, history)
        callbacks = [*before, *callbacks, SaveState(checkpoints, history)]
        for stage, epochs in recipe.stages.items():
            if len(history) >= epochs.stop:
                continue
            backbone.trainable = stage != "head"
            for layer in frozen_stem:
                layer.trainable = False
            optimizer = keras.optimizers.AdamW(learning_rate(recipe, stage, len(batches)), weight_decay=WEIGHT_DECAY)
            pair_loss = SemiHardTriplet(TRIPLET_MARGIN) if stage == "triplet" else PAIR_LOSSES.get(recipe.loss)
            trainer.compile(optimizer, [loss, pair_loss])
            optimizer.build(trainer.trainable_variables)
            if history:
                load_state(trainer, checkpoints, len(history), with_optimizer=len(history) > epochs.start)
            else:
                start_averages(trainer, batches[0][0])
            try:
                trainer.fit(
                    batches.dataset(),
                    shuffle=False,  # else Keras warns that it cannot
                    initial_epoch=len(history),
                    epochs=epochs.stop,
                    callbacks=callbacks,
                    verbose=0,
                )
            except RuntimeError as error:
                if "NaN" not in str(error):
                    raise
                raise UserError(
                    f"in epoch {len(history) + 1} the loss became infinite or not a number; train with a lower "
                    f"--learning-rate than {recipe.learning_rate:g}"
                ) from error
            if trainer.stop_training:  # one of `callbacks` has said so
                break
    load_state(trainer, checkpoints, best_epoch(history), with_optimizer=False)
    for layer in frozen_stem:
        layer.trainable = True  # what is saved bears no trace of the training's stages
    return pd.DataFrame(history)


def learning_rate(recipe: Recipe, stage: str, steps: int) -> Any:
    """A number for the head, else a cosine to zero over the stage's epochs of `steps`, at first with a warm-up."""
    if stage == "head":
        return HEAD_LEARNING_RATE
    if stage == "triplet":
        return CosineDecay(TRIPLET_SHARE * recipe.learning_rate, recipe.triplet_epochs * steps)
    share, epochs = WARM_UP
    warm_up, top = round(epochs * steps), recipe.learning_rate
    decay_steps = max(1, len(recipe.stages["all"]) * steps - warm_up)
    return CosineDecay(share * top, decay_steps, warmup_target=top, warmup_steps=warm_up)


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The BatchNorm layers of the network and of the backbone in it."""
    layers = (*model.layers, *model.get_layer("backbone").layers)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def start_averages(model: keras.Model, photos: np.ndarray) -> None:
    """Begin the averages of BatchNorm with a batch of photos: a short training forgets the usual 0 and 1 too late."""
    momenta = {layer: layer.momentum for layer in batch_norms(model)}
    for layer in momenta:
        layer.momentum = 0.0
    model(photos, training=True)
    for layer, momentum in momenta.items():
        layer.momentum = momentum


class EpochSettings(keras.callbacks.Callback):  # type: ignore[misc]
    """Chooses the batches of each epoch and sets the loss's margin; logs "margin" and "learning_rate"."""

    def __init__(self, batches: AugmentedBatches, loss: CosineMargin, recipe: Recipe) -> None:
        super().__init__()
        self.batches, self.loss, self.recipe = batches, loss, recipe

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.loss.margin.assign(self.recipe.margin_at(epoch))
        self.batches.start_epoch(epoch, centre_similarity(self.model) if self.recipe.batches == "confused" else None)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs |= {"learning_rate": float(self.model.optimizer.learning_rate), "margin": float(self.loss.margin)}


class RetrievalValidation(keras.callbacks.Callback):  # type: ignore[misc]
    """Scores a network from `build_model` after some epochs: validation photos against training photos.

    Logs "R@1", "R@5" and "mAP", NaN where there are no validation photos. `pixels` are uint8 (N, H, W, 3).
    """

    def __init__(
        self, model: Any, table: pd.DataFrame, pixels: np.ndarray, subsets: TrainingSet, recipe: Recipe
    ) -> None:
        super().__init__()
        self.engine = KerasEngine(keras.Model(model.input, {"embedding": model.get_layer("embedding").output}))
        self.pixels, self.subsets, self.recipe = pixels, subsets, recipe
        self.identities = table["identity"].to_numpy(dtype=object)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not self.recipe.is_validated(epoch):
            return
        rows, found = (self.subsets.valid, self.subsets.train), {}
        if len(self.subsets.valid):
            vectors = [run_engine(self.engine, self.pixels.__getitem__, each)[0]["embedding"] for each in rows]
            queries, gallery = (self.identities[each] for each in rows)
            found = summarise(retrieval_scores(Cosines(*vectors), queries, gallery), queries)
        figures = {name: found.get(name) for name in ("R@1", "R@5", "mAP")}
        logs |= {name: math.nan if figure is None else figure for name, figure in figures.items()}


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the loss, R@1 of the last validation, and the speed without validation; logs "photos_per_second"."""

    def __init__(self, progress: Progress, batches: AugmentedBatches, history: History) -> None:
        super().__init__()
        self.progress, self.history, self.batch_size = progress, history, len(batches.batches[0])
        self.task = progress.add_task("Training", total=batches.recipe.epochs, completed=len(history), note="")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch, self.started = epoch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self.speed = (batch + 1) * self.batch_size / (time.perf_counter() - self.started)
        scored = [row["R@1"] for row in self.history if not math.isnan(row.get("R@1", math.nan))]
        found = f"validation R@1 {scored[-1]:.2f}  " if scored else ""
        note = f"loss {logs['loss']:.2f}  {found}{self.speed:.0f} photos/s"
        self.progress.update(self.task, completed=self.epoch + (batch + 1) / self.params["steps"], note=note)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs["photos_per_second"] = self.speed


def centre_similarity(model: keras.Model) -> np.ndarray:
    """How alike the identities look to the network: the cosines between their centres, float32 (C, C).

    Embeddings of an identity are drawn to its centre, so no photo is needed. Of sub-centres the most similar count.
    """
    num_ids = model.get_layer("cosine").output.shape[1]
    centres = model.get_layer("centres").kernel
    kernel = np.asarray(centres).reshape(centres.shape[0], num_ids, -1)  # (D, C, sub-centres)
    cosines = np.einsum("dcs,dkt->cskt", kernel, kernel, optimize=True)
    return np.asarray(cosines.max(axis=(1, 3)))
