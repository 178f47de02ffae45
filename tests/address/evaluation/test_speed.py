import numpy as np

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


def test_the_speed_is_the_median_of_runs_after_a_first() -> None:
    engine = CountingEngine()
    assert embedding_speed(engine, read, 3) > 0
    assert engine.asked == [3] * (RUNS + 1)
