import keras
import numpy as np
import pandas as pd
import pytest

from wildtrack.address.metrics import retrieval_scores
from wildtrack.address.training_set import (
    VALIDATION_BATCH,
    TrainingSet,
    retrieval_validator,
    training_doubts,
    training_set,
)


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
    doubts = training_doubts(rows, 0.15)
    assert len(doubts) == len(said)
    assert all(words in doubt for words, doubt in zip(said, doubts, strict=True))


def test_validation_that_was_not_wanted_is_not_missed() -> None:
    assert training_doubts(training(*[5] * 10, valid=0), 0.0) == []


def test_only_animals_that_are_trained_on_can_be_validated() -> None:
    table = pd.DataFrame({"identity": list("aabbac")})
    rows = training_set(table, np.array(["train", "train", "train", "train", "valid", "valid"]))
    assert rows.valid.tolist() == [4]
    assert rows.identities == ("a", "b")


@pytest.mark.parametrize("valid", [0, 1, VALIDATION_BATCH, VALIDATION_BATCH + 5])
def test_validation_scores_the_model_as_it_is_now(valid: int) -> None:
    keras.utils.set_random_seed(0)
    photos = keras.Input((4, 4, 3))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, -1)(photos))
    embedding = keras.layers.UnitNormalization(name="embedding")(keras.layers.Dense(6)(flat))
    model = keras.Model(photos, embedding)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)
    table = pd.DataFrame({"identity": [f"id{row % 5}" for row in range(60)]})
    asked, known = table["identity"][:valid], table["identity"][valid:]
    rows = TrainingSet(np.arange(valid, 60), np.arange(valid), np.arange(60 - valid) % 5, ("a",) * 5)
    validate = retrieval_validator(model, table, pixels, rows)
    for _ in range(2):
        found = validate()
        vectors = np.asarray(model(pixels))
        scores = retrieval_scores(vectors[:valid] @ vectors[valid:].T, asked, known)
        if not valid:
            assert all(np.isnan(value) for value in found.values())
        else:
            averages = scores[["R@1", "R@5", "AP"]].mean().rename({"AP": "mAP"})
            assert found == pytest.approx(averages.to_dict())
        model.set_weights([weights[::-1] for weights in model.get_weights()])  # another model from now on
