import numpy as np
import pytest

from tests.helpers.features import unit
from tests.helpers.tables import catalogue
from wildtrack.assess.labels.audit import Audit, audit_labels
from wildtrack.assess.labels.trials import Trials


def study(noise: float, animals: int = 6, photos: int = 6, wrong: int = 0) -> Audit:
    """An audit of animals that differ, seen by a model with some noise; so many photos have the next animal's name."""
    true = "".join(letter * photos for letter in "abcdefgh"[:animals])
    names = [*true]
    for number in range(wrong):
        names[number * photos] = "abcdefgh"[(number + 1) % animals]
    centres = {letter: np.random.default_rng(ord(letter)).normal(size=16) for letter in true}
    pure = np.stack([centres[letter] for letter in true])
    vectors = unit(pure + noise * np.random.default_rng(1).normal(size=pure.shape))
    return audit_labels(catalogue("".join(names)), vectors, 12, None)


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.5])
def test_a_model_that_tells_the_animals_apart_finds_a_wrong_name(noise: float) -> None:
    found = study(noise, wrong=1).believable()
    assert found.photos["image_id"].tolist() == ["r0"]
    assert found.trials["photos"].planted == 20 and found.trials["photos"].is_right


@pytest.mark.parametrize("noise", [1.2, 1.6, 2.0, 3.0])
def test_a_weak_model_is_silent_in_a_small_study_of_right_names(noise: float) -> None:
    found = study(noise, animals=3).believable()
    assert found.photos.empty


def test_photos_that_the_model_learnt_do_not_vouch_for_it() -> None:
    table = catalogue("aaaabbbbcccc")
    vectors = unit(np.eye(3)[[0] * 4 + [1] * 4 + [2] * 4] + 0.1 * np.random.default_rng(0).normal(size=(12, 3)))
    audited = audit_labels(table, vectors, 12, None, np.ones(12, np.bool_))
    assert audited.trials["photos"] == Trials() and audited.believable().photos.empty


@pytest.mark.parametrize(
    ("trials", "is_right"),
    [(Trials(), False), (Trials(0, 0, 9), False), (Trials(5, 11, 9), False), (Trials(6, 11, 9), True)],
)
def test_more_often_right_than_not(trials: Trials, is_right: bool) -> None:
    assert trials.is_right == is_right
