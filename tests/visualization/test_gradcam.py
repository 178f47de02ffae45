from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.helpers.looks import NAMES, check_looks, texts
from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.models.network import open_network
from wildtrack.visualization import gradcam as module
from wildtrack.visualization.gradcam import class_score, feature_network, gradcam, similarity_to


def bright_left_network(trainable: bool = True, sure: float = 5.0) -> Any:
    """A network that looks into brightness: class 0 of 2 for the left half, 1 for the right one."""
    photo = keras.Input((32, 32, 3))
    convolution = keras.layers.Conv2D(1, 1, use_bias=False, trainable=trainable)
    dense = keras.layers.Dense(2, activation="softmax")
    pooled = keras.layers.Flatten()(keras.layers.AveragePooling2D(16)(convolution(photo)))
    model = keras.Model(photo, dense(pooled))
    convolution.set_weights([np.full((1, 1, 3, 1), 1 / 765, np.float32)])
    dense.set_weights([np.array([[sure, 0], [0, 2 * sure]] * 2, np.float32), np.zeros(2, np.float32)])
    return feature_network(open_network(model), "0-255")


LEFT = np.zeros((32, 32, 3), np.uint8)
LEFT[:, :8] = 255


@pytest.mark.parametrize("trainable", [True, False])
def test_a_map_has_the_photo_s_size_and_range(trainable: bool) -> None:
    for score in (class_score(0), similarity_to(np.array([1, 0, 1, 0], np.float32) / 2)):
        found = gradcam(bright_left_network(trainable), LEFT, score)
        assert found.shape == (32, 32) and 0 <= found.min() <= found.max() == pytest.approx(1)
        assert found[:, :4].mean() > 10 * found[:, 20:].mean()


def test_certain_answers_and_networks_that_weigh_places_differently_have_a_map() -> None:
    network = bright_left_network(sure=60)
    assert network(LEFT[None].astype(np.float32))["probabilities"][0, 0] == 1  # where softmax has no gradient
    assert gradcam(network, LEFT, class_score(0)).max() == pytest.approx(1)
    found = gradcam(bright_left_network(), np.maximum(LEFT, 30), class_score(0))  # gradients averaged: black
    assert found[:, :8].mean() > 0.5 > 10 * found[:, 24:].mean()


def test_a_photo_without_evidence_has_a_black_map_that_says_so(figures: dict[str, Figure]) -> None:
    found = gradcam(bright_left_network(), np.zeros((32, 32, 3), np.uint8), class_score(1))
    np.testing.assert_array_equal(found, 0)
    module.plot_gradcam(LEFT, [("class Ana", found)], "title", Path("gradcam.png"))
    assert "class Ana (no evidence found)" in texts(figures["gradcam.png"])


@pytest.mark.parametrize("scaling", ["0-255", "-1-1"])
def test_a_trained_network_with_its_backbone_frozen(tiny_model: Any, pixels: np.ndarray, scaling: str) -> None:
    clone = keras.models.clone_model(tiny_model)
    clone.set_weights(tiny_model.get_weights())
    clone.trainable = False
    with_features: Any = feature_network(open_network(clone), scaling)
    assert np.isfinite(gradcam(with_features, pixels[0], class_score(0))).all()


def test_a_network_without_a_convolution_has_no_map() -> None:
    photo = keras.Input((32, 32, 3))
    model = keras.Model(photo, keras.layers.Dense(2)(keras.layers.Flatten()(photo / 255.0)))
    assert feature_network(open_network(model), "0-255") is None


def test_a_picture_for_each_query_says_what_is_right(figures: dict[str, Figure], catalogue: pd.DataFrame) -> None:
    photos = Decoded(catalogue, [], np.stack([LEFT] * 12), np.stack([LEFT] * 12), pd.DataFrame())
    names = catalogue["identity"].tolist()
    assert (names[0], names[1], names[4]) == ("Ana", "Ana", "Blå")
    outputs = {"embedding": np.tile(np.eye(4, dtype=np.float32), (3, 1)), "probabilities": np.tile([0.9, 0.1], (12, 1))}
    outputs["embedding"][1] = outputs["embedding"][0]
    classifier = module.Classifier(bright_left_network(), ("Ana", "Blå"))
    module.draw_gradcams(classifier, photos, outputs, np.array([1, 6]), [0, 4], Path())
    assert list(figures) == ["gradcam_1.png", "gradcam_2.png"]
    assert {"most similar: Ana (1.00)\ncorrect", "class Ana (90%)\ncorrect"} <= set(texts(figures["gradcam_1.png"]))
    assert "class Ana (90%)\nwrong: it is Blå" in texts(figures["gradcam_2.png"])
    for figure in figures.values():
        check_looks(figure)


@pytest.mark.parametrize(("name", "count"), [*((name, 1) for name in NAMES), ("m", 0), ("m", 5)])
@pytest.mark.filterwarnings("error", "ignore:Glyph")
def test_any_names_and_number_of_maps(figures: dict[str, Figure], name: str, count: int, pixels: np.ndarray) -> None:
    module.plot_gradcam(pixels[0], [(name, np.ones((32, 32)))] * count, name, Path("gradcam.png"))
    check_looks(figures["gradcam.png"])
