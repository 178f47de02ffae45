from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.recipe import recipe
from wildtrack.address.models.layers import L2Normalize
from wildtrack.address.training.checkpoints import training_state
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.trainer import (
    batch_norm_momentum,
    centre_similarity,
    epoch_batches,
    fit,
    prefetch,
    start_averages,
)


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
    subsets = TrainingSet(np.arange(16), np.arange(0), labels, tuple(map(str, range(4))))
    return model, fit(model, pixels, subsets, recipe(pretrained=pretrained, **config), validate, folder)


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
