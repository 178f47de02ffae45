"""What happens around the epochs of a training, as Keras callbacks; what they measure goes into the epoch's logs."""

# ruff: noqa: ARG002 - Keras passes the epoch and the logs to each of these methods

import logging
import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from rich.progress import Progress

from wildtrack.address.evaluation.metrics import retrieval_scores, summarise
from wildtrack.address.features.embeddings import run_engine
from wildtrack.address.matching.embedding import Cosines
from wildtrack.address.models.engines import KerasEngine
from wildtrack.address.training.batches import AugmentedBatches
from wildtrack.address.training.checkpoints import History, best_epoch, has_stalled, save_state
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.losses import CosineMargin
from wildtrack.address.training.recipe import Recipe

log = logging.getLogger(__name__)

VALIDATION_FIGURES = ("R@1", "R@5", "mAP")

Logs = dict[str, Any]


class EpochSettings(keras.callbacks.Callback):  # type: ignore[misc]
    """Chooses the batches of each epoch and sets the loss's margin; logs "margin" and "learning_rate"."""

    def __init__(self, batches: AugmentedBatches, loss: CosineMargin, recipe: Recipe) -> None:
        super().__init__()
        self.batches, self.loss, self.recipe = batches, loss, recipe

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before the first batch is made."""
        self.loss.margin.assign(self.recipe.margin_at(epoch))
        self.batches.start_epoch(epoch, centre_similarity(self.model) if self.recipe.batches == "confused" else None)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """As they were at the epoch's end."""
        logs |= {"learning_rate": float(self.model.optimizer.learning_rate), "margin": float(self.loss.margin)}


class RetrievalValidation(keras.callbacks.Callback):  # type: ignore[misc]
    """Scores the network after some epochs: validation photos are the queries, training photos the gallery.

    Logs "R@1", "R@5" and "mAP", NaN where there are no validation photos.

    Args:
        model: From `build_model`.
        table: The catalogue, N rows.
        pixels: uint8 (N, H, W, 3).
        subsets: Which of them are in which subset.
        recipe: Says after which epochs.
    """

    def __init__(
        self, model: Any, table: pd.DataFrame, pixels: np.ndarray, subsets: TrainingSet, recipe: Recipe
    ) -> None:
        super().__init__()
        self.engine = KerasEngine(keras.Model(model.input, {"embedding": model.get_layer("embedding").output}))
        self.identities, self.pixels = table["identity"].to_numpy(dtype=object), pixels
        self.subsets, self.recipe = subsets, recipe

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After the last batch."""
        if self.recipe.is_validated(epoch):
            logs |= self.scores()

    def scores(self) -> dict[str, float]:
        """The figures of the network as it is now."""
        query_rows, gallery_rows = self.subsets.valid, self.subsets.train
        if not len(query_rows):
            return dict.fromkeys(VALIDATION_FIGURES, math.nan)
        query, gallery = (
            run_engine(self.engine, self.pixels.__getitem__, rows)[0]["embedding"]
            for rows in (query_rows, gallery_rows)
        )
        names = self.identities[query_rows]
        summary = summarise(retrieval_scores(Cosines(query, gallery), names, self.identities[gallery_rows]), names)
        return {name: math.nan if (value := summary[name]) is None else value for name in VALIDATION_FIGURES}


class SaveState(keras.callbacks.Callback):  # type: ignore[misc]
    """Appends each epoch to the history and puts the training's state on disk.

    Keras' `BackupAndRestore` and `CSVLogger` do not fit: they write in place, so that a power cut leaves half a file;
    they know nothing of the best epoch, of the training's other stages, or of which training a state belongs to.
    """

    def __init__(self, checkpoints: Path, history: History) -> None:
        super().__init__()
        self.checkpoints, self.history = checkpoints, history

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """When all other callbacks have put their figures into the logs."""
        figures = {name: float(value) for name, value in logs.items() if not name.endswith("_loss")}  # of one output
        self.history.append({"epoch": epoch + 1, **figures, "seconds": time.perf_counter() - self.started})
        save_state(self.model, self.checkpoints, self.history)
        if has_stalled(self.history):
            log.warning(
                "Validation has not got better since epoch %d; that epoch is the one that will be kept, unless a "
                "later one beats it. More photos of each animal help more than more epochs.",
                best_epoch(self.history),
            )


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]
    """Shows the loss, R@1 of the last validation, and the speed; logs "photos_per_second"."""

    def __init__(self, progress: Progress, batches: AugmentedBatches, history: History) -> None:
        super().__init__()
        self.progress, self.history, self.batch_size = progress, history, len(batches.batches[0])
        epochs = batches.recipe.epochs
        self.task = progress.add_task("Training", total=epochs, completed=len(history), note="")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the clock."""
        self.epoch, self.started = epoch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Move on by a batch."""
        self.speed = (batch + 1) * self.batch_size / (time.perf_counter() - self.started)
        scored = [row["R@1"] for row in self.history if not math.isnan(row.get("R@1", math.nan))]
        found = f"validation R@1 {scored[-1]:.2f}  " if scored else ""
        note = f"loss {logs['loss']:.2f}  {found}{self.speed:.0f} photos/s"
        self.progress.update(self.task, completed=self.epoch + (batch + 1) / self.params["steps"], note=note)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Of the epoch's batches alone, without validation."""
        logs["photos_per_second"] = self.speed


def centre_similarity(model: keras.Model) -> np.ndarray:
    """How alike the identities look to the network: the cosines between their centres, float32 (C, C).

    The centres are what the embeddings of each identity are drawn to, so this needs no pass over the photos. Of an
    identity's sub-centres the most similar ones count.
    """
    num_ids = model.get_layer("cosine").output.shape[1]
    centres = model.get_layer("centres").kernel
    kernel = np.asarray(centres).reshape(centres.shape[0], num_ids, -1)  # (D, C, sub-centres)
    cosines = np.einsum("dcs,dkt->cskt", kernel, kernel, optimize=True)
    similarity: np.ndarray = cosines.max(axis=(1, 3))
    return similarity
