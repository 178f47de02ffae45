from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.models.network import open_network
from wildtrack.address.models.scaling import find_scaling, scaled, with_scaling
from wildtrack.errors import UserError

SIDE = 32


@pytest.mark.parametrize(
    ("scaling", "scale", "offset"), [("0-255", 1, 0), ("0-1", 1 / 255, 0), ("-1-1", 1 / 127.5, -1)]
)
def test_with_scaling(scaling: str, scale: float, offset: float) -> None:
    network = open_network(grey_model("0-255"))
    photos = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
    expected = network.keras_model(photos * scale + offset, training=False)
    found = with_scaling(network, scaling)(photos, training=False)
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-5)


def grey_model(scaling: str) -> Any:
    """Tells four shades of grey apart, given the right scaling: the nearest prototype wins."""
    scale, offset = {"0-255": (1.0, 0.0), "0-1": (1 / 255, 0.0), "-1-1": (1 / 127.5, -1.0)}[scaling]
    shades = np.array([30, 90, 150, 210]) * scale + offset
    sharpness = 1e-2 / scale**2
    photo = keras.Input((SIDE, SIDE, 3))
    dense = layers.Dense(4, activation="softmax")
    model = keras.Model(photo, dense(layers.GlobalAveragePooling2D()(layers.AveragePooling2D(2)(photo))))
    dense.set_weights([np.tile(2 * sharpness * shades / 3, (3, 1)), -sharpness * shades**2])
    return model


def greys(names: str = "abcd") -> Decoded:
    shades = np.array([30, 90, 150, 210] * 2, np.uint8)
    pixels = np.broadcast_to(shades[:, None, None, None], (8, SIDE, SIDE, 3)).copy()
    table = pd.DataFrame({"identity": list(names) * 2})
    return Decoded(table, [""] * 8, pixels, pixels, pd.DataFrame())


@pytest.mark.parametrize("scaling", ["0-255", "0-1", "-1-1"])
def test_scaling_is_found_by_what_the_classifier_knows(scaling: str) -> None:
    assert find_scaling(open_network(grey_model(scaling)), "abcd", greys) == scaling


def test_no_photo_is_needed_where_the_network_scales() -> None:
    photo = keras.Input((SIDE, SIDE, 3))
    classes = layers.Dense(4)(layers.Flatten()(layers.Rescaling(1 / 255)(photo)))
    network = open_network(keras.Model(photo, classes))
    assert find_scaling(network, "abcd", lambda: pytest.fail("there is no need to ask")) == "0-255"


def test_scaling_with_nothing_to_go_by() -> None:
    network = open_network(grey_model("0-1"))
    with pytest.raises(UserError, match=r"none of its 4 identities .* --scaling"):
        find_scaling(network, "abcd", lambda: greys("efgh"))
    with pytest.raises(UserError, match=r"tells 4 classes apart, .* names 2"):
        find_scaling(network, "ab", greys)


@pytest.mark.parametrize(("scaling", "white"), [("0-255", 255), ("0-1", 1), ("-1-1", 1)])
def test_scaled(scaling: str, white: float) -> None:
    values = scaled(np.array([0, 255], np.uint8), scaling)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, [-1 if scaling == "-1-1" else 0, white], atol=1e-6)
