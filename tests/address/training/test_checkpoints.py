import math
from pathlib import Path

import numpy as np
import pytest

from wildtrack.address.training.checkpoints import best_epoch, has_stalled, training_state

NAN = math.nan


@pytest.mark.parametrize(
    ("figures", "best", "stalled"),
    [
        ([0.5], 1, False),
        ([0.1, 0.5, 0.5, 0.4], 2, False),
        ([0.5, 0.5, 0.4, 0.3], 1, True),
        ([0.5, 0.5, 0.4, 0.3, 0.2], 1, False),  # the warning has been given
        ([0.5, NAN, 0.4, None, 0.3, 0.2], 1, True),
        ([0.5, 0.4, 0.3, 0.2, NAN], 1, False),
        ([0.5, 0.4, 0.3, 0.6], 4, False),
        ([None, 0.0, NAN], 2, False),
        ([NAN, None, NAN], 3, False),
    ],
)
def test_the_best_epoch_and_whether_it_is_long_past(figures: list[float | None], best: int, stalled: bool) -> None:
    history: list[dict[str, float]] = [{} if figure is None else {"mAP": figure} for figure in figures]
    assert (best_epoch(history), has_stalled(history)) == (best, stalled) and not has_stalled([])


def leave_two_epochs(folder: Path) -> None:
    """What an interrupted training leaves, the first of its epochs being the best."""
    (folder / "history.json").write_text('[{"epoch": 1, "mAP": 0.5}, {"epoch": 2, "mAP": 0.4}]')
    for epoch in (1, 2):
        np.savez(folder / f"epoch-000{epoch}.npz", model_0=np.ones(9))


@pytest.mark.parametrize("name", ["history.json", "epoch-0001.npz", "epoch-0002.npz", "training.json"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "altered", "noise", "other"])
def test_damaged_state_is_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, damage: str) -> None:
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
    assert training_state(tmp_path, {"seed": 0}) == 0 and not (tmp_path / "history.json").exists()
    assert len(caplog.messages) == ((name, damage) != ("history.json", "gone"))


def test_training_state_drops_what_belongs_to_another_training(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    assert training_state(folder, {"seed": 0}) == 0
    leave_two_epochs(folder)
    assert training_state(folder, {"seed": 0}) == 2 and training_state(folder, {"seed": 1}) == 0
    assert not (folder / "history.json").exists()
