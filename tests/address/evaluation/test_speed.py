from pathlib import Path

import numpy as np
import pytest

from wildtrack.address.evaluation.speed import RUNS, embedding_speed


class CountingEngine:
    """Gives nothing, and remembers how many photos it was given."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        self.asked.append(len(photos))
        return {}


def read(row: int) -> np.ndarray:
    return np.zeros((2, 2, 3), np.uint8)


def test_the_speed_is_measured_once_a_model(tmp_path: Path) -> None:
    engine = CountingEngine()
    speed = embedding_speed(engine, "f1", read, 3, tmp_path)
    assert engine.asked == [3] * (RUNS + 1)
    assert speed > 0
    assert embedding_speed(engine, "f1", read, 1, tmp_path) == speed
    assert len(engine.asked) == RUNS + 1
    embedding_speed(engine, "f2", read, 1, tmp_path)
    assert len(engine.asked) == 2 * (RUNS + 1)


@pytest.mark.parametrize("damage", ["", "{}", "[]", "no JSON", '{"photos_per_second": null}', "\x00"])
def test_a_damaged_note_is_made_anew(tmp_path: Path, damage: str) -> None:
    (tmp_path / "embeddings").mkdir()
    (tmp_path / "embeddings" / "f1.json").write_text(damage)
    engine = CountingEngine()
    assert embedding_speed(engine, "f1", read, 1, tmp_path) > 0
    assert embedding_speed(engine, "f1", read, 1, tmp_path) > 0
    assert len(engine.asked) == RUNS + 1
