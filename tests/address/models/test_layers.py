from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from wildtrack.address.models.layers import L2Normalize


@pytest.mark.parametrize("length", [1e-10, 1e-3, 1.0, 1e15])
@pytest.mark.parametrize(("shape", "axis"), [((3, 5), -1), ((1, 1), -1), ((0, 4), -1), ((2, 3, 4), 1), ((4,), 0)])
def test_agrees_with_numpy(shape: tuple[int, ...], axis: int, length: float) -> None:
    vectors = np.random.default_rng(0).normal(size=shape) * length
    layer = L2Normalize(axis)
    expected = vectors / np.linalg.norm(vectors, axis=axis, keepdims=True)
    np.testing.assert_allclose(layer(vectors.astype(np.float32)), expected, atol=1e-6)
    assert layer.compute_output_shape(shape) == shape


def test_zero_stays_zero_and_its_gradient_finite() -> None:
    zero = tf.Variable(tf.zeros((2, 4)))
    with tf.GradientTape() as tape:
        unit = L2Normalize()(zero)
    np.testing.assert_array_equal(unit, np.zeros((2, 4)))
    assert np.isfinite(tape.gradient(unit, zero)).all()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_saved_and_loaded(tmp_path: Path, suffix: str) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), L2Normalize(1, 1e-6, name="unit")])
    model.save(tmp_path / f"model{suffix}")
    vectors = np.ones((2, 3), np.float32)
    for custom_objects in (None, {"L2Normalize": L2Normalize}):
        loaded = keras.saving.load_model(tmp_path / f"model{suffix}", custom_objects=custom_objects)
        np.testing.assert_allclose(loaded(vectors), model(vectors), atol=1e-6)
        layer = loaded.layers[-1]
        assert (layer.axis, layer.epsilon, layer.name) == (1, 1e-6, "unit")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_another_program_may_bring_its_own_class(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keras.Sequential([keras.Input((3,)), L2Normalize()]).save(tmp_path / f"model{suffix}")

    class Own(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, axis: int, epsilon: float, **options: Any) -> None:
            super().__init__(**options)

        def call(self, inputs: Any) -> Any:
            return inputs + 7

    monkeypatch.delitem(keras.saving.get_custom_objects(), "L2Normalize")
    monkeypatch.delattr("wildtrack.address.models.layers.L2Normalize")  # as in a program that has no WildTrack
    loaded = keras.saving.load_model(tmp_path / f"model{suffix}", custom_objects={"L2Normalize": Own})
    np.testing.assert_array_equal(loaded(np.zeros((1, 3), np.float32)), np.full((1, 3), 7))
