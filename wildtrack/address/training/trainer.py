"""Fit the network to the training photos; keep the epoch that finds validation photos best.

In: uint8 pixels, class numbers, and callbacks, one of which scores the model. Out: the history, one row an epoch, and
the best epoch's weights in the model. Every finished epoch is on disk, so an interrupted training goes on.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from rich.progress import TextColumn

from wildtrack.address.models.builder import SCALE, stem
from wildtrack.address.training.augmentation import CROP_AREA, GRID_CROP_AREA
from wildtrack.address.training.batches import AugmentedBatches
from wildtrack.address.training.callbacks import EpochSettings, ProgressBar, SaveState
from wildtrack.address.training.checkpoints import best_epoch, load_state, read_history
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


def fit(
    model: keras.Model,
    pixels: np.ndarray,
    subsets: TrainingSet,
    recipe: Recipe,
    checkpoints: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> pd.DataFrame:
    """Train `model` in place, a Keras `fit` for each stage.

    Args:
        model: From `build_model`.
        pixels: uint8 (N, H, W, 3), the whole catalogue; a memory map is read photo by photo.
        subsets: Which T of them to train on, and their class numbers.
        recipe: The settings.
        checkpoints: Folder for the state of this very training; when it holds finished epochs, they are not done
            again. The caller removes it once the result is saved.
        callbacks: Their model has the outputs "cosine" and "embedding". What they put into an epoch's logs comes into
            the history; "mAP" decides which epoch is best (`RetrievalValidation` puts it there; R@1 moves in steps of
            one query, which on a small validation subset is mostly noise). With none, the last epoch is kept.

    Returns:
        One row an epoch: epoch, loss, photos_per_second, margin, learning_rate, what `callbacks` logged, and seconds.

    Raises:
        UserError: The loss is not a number any more.
    """
    history = read_history(checkpoints)
    trainer = keras.Model(model.input, [model.get_layer("cosine").output, model.get_layer("embedding").output])
    backbone = model.get_layer("backbone")
    loss = CosineMargin(SCALE)
    keeps_layout = any(layer.name == "grid" for layer in model.layers)
    frozen_stem = stem(backbone) if recipe.pretrained and not keeps_layout else []
    crop_area = GRID_CROP_AREA if keeps_layout else CROP_AREA
    batches = AugmentedBatches(pixels, subsets, recipe, tuple(model.input_shape[1:3]), crop_area)
    for layer in batch_norms(model):
        layer.momentum = batch_norm_momentum(recipe.epochs * len(batches))

    with progress_bar(TextColumn("{task.fields[note]}")) as progress:
        callbacks = [
            keras.callbacks.TerminateOnNaN(raise_error=True),  # before the state is saved
            EpochSettings(batches, loss, recipe),
            ProgressBar(progress, batches, history),
            *callbacks,
            SaveState(checkpoints, history),
        ]
        for stage, epochs in recipe.stages.items():
            if len(history) >= epochs.stop:
                continue
            backbone.trainable = stage != "head"
            for layer in frozen_stem:
                layer.trainable = False
            optimizer = keras.optimizers.AdamW(learning_rate(recipe, stage, len(batches)), weight_decay=WEIGHT_DECAY)
            trainer.compile(optimizer, [loss, pair_loss(recipe.loss, stage)])
            optimizer.build(trainer.trainable_variables)
            if history:
                load_state(trainer, checkpoints, len(history), with_optimizer=len(history) > epochs.start)
            else:
                start_averages(trainer, batches[0][0])
            try:
                trainer.fit(
                    batches,
                    initial_epoch=len(history),
                    epochs=epochs.stop,
                    shuffle=False,  # `AugmentedBatches` has done so
                    verbose=0,
                    callbacks=callbacks,
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
    """A number for the head, else a schedule: warm-up and cosine to zero, or a lower cosine for triplets.

    It counts the stage's steps; an epoch has `steps`.
    """
    if stage == "head":
        return HEAD_LEARNING_RATE
    if stage == "triplet":
        return keras.optimizers.schedules.CosineDecay(
            TRIPLET_SHARE * recipe.learning_rate, recipe.triplet_epochs * steps
        )
    share, epochs = WARM_UP
    warm_up = round(epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        share * recipe.learning_rate,
        max(1, len(recipe.stages["all"]) * steps - warm_up),
        warmup_target=recipe.learning_rate,
        warmup_steps=warm_up,
    )


def pair_loss(loss: str, stage: str) -> keras.losses.Loss | None:
    """The loss over pairs of a batch's embeddings that a stage adds to the one over classes; None for none."""
    if stage == "triplet":
        return SemiHardTriplet(TRIPLET_MARGIN)
    return keras.losses.Circle() if loss == "circle" else None


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
