import numpy as np
import pytest

from wildtrack.address.training_set import TrainingSet, training_doubts


def training(*photos: int, valid: int = 3) -> TrainingSet:
    """So many photos of each identity."""
    labels = np.repeat(np.arange(len(photos)), photos)
    return TrainingSet(np.arange(len(labels)), np.arange(valid), labels, tuple(f"id{n}" for n in range(len(photos))))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (training(*[5] * 10), []),
        (training(*[3] * 9, 30), []),
        (training(*[3] * 9, 31), ["'id9' has 31 training photos, a typical identity 3"]),
        (training(*[5] * 9), ["only 9 identities"]),
        (training(*[2] * 10), ["have 2 training photos or fewer"]),
        (training(*[1] * 10), ["have 1 training photo or fewer"]),
        (training(*[5] * 10, valid=0), ["no photo could be set aside for validation"]),
        (training(1, 40, 1, valid=0), ["only 3", "have 1", "'id1' has 40", "no photo"]),
    ],
)
def test_what_will_keep_a_training_from_being_good(rows: TrainingSet, said: list[str]) -> None:
    doubts = training_doubts(rows)
    assert len(doubts) == len(said)
    assert all(words in doubt for words, doubt in zip(said, doubts, strict=True))
