from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from wildtrack.address.models.layers import L2Normalize
from wildtrack.address.training.checkpoints import training_state
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.trainer import (
    HEAD_LEARNING_RATE,
    MARGIN,
    TRIPLET_SHARE,
    Recipe,
    batch_norm_momentum,
    centre_similarity,
    epoch_batches,
    fit,
    is_validated,
    learning_rate_at,
    margin_at,
    prefetch,
    start_averages,
)


def recipe(**config: Any) -> Recipe:
    usual: dict[str, Any] = {
        "loss": "arcface",
        "batches": "shuffled",
        "photos_per_identity": 2,
        "triplet_epochs": 0,
        "epochs": 4,
        "batch_size": 4,
        "learning_rate": 1e-3,
        "pretrained": False,
        "seed": 0,
    }
    return Recipe(**usual | config)


@pytest.mark.parametrize("pretrained", [False, True])
@pytest.mark.parametrize("triplet_epochs", [0, 3])
def test_learning_rate_warms_up_and_falls_to_zero(pretrained: bool, triplet_epochs: int) -> None:
    plan = recipe(epochs=12, pretrained=pretrained, triplet_epochs=triplet_epochs)
    head, last = 10 * plan.head_epochs, 10 * (12 - triplet_epochs)
    rates = [learning_rate_at(tenth / 10, plan) for tenth in range(120)]
    assert rates[:head] == [HEAD_LEARNING_RATE] * head
    after = np.array(rates[head:last])
    top = int(after.argmax())
    assert 0 < after[0] < 0.2 * plan.learning_rate
    assert 0.9 * plan.learning_rate < after[top] <= plan.learning_rate
    assert (np.diff(after[: top + 1]) > 0).all()
    assert (np.diff(after[top:]) < 0).all()
    assert 0 < after[-1] < 0.01 * plan.learning_rate
    assert len(rates[last:]) == 10 * triplet_epochs
    assert rates[last:] == sorted(rates[last:], reverse=True)
    assert all(0 < rate <= TRIPLET_SHARE * plan.learning_rate for rate in rates[last:])


@pytest.mark.parametrize(
    ("config", "stages"),
    [
        ({"epochs": 4}, "all all all all"),
        ({"epochs": 4, "pretrained": True}, "head head all all"),
        ({"epochs": 1, "pretrained": True}, "all"),
        ({"epochs": 2, "pretrained": True}, "head all"),
        ({"epochs": 4, "triplet_epochs": 1}, "all all all triplet"),
        ({"epochs": 4, "triplet_epochs": 3, "pretrained": True}, "head head all triplet"),
    ],
)
def test_stages(config: dict[str, Any], stages: str) -> None:
    plan = recipe(**config)
    assert [plan.stage(epoch) for epoch in range(plan.epochs)] == stages.split()


@pytest.mark.parametrize("epochs", [1, 2, 3, 40])
def test_margin_grows_from_zero_to_its_full_size(epochs: int) -> None:
    plan = recipe(epochs=epochs + 2, pretrained=True)
    margins = [margin_at(epoch, plan) for epoch in range(epochs + 2)]
    assert margins[:3] == [0.0] * 3  # the head's epochs, and the first of the others
    assert all(0 <= one <= other <= MARGIN for one, other in pairwise(margins))
    assert epochs < 3 or margins[-1] == MARGIN
    for loss in ("softmax", "circle"):
        assert {margin_at(epoch, recipe(epochs=epochs, loss=loss)) for epoch in range(epochs)} == {0.0}


@pytest.mark.parametrize(("steps", "momentum"), [(1, 0.5), (20, 0.5), (50, 0.8), (100, 0.9), (100_000, 0.9)])
def test_averages_follow_faster_in_a_short_training(steps: int, momentum: float) -> None:
    assert batch_norm_momentum(steps) == pytest.approx(momentum)


@pytest.mark.parametrize("batches", ["shuffled", "balanced", "confused"])
def test_batches_repeat_by_seed_and_epoch(batches: str) -> None:
    labels, similarity = np.arange(64) % 8, np.eye(8)
    first, again, next_epoch, other_seed = (
        np.concatenate(epoch_batches(labels, recipe(batches=batches, seed=seed), epoch, similarity))
        for seed, epoch in [(0, 1), (0, 1), (0, 2), (1, 1)]
    )
    np.testing.assert_array_equal(first, again)
    assert (first != next_epoch).any()
    assert (first != other_seed).any()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_prefetch_keeps_the_order(count: int) -> None:
    with ThreadPoolExecutor(2) as workers:
        made = list(prefetch(lambda step: (np.array(step), np.array(2 * step)), count, workers))
    assert [(int(photos), int(labels)) for photos, labels in made] == [(n, 2 * n) for n in range(count)]


def test_prefetch_passes_an_error_on() -> None:
    def fail(step: int) -> Any:
        raise OSError("disk")

    with ThreadPoolExecutor(2) as workers, pytest.raises(OSError, match="disk"):
        list(prefetch(fail, 1, workers))


@pytest.mark.parametrize(("epochs", "most"), [(1, 1), (2, 2), (10, 10), (11, 6), (40, 10), (41, 9), (1000, 10)])
def test_validations_are_few_and_the_last_epoch_has_one(epochs: int, most: int) -> None:
    validated = [is_validated(epoch, epochs) for epoch in range(epochs)]
    assert validated[-1]
    assert sum(validated) == most


def small_model() -> Any:
    """What `fit` needs of a model, and no more: two convolutions and the head, by the names it goes by."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    photos = keras.Input((32, 32, 3))
    inside = keras.Input((32, 32, 3))
    stem = layers.BatchNormalization()(layers.Conv2D(4, 8, strides=8)(inside))
    features = layers.Dropout(0.5)(layers.BatchNormalization()(layers.Conv2D(4, 2, strides=2)(stem)))
    backbone = keras.Model(inside, features, name="backbone")
    pooled = layers.GlobalAveragePooling2D()(backbone(layers.Rescaling(1 / 255)(photos)))
    embedding = L2Normalize(name="embedding")(layers.BatchNormalization()(layers.Dense(8)(pooled)))
    centres = layers.Dense(2, use_bias=False, kernel_constraint=keras.constraints.UnitNorm(), name="centres")(embedding)
    return keras.Model(photos, layers.Softmax()(layers.Identity(name="cosine")(centres)))


def train(folder: Path, pretrained: bool, stop_in: int | None, **config: Any) -> tuple[Any, Any]:
    """Four epochs on sixteen photos of noise; `stop_in`: Ctrl-C while this epoch is validated."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(16) % 2
    done = training_state(folder, {})

    def validate() -> dict[str, float]:
        nonlocal done
        done += 1
        if done == stop_in:
            raise KeyboardInterrupt
        return {"R@1": 0.5, "mAP": [0.1, 0.2, 0.3, 0.4][done - 1]}

    model = small_model()
    sides = TrainingSet(np.arange(16), np.arange(0), labels, tuple(map(str, range(4))))
    return model, fit(model, pixels, sides, recipe(pretrained=pretrained, **config), validate, folder)


@pytest.mark.parametrize(("pretrained", "stop_in"), [(False, 3), (True, 2), (True, 3)])
@pytest.mark.parametrize(
    "config",
    [{}, {"batches": "confused", "triplet_epochs": 1}, {"batches": "balanced", "loss": "circle", "triplet_epochs": 2}],
)
def test_interrupted_and_continued_is_the_same_as_straight_on(
    tmp_path: Path, pretrained: bool, stop_in: int, config: dict[str, Any]
) -> None:
    straight, history = train(tmp_path / "straight", pretrained, None, **config)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "interrupted", pretrained, stop_in, **config)
    continued, again = train(tmp_path / "interrupted", pretrained, None, **config)
    assert again["epoch"].tolist() == history["epoch"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(again["loss"], history["loss"], rtol=1e-3)
    np.testing.assert_allclose(again["learning_rate"], history["learning_rate"])
    np.testing.assert_allclose(again["margin"], history["margin"])
    for one, other in zip(straight.get_weights(), continued.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("pretrained", [True, False])
def test_a_pretrained_stem_stays_as_it_is(tmp_path: Path, pretrained: bool) -> None:
    before = [layer.get_weights() for layer in small_model().get_layer("backbone").layers]
    backbone = train(tmp_path, pretrained, None)[0].get_layer("backbone")
    kept = [
        all(np.array_equal(old, new) for old, new in zip(was, layer.get_weights(), strict=True))
        for was, layer in zip(before, backbone.layers, strict=True)
    ]
    # input, convolution, normalisation: the stem; convolution, normalisation, dropout
    assert kept == [True, pretrained, pretrained, False, False, True]
    assert all(layer.trainable for layer in backbone.layers if layer.weights)


def test_averages_start_from_photos() -> None:
    model = small_model()
    first = model.get_layer("backbone").layers[2]
    photos = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3)).astype(np.float32)
    before = first.momentum
    start_averages(model, photos)
    maps = np.asarray(model.get_layer("backbone").layers[1](photos / 255))
    np.testing.assert_allclose(first.moving_mean, maps.mean(axis=(0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(first.moving_variance, maps.var(axis=(0, 1, 2)), rtol=1e-3)
    assert first.momentum == before
    first.trainable = False
    start_averages(model, photos + 99)
    np.testing.assert_allclose(first.moving_mean, maps.mean(axis=(0, 1, 2)), rtol=1e-3)


@pytest.mark.parametrize("sub_centres", [1, 3])
def test_similarity_of_identities_is_that_of_their_nearest_centres(sub_centres: int) -> None:
    kernel = np.random.default_rng(0).normal(size=(5, 4 * sub_centres)).astype(np.float32)
    kernel /= np.linalg.norm(kernel, axis=0)
    photos = keras.Input((5,))
    centres = keras.layers.Dense(4 * sub_centres, use_bias=False, name="centres")
    cosine = keras.layers.GlobalMaxPooling1D("channels_first")(keras.layers.Reshape((4, sub_centres))(centres(photos)))
    model = keras.Model(photos, cosine)
    centres.set_weights([kernel])
    expected = np.full((4, 4), -2.0)
    for one in range(4 * sub_centres):
        for other in range(4 * sub_centres):
            place = one // sub_centres, other // sub_centres
            expected[place] = max(expected[place], float(kernel[:, one] @ kernel[:, other]))
    np.testing.assert_allclose(centre_similarity(model), expected, rtol=1e-5, atol=1e-6)
