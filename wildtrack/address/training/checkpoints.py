"""The state of a training on disk, epoch by epoch: what Ctrl-C or a power cut leaves behind is whole, and goes on."""

import json
import logging
import math
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.storage.files import write_atomically, write_text

log = logging.getLogger(__name__)

STALLED_AFTER = 3  # validations
STATE_VERSION = 2  # changes when a state of an earlier version would not fit the optimiser

History = list[dict[Any, Any]]  # one row an epoch: its figures by name


def best_epoch(history: History) -> int:
    """The epoch (from 1) with the highest validation mAP; the last one when nothing could be validated."""
    figures = np.array([row.get("mAP", math.nan) for row in history], dtype=float)
    return len(history) if np.isnan(figures).all() else int(np.nanargmax(figures)) + 1


def has_stalled(history: History) -> bool:
    """Whether this very epoch is the one after which STALLED_AFTER validations in a row were no better than before."""
    figures = [row["mAP"] for row in history if not math.isnan(row.get("mAP", math.nan))]
    validated_now = bool(history) and not math.isnan(history[-1].get("mAP", math.nan))
    return validated_now and len(figures) - 1 - int(np.argmax(figures)) == STALLED_AFTER


def training_state(checkpoints: Path, identity: dict[str, object]) -> int:
    """Prepare the folder for a training named by `identity`; return how many epochs of it are done.

    The state of any other training (other settings, other photos) is dropped, and so is a damaged one.
    """
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
        needed = {len(history), best_epoch(history)} if history else set()
        in_order = isinstance(history, list) and [row["epoch"] for row in history] == list(range(1, len(history) + 1))
        return in_order and all(_passes_checksums(_state_file(checkpoints, epoch)) for epoch in needed)
    except Exception:  # zipfile raises nearly anything for a file it cannot read
        return False


def _passes_checksums(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def read_history(checkpoints: Path) -> History:
    """The finished epochs; [] where there are none."""
    path = checkpoints / "history.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def save_state(trainer: Any, checkpoints: Path, history: History) -> None:
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


def load_state(trainer: Any, checkpoints: Path, epoch: int, *, with_optimizer: bool) -> None:
    """Give the network the weights it had after `epoch` (from 1), and its optimiser the state."""
    with np.load(_state_file(checkpoints, epoch), allow_pickle=False) as arrays:
        for number, variable in enumerate(trainer.variables):
            variable.assign(arrays[f"model_{number}"])
        if with_optimizer:
            for number, variable in enumerate(trainer.optimizer.variables):
                variable.assign(arrays[f"optimizer_{number}"])


def _state_file(checkpoints: Path, epoch: int) -> Path:
    return checkpoints / f"epoch-{epoch:04d}.npz"
