from typing import Any

import keras
import numpy as np
import pytest

from wildtrack.address.models.network import open_network
from wildtrack.visualization.gradcam import class_score, feature_network, gradcam, similarity_to


def bright_left_model(trainable: bool) -> Any:
    """Class 0 is brightness on the left half, and that alone."""
    photo = keras.Input((32, 32, 3))
    convolution = keras.layers.Conv2D(1, 1, use_bias=False, trainable=trainable)
    dense = keras.layers.Dense(2, activation="softmax")
    pooled = keras.layers.Flatten()(keras.layers.AveragePooling2D(16)(convolution(photo)))
    model = keras.Model(photo, dense(pooled))
    convolution.set_weights([np.full((1, 1, 3, 1), 1 / 765, np.float32)])
    dense.set_weights([np.array([[5, 0], [0, 0], [5, 0], [0, 0]], np.float32), np.zeros(2, np.float32)])
    return model


@pytest.mark.parametrize("trainable", [True, False])
def test_a_map_has_the_photo_s_size_and_range(trainable: bool) -> None:
    with_features = feature_network(open_network(bright_left_model(trainable)))
    assert with_features is not None
    photo = np.zeros((32, 32, 3), np.float32)
    photo[:, :8] = 255
    for score in (class_score(0), similarity_to(np.ones(4, np.float32) / 2)):
        found = gradcam(with_features, photo, score)
        assert found.shape == (32, 32)
        assert 0 <= found.min() <= found.max() == pytest.approx(1)
        assert found[:, :4].mean() > 10 * found[:, 20:].mean()


def test_nothing_speaks_for_it() -> None:
    with_features = feature_network(open_network(bright_left_model(True)))
    found = gradcam(with_features, np.zeros((32, 32, 3), np.float32), class_score(1))
    np.testing.assert_array_equal(found, 0)


def test_our_own_network_with_its_backbone_frozen(tiny_model: Any, pixels: np.ndarray) -> None:
    clone = keras.models.clone_model(tiny_model)
    clone.set_weights(tiny_model.get_weights())
    clone.trainable = False
    with_features = feature_network(open_network(clone))
    assert with_features is not None
    assert np.isfinite(gradcam(with_features, pixels[0].astype(np.float32), class_score(0))).all()


def test_no_convolution_to_look_into() -> None:
    photo = keras.Input((32, 32, 3))
    model = keras.Model(photo, keras.layers.Dense(2)(keras.layers.Flatten()(photo / 255.0)))
    assert feature_network(open_network(model)) is None
