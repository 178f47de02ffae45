import math
from pathlib import Path

import numpy as np
import pytest

from wildtrack.address.training.checkpoints import best_epoch, has_stalled, training_state

NAN = math.nan


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        ([0.5], 1),
        ([0.1, 0.5, 0.3], 2),
        ([0.1, 0.5, 0.5], 2),
        ([NAN, 0.2, NAN], 2),
        ([NAN, NAN, NAN], 3),
        ([None, 0.0, None], 2),
        ([None, None], 2),
    ],
)
def test_best_epoch(figures: list[float | None], best: int) -> None:
    history: list[dict[str, float]] = [{} if figure is None else {"mAP": figure} for figure in figures]
    assert best_epoch(history) == best


def leave_two_epochs(folder: Path) -> None:
    """What an interrupted training leaves, the first of its epochs being the best."""
    (folder / "history.json").write_text('[{"epoch": 1, "mAP": 0.5}, {"epoch": 2, "mAP": 0.4}]')
    for epoch in (1, 2):
        np.savez(folder / f"epoch-000{epoch}.npz", model_0=np.ones(9))


@pytest.mark.parametrize("name", ["history.json", "epoch-0001.npz", "epoch-0002.npz", "training.json"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "altered", "noise", "other"])
def test_training_state_drops_what_is_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    assert training_state(tmp_path, {"seed": 0}) == 0
    leave_two_epochs(tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "gone":
        half = len(whole) // 2
        altered = whole[:half] + bytes([whole[half] ^ 128]) + whole[half + 1 :]
        found = {"empty": b"", "cut": whole[:-9], "altered": altered, "noise": b"\xff" * 99, "other": b"{}"}
        path.write_bytes(found[damage])
    assert training_state(tmp_path, {"seed": 0}) == 0
    assert not (tmp_path / "history.json").exists()
    assert len(caplog.messages) == ((name, damage) != ("history.json", "gone"))


def test_training_state_drops_what_belongs_to_another_training(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    assert training_state(folder, {"seed": 0}) == 0
    leave_two_epochs(folder)
    assert training_state(folder, {"seed": 0}) == 2
    assert training_state(folder, {"seed": 1}) == 0
    assert not (folder / "history.json").exists()


@pytest.mark.parametrize(
    ("figures", "stalled"),
    [
        ([], False),
        ([0.5, 0.5, 0.4], False),
        ([0.5, 0.5, 0.4, 0.3], True),
        ([0.5, 0.5, 0.4, 0.3, 0.2], False),  # said already
        ([0.5, NAN, 0.4, None, 0.3, 0.2], True),
        ([0.5, 0.4, 0.3, 0.2, NAN], False),
        ([0.5, 0.4, 0.3, 0.6], False),
        ([None, NAN], False),
    ],
)
def test_stalled_is_said_once(figures: list[float | None], stalled: bool) -> None:
    assert has_stalled([{} if figure is None else {"mAP": figure} for figure in figures]) == stalled
