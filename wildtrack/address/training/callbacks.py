"""What happens around the epochs of a training, as Keras callbacks; what they measure goes into the epoch's logs."""

# ruff: noqa: ARG002, D102 - Keras calls these methods and passes the epoch and the logs

import math
import time
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
from wildtrack.address.training.checkpoints import History, Logs
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.losses import CosineMargin
from wildtrack.address.training.recipe import Recipe


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
        rows, figures = (self.subsets.valid, self.subsets.train), {}
        if len(self.subsets.valid):
            vectors = [run_engine(self.engine, self.pixels.__getitem__, each)[0]["embedding"] for each in rows]
            queries, gallery = (self.identities[each] for each in rows)
            figures = summarise(retrieval_scores(Cosines(*vectors), queries, gallery), queries)
        logs |= {name: figures.get(name, math.nan) for name in ("R@1", "R@5", "mAP")}


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
