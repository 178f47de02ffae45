import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras.callbacks import LambdaCallback

from tests.helpers.recipe import recipe
from wildtrack.address.evaluation.metrics import retrieval_scores
from wildtrack.address.models.backbones import build_backbone
from wildtrack.address.models.builder import build_model
from wildtrack.address.models.engines import KERAS_BATCH
from wildtrack.address.models.layers import L2Normalize
from wildtrack.address.training.checkpoints import training_state
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.trainer import (
    HEAD_LEARNING_RATE,
    TRIPLET_SHARE,
    RetrievalValidation,
    centre_similarity,
    fit,
    learning_rate,
    start_averages,
)
from wildtrack.errors import UserError

STEPS = 10  # an epoch's
CONFUSED = {"batches": "confused", "triplet_epochs": 1}
CIRCLE = {"batches": "balanced", "loss": "circle", "triplet_epochs": 2}


@pytest.mark.parametrize("epochs", [1, 2, 12])
def test_learning_rate_warms_up_and_falls_to_zero(epochs: int) -> None:
    plan = recipe(epochs=epochs + 4, pretrained=True, triplet_epochs=2)
    assert learning_rate(plan, "head", STEPS) == HEAD_LEARNING_RATE
    everything, triplet = (learning_rate(plan, stage, STEPS) for stage in ("all", "triplet"))
    rates = np.array([float(everything(step)) for step in range(STEPS * epochs + 1)])
    top = int(rates.argmax())
    assert rates[[0, top, -1]] == pytest.approx([0.1 * plan.learning_rate, plan.learning_rate, 0], abs=1e-9)
    assert (np.diff(rates[: top + 1]) > 0).all()
    rates = np.concatenate([rates[top:], [float(triplet(step)) for step in range(STEPS * 2 + 1)]])
    assert rates[[-2 * STEPS - 1, -1]] == pytest.approx([TRIPLET_SHARE * plan.learning_rate, 0], abs=1e-9)
    assert (np.diff(rates) < 0).sum() == len(rates) - 2  # each falls
    for steps in (1, 2):  # hardly any
        rate = learning_rate(recipe(epochs=1), "all", steps)
        assert all(0 < float(rate(step)) <= 1e-3 for step in range(steps))


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


def rising(stop_in: int | None = None) -> Any:
    """A callback: each epoch is better than the one before; Ctrl-C is pressed while epoch `stop_in` is validated."""

    def on_epoch_end(epoch: int, logs: dict[str, Any]) -> None:
        if epoch + 1 == stop_in:
            raise KeyboardInterrupt
        logs |= {"R@1": 0.5, "mAP": 0.1 * epoch}

    return LambdaCallback(on_epoch_end=on_epoch_end)


@pytest.fixture
def eagerly() -> Iterator[None]:
    """A step at a time: to compile it takes longer than all steps of these trainings."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def train(folder: Path, *callbacks: Any, **config: Any) -> tuple[Any, Any]:
    """Four epochs on sixteen photos of noise."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    training_state(folder, {})
    model = small_model()
    subsets = TrainingSet(np.arange(16), np.arange(0), np.arange(16) % 2, ("a", "b"))
    return model, fit(model, pixels, subsets, recipe(**config), folder, callbacks)


@pytest.mark.parametrize(
    ("stop_in", "pretrained", "config"),
    [
        (3, False, {}),
        pytest.param(2, True, CIRCLE, marks=pytest.mark.slow),
        pytest.param(3, True, CONFUSED, marks=pytest.mark.slow),
    ],
)
def test_continued_is_as_straight_on(tmp_path: Path, stop_in: int, pretrained: bool, config: dict[str, Any]) -> None:
    config = {**config, "pretrained": pretrained}
    straight, history = train(tmp_path / "straight", rising(), **config)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "interrupted", rising(stop_in), **config)
    assert training_state(tmp_path / "interrupted", {}) == stop_in - 1
    continued, again = train(tmp_path / "interrupted", rising(), **config)
    assert again["epoch"].tolist() == history["epoch"].tolist() == [1, 2, 3, 4]
    columns = ["loss", "learning_rate", "margin"]
    np.testing.assert_allclose(again[columns], history[columns], rtol=1e-3, atol=1e-9)
    for one, other in zip(straight.get_weights(), continued.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=1e-3)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("pretrained", [True, False])
def test_a_pretrained_stem_stays_as_it_is(tmp_path: Path, pretrained: bool) -> None:
    before = [layer.get_weights() for layer in small_model().get_layer("backbone").layers]
    backbone = train(tmp_path, pretrained=pretrained)[0].get_layer("backbone")
    pairs = [zip(was, layer.get_weights(), strict=True) for was, layer in zip(before, backbone.layers, strict=True)]
    kept = [all(np.array_equal(old, new) for old, new in pair) for pair in pairs]
    # input, convolution, normalisation: the stem; convolution, normalisation, dropout
    assert kept == [True, pretrained, pretrained, False, False, True]
    assert all(layer.trainable for layer in backbone.layers if layer.weights)


@pytest.mark.usefixtures("eagerly")
def test_each_stage_is_a_fit_of_its_own_and_callbacks_see_all(tmp_path: Path) -> None:
    seen, logged = list[int](), set[str]()

    def note(epoch: int, logs: dict[str, Any]) -> None:
        seen.append(epoch)
        logged.update(logs)

    notes = LambdaCallback(on_epoch_end=note)
    notes.on_train_begin = lambda logs=None: seen.append(len(notes.model.trainable_variables))
    config = {"pretrained": True, "batches": "balanced", "triplet_epochs": 1}
    _, history = train(tmp_path, rising(), notes, **config)
    head, everything, triplet = seen[0], seen[3], seen[5]
    assert seen == [head, 0, 1, everything, 2, triplet, 3] and head < everything == triplet
    assert logged >= {"loss", "learning_rate", "margin", "photos_per_second", "R@1", "mAP"}
    assert set(history) == {"epoch", "seconds", *logged} - {"cosine_loss", "embedding_loss"}


@pytest.mark.usefixtures("eagerly")
def test_tensorboard_has_the_figures_of_each_epoch_and_a_callback_may_stop_the_training(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    stop = keras.callbacks.EarlyStopping("loss", mode="max", patience=1, min_delta=math.inf)
    board = keras.callbacks.TensorBoard(str(tmp_path / "logs"))
    _, history = train(tmp_path / "state", rising(), board, stop, pretrained=True)
    assert history["epoch"].tolist() == [1, 2]
    (events,) = (tmp_path / "logs").rglob("events.out.tfevents.*")
    assert all(name in events.read_bytes() for name in (b"epoch_loss", b"epoch_mAP", b"epoch_learning_rate"))


@pytest.mark.usefixtures("eagerly")
def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    def spoil(epoch: int, _: Any) -> None:
        if epoch == 2:
            kernel = callback.model.get_layer("centres").kernel
            kernel.assign(np.full(kernel.shape, np.nan))

    callback = LambdaCallback(on_epoch_begin=spoil)
    with pytest.raises(UserError, match=r"in epoch 3 the loss became .* lower --learning-rate than 0\.001"):
        train(tmp_path, callback)
    assert training_state(tmp_path, {}) == 2


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


@pytest.mark.parametrize("valid", [0, 1, KERAS_BATCH, KERAS_BATCH + 5])
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
    validation = RetrievalValidation(model, table, pixels, rows, recipe(epochs=40))
    for _ in range(2):
        found: dict[str, float] = {}
        validation.on_epoch_end(2, found)
        assert not found  # every fourth epoch is validated
        validation.on_epoch_end(3, found)
        vectors = np.asarray(model(pixels))
        scores = retrieval_scores(vectors[:valid] @ vectors[valid:].T, asked, known)
        averages = scores[["R@1", "R@5", "AP"]].mean().rename({"AP": "mAP"})
        assert found == pytest.approx(averages.to_dict(), nan_ok=True)  # NaN without validation photos
        model.set_weights([weights[::-1] for weights in model.get_weights()])  # another model from now on


@pytest.mark.parametrize("sub_centres", [1, 3])
def test_similarity_of_identities_is_that_of_their_nearest_centres(sub_centres: int) -> None:
    backbone = build_backbone("MobileNet", alpha=0.25, image_size=32, weights="none")
    model = build_model(backbone, embed_dim=5, num_ids=4, pooling="average", sub_centres=sub_centres)
    kernel = np.asarray(model.get_layer("centres").kernel)
    expected = (kernel.T @ kernel).reshape(4, sub_centres, 4, sub_centres).max(axis=(1, 3))
    np.testing.assert_allclose(centre_similarity(model), expected, rtol=1e-5, atol=1e-6)
