import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from wildtrack.address.layers import L2Normalize
from wildtrack.address.training import (
    HEAD_LEARNING_RATE,
    MARGIN,
    Recipe,
    batch_norm_momentum,
    best_epoch,
    epoch_batches,
    fit,
    is_validated,
    learning_rate_at,
    margin_at,
    prefetch,
    start_averages,
    training_state,
)

NAN = math.nan


def recipe(epochs: int = 4, batch_size: int = 4, pretrained: bool = False, seed: int = 0) -> Recipe:
    return Recipe("arcface", epochs, batch_size, 1e-3, pretrained, seed)


@pytest.mark.parametrize("head_epochs", [0, 2])
def test_learning_rate_warms_up_and_falls_to_zero(head_epochs: int) -> None:
    plan = recipe(epochs=12)
    rates = [learning_rate_at(position, head_epochs, plan) for position in np.arange(0, 12, 0.1)]
    assert rates[: 10 * head_epochs] == [HEAD_LEARNING_RATE] * 10 * head_epochs
    after = np.array(rates[10 * head_epochs :])
    top = int(after.argmax())
    assert 0 < after[0] < 0.2 * plan.learning_rate
    assert 0.9 * plan.learning_rate < after[top] <= plan.learning_rate
    assert (np.diff(after[: top + 1]) > 0).all()
    assert (np.diff(after[top:]) < 0).all()
    assert 0 < after[-1] < 0.01 * plan.learning_rate


@pytest.mark.parametrize("epochs", [1, 2, 3, 40])
def test_margin_grows_from_zero_to_its_full_size(epochs: int) -> None:
    margins = [margin_at(epoch, epochs, "arcface") for epoch in range(-2, epochs)]
    assert margins[:3] == [0.0] * 3  # the head's epochs, and the first of the others
    assert all(0 <= one <= other <= MARGIN for one, other in pairwise(margins))
    assert epochs < 3 or margins[-1] == MARGIN
    assert {margin_at(epoch, epochs, "softmax") for epoch in range(-2, epochs)} == {0.0}


@pytest.mark.parametrize(("steps", "momentum"), [(1, 0.5), (20, 0.5), (50, 0.8), (100, 0.9), (100_000, 0.9)])
def test_averages_follow_faster_in_a_short_training(steps: int, momentum: float) -> None:
    assert batch_norm_momentum(steps) == pytest.approx(momentum)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 31])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_batches_show_every_row_at_most_once(count: int, batch_size: int) -> None:
    batches = epoch_batches(count, recipe(batch_size=batch_size), 0)
    seen = np.concatenate(batches)
    assert len(set(seen)) == len(seen)
    assert set(seen) <= set(range(count))
    assert {len(batch) for batch in batches} == {min(batch_size, count)}
    assert len(seen) > count - batch_size


def test_batches_repeat_by_seed_and_epoch() -> None:
    first, again = (np.concatenate(epoch_batches(64, recipe(), 1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != np.concatenate(epoch_batches(64, recipe(), 2))).any()
    assert (first != np.concatenate(epoch_batches(64, recipe(seed=1), 1))).any()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_prefetch_keeps_the_order(count: int) -> None:
    batches = [np.array([number]) for number in range(count)]
    with ThreadPoolExecutor(2) as workers:
        made = list(prefetch(lambda batch: (batch, batch * 2), batches, workers))
    assert [(int(photos[0]), int(labels[0])) for photos, labels in made] == [(n, 2 * n) for n in range(count)]


def test_prefetch_passes_an_error_on() -> None:
    def fail(batch: np.ndarray) -> Any:
        raise OSError("disk")

    with ThreadPoolExecutor(2) as workers, pytest.raises(OSError, match="disk"):
        list(prefetch(fail, [np.array([0])], workers))


@pytest.mark.parametrize(("epochs", "most"), [(1, 1), (2, 2), (20, 20), (21, 11), (40, 20), (41, 14), (1000, 20)])
def test_validations_are_few_and_the_last_epoch_has_one(epochs: int, most: int) -> None:
    validated = [is_validated(epoch, epochs) for epoch in range(epochs)]
    assert validated[-1]
    assert sum(validated) == most


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
    cosine = layers.Dense(2, use_bias=False, kernel_constraint=keras.constraints.UnitNorm(), name="cosine")(embedding)
    return keras.Model(photos, layers.Softmax()(cosine))


def train(folder: Path, pretrained: bool, stop_in: int | None) -> tuple[Any, Any]:
    """Four epochs on sixteen photos of noise; `stop_in`: Ctrl-C while this epoch is validated."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(16) % 2
    done = training_state(folder, {})

    def validate(model: Any) -> dict[str, float]:
        nonlocal done
        done += 1
        if done == stop_in:
            raise KeyboardInterrupt
        return {"R@1": 0.5, "mAP": [0.1, 0.2, 0.3, 0.4][done - 1]}

    model = small_model()
    return model, fit(model, pixels, np.arange(16), labels, recipe(pretrained=pretrained), validate, folder)


@pytest.mark.parametrize(("pretrained", "stop_in"), [(False, 3), (True, 2), (True, 3)])
def test_interrupted_and_continued_is_the_same_as_straight_on(tmp_path: Path, pretrained: bool, stop_in: int) -> None:
    straight, history = train(tmp_path / "straight", pretrained, None)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "interrupted", pretrained, stop_in)
    continued, again = train(tmp_path / "interrupted", pretrained, None)
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
