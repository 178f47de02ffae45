from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from tests.helpers.looks import NAMES, is_picture
from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.models.network import open_network
from wildtrack.visualization.gradcam import (
    Classifier,
    class_score,
    draw_gradcams,
    feature_network,
    gradcam,
    plot_gradcam,
    similarity_to,
)


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
    with_features = feature_network(open_network(bright_left_model(trainable)), "0-255")
    assert with_features is not None
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[:, :8] = 255
    for score in (class_score(0), similarity_to(np.ones(4, np.float32) / 2)):
        found = gradcam(with_features, photo, score)
        assert found.shape == (32, 32)
        assert 0 <= found.min() <= found.max() == pytest.approx(1)
        assert found[:, :4].mean() > 10 * found[:, 20:].mean()


def test_nothing_speaks_for_it() -> None:
    with_features = feature_network(open_network(bright_left_model(True)), "0-255")
    found = gradcam(with_features, np.zeros((32, 32, 3), np.uint8), class_score(1))
    np.testing.assert_array_equal(found, 0)


@pytest.mark.parametrize("scaling", ["0-255", "-1-1"])
def test_our_own_network_with_its_backbone_frozen(tiny_model: Any, pixels: np.ndarray, scaling: str) -> None:
    clone = keras.models.clone_model(tiny_model)
    clone.set_weights(tiny_model.get_weights())
    clone.trainable = False
    with_features = feature_network(open_network(clone), scaling)
    assert with_features is not None
    assert np.isfinite(gradcam(with_features, pixels[0], class_score(0))).all()


def test_no_convolution_to_look_into() -> None:
    photo = keras.Input((32, 32, 3))
    model = keras.Model(photo, keras.layers.Dense(2)(keras.layers.Flatten()(photo / 255.0)))
    assert feature_network(open_network(model), "0-255") is None


def test_a_picture_for_each_query(tmp_path: Path, catalogue: pd.DataFrame, pixels: np.ndarray, tiny_model: Any) -> None:
    network = open_network(tiny_model)
    outputs = {name: np.asarray(value) for name, value in network.keras_model.predict(pixels, verbose=0).items()}
    classifier = Classifier(feature_network(network, "0-255"), tuple(catalogue["identity"].unique()))
    photos = Decoded(catalogue, [], pixels, pixels, pd.DataFrame())
    draw_gradcams(classifier, photos, outputs, np.array([1, 2, 5, 6, 9]), [4, 0], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gradcam_1.png", "gradcam_2.png"]
    assert all(is_picture(path) for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_are_only_names(tmp_path: Path, name: str, pixels: np.ndarray) -> None:
    plot_gradcam(pixels[0], [(name, np.zeros((32, 32)))], name, tmp_path / "gradcam.png")
    assert is_picture(tmp_path / "gradcam.png")


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.filterwarnings("error")
def test_any_number_of_maps(tmp_path: Path, count: int, pixels: np.ndarray) -> None:
    plot_gradcam(pixels[0], [("m", np.ones((32, 32)))] * count, "title", tmp_path / "gradcam.png")
    assert is_picture(tmp_path / "gradcam.png")
