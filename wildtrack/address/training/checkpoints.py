"""The state of a training on disk, epoch by epoch: what Ctrl-C or a power cut leaves behind is whole, and goes on."""

# ruff: noqa: ARG002, D102 - Keras calls the methods of `SaveState` and passes the epoch and the logs

import json
import logging
import math
import shutil
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wildtrack.storage.cache import load_arrays
from wildtrack.storage.files import write_atomically, write_text

log = logging.getLogger(__name__)

STALLED_AFTER = 3  # validations
STATE_VERSION = 2  # changes when a state of an earlier version would not fit the optimiser

Logs = dict[str, Any]  # the figures of an epoch by name
History = list[dict[Any, Any]]  # one row an epoch


def best_epoch(history: History) -> int:
    """The epoch (from 1) with the highest validation mAP; the last one when nothing could be validated."""
    figures = np.array([row.get("mAP", math.nan) for row in history], dtype=float)
    return len(history) if np.isnan(figures).all() else int(np.nanargmax(figures)) + 1


def has_stalled(history: History) -> bool:
    """Whether this very epoch is the one after which STALLED_AFTER validations in a row were no better than before."""
    since = [row for row in history[best_epoch(history) :] if not math.isnan(row.get("mAP", math.nan))]
    return len(since) == STALLED_AFTER and since[-1] is history[-1]


def training_state(checkpoints: Path, identity: dict[str, object]) -> int:
    """The number of finished epochs of the training `identity`; the state of another, or a damaged one, is dropped."""
    marker = checkpoints / "training.json"
    text = json.dumps({**identity, "state_version": STATE_VERSION}, sort_keys=True, indent=1, default=str)
    is_same = marker.is_file() and marker.read_bytes() == text.encode()
    if not is_same or not _is_whole(checkpoints):
        if (checkpoints / "history.json").is_file():
            reason = "is damaged" if is_same else "had other settings or photos"
            log.warning("An interrupted training in %s %s; it is dropped, this one starts anew.", checkpoints, reason)
        shutil.rmtree(checkpoints, ignore_errors=True)
        write_text(marker, text)
    return len(read_history(checkpoints))


def _is_whole(checkpoints: Path) -> bool:
    """Whether the history, and the epochs that going on needs, are there and undamaged."""
    try:
        history = read_history(checkpoints)
        for epoch in {len(history), best_epoch(history)} if history else ():
            load_arrays(_state_file(checkpoints, epoch))
        return isinstance(history, list) and [row["epoch"] for row in history] == list(range(1, len(history) + 1))
    except Exception:  # zipfile raises nearly anything for a file it cannot read
        return False


def read_history(checkpoints: Path) -> History:
    """The finished epochs; [] where there are none."""
    path = checkpoints / "history.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


class SaveState(keras.callbacks.Callback):  # type: ignore[misc]
    """Appends each epoch to the history and puts the training's state on disk; the last of the callbacks.

    Keras' `BackupAndRestore` and `CSVLogger` write in place, and know of no best epoch, stages, or other trainings.
    """

    def __init__(self, checkpoints: Path, history: History) -> None:
        super().__init__()
        self.checkpoints, self.history = checkpoints, history

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        figures = {name: float(value) for name, value in logs.items() if not name.endswith("_loss")}  # of one output
        self.history.append({"epoch": epoch + 1, **figures, "seconds": time.perf_counter() - self.started})
        # the weights and, for dropout to go on as it would have, the states of the random generators
        variables = {"model": self.model.variables, "optimizer": self.model.optimizer.variables}
        arrays: Any = {
            f"{kind}_{n}": np.asarray(value) for kind in variables for n, value in enumerate(variables[kind])
        }
        kept = {_state_file(self.checkpoints, number) for number in (epoch + 1, best_epoch(self.history))}
        write_atomically(_state_file(self.checkpoints, epoch + 1), lambda part: np.savez(part, **arrays))
        write_text(self.checkpoints / "history.json", json.dumps(self.history))  # last: now the epoch counts
        for path in set(self.checkpoints.glob("epoch-*.npz")) - kept:
            path.unlink()
        if has_stalled(self.history):
            log.warning(
                "Validation has not got better since epoch %d; that epoch is the one that will be kept, unless a "
                "later one beats it. More photos of each animal help more than more epochs.",
                best_epoch(self.history),
            )


def load_state(trainer: Any, checkpoints: Path, epoch: int, *, with_optimizer: bool) -> None:
    """Give the network the weights it had after `epoch` (from 1), and its optimiser the state."""
    arrays = load_arrays(_state_file(checkpoints, epoch))
    for number, variable in enumerate(trainer.variables):
        variable.assign(arrays[f"model_{number}"])
    for number, variable in enumerate(trainer.optimizer.variables if with_optimizer else ()):
        variable.assign(arrays[f"optimizer_{number}"])


def _state_file(checkpoints: Path, epoch: int) -> Path:
    return checkpoints / f"epoch-{epoch:04d}.npz"
