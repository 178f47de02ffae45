from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.models.network import open_network
from wildtrack.address.models.scaling import SCALINGS, find_scaling, scaled, with_scaling
from wildtrack.errors import UserError

SIDE = 8
SHADES = np.array([30, 90, 150, 210], np.uint8)


def grey_model(scaling: str) -> Any:
    """Tells four shades of grey apart, given the right scaling: the nearest prototype wins."""
    (black, white), shades = scaled(np.array([0, 255], np.uint8), scaling), scaled(SHADES, scaling)
    sharpness = 1e-2 * (255 / (white - black)) ** 2
    photo = keras.Input((SIDE, SIDE, 3))
    dense = layers.Dense(4, activation="softmax")
    model = keras.Model(photo, dense(layers.GlobalAveragePooling2D()(layers.AveragePooling2D(2)(photo))))
    dense.set_weights([np.tile(2 * sharpness * shades / 3, (3, 1)), -sharpness * shades**2])
    return model


def greys(names: str = "abcd") -> Decoded:
    pixels = np.broadcast_to(np.tile(SHADES, 2)[:, None, None, None], (8, SIDE, SIDE, 3)).copy()
    return Decoded(pd.DataFrame({"identity": list(names) * 2}), [""] * 8, pixels, pixels, pd.DataFrame())


@pytest.mark.parametrize(("scaling", "expected"), [("0-255", (0, 255)), ("0-1", (0, 1)), ("-1-1", (-1, 1))])
def test_pixels_are_scaled_in_numpy_and_in_the_network_alike(scaling: str, expected: tuple[float, float]) -> None:
    values = scaled(np.array([0, 255], np.uint8), scaling)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, atol=1e-6)
    network = open_network(grey_model("0-255"))
    photos = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    outputs = network.keras_model(scaled(photos, scaling), training=False)
    found = with_scaling(network, scaling)(photos.astype(np.float32), training=False)
    np.testing.assert_allclose(found["probabilities"], outputs["probabilities"], atol=1e-5)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_scaling_is_found_with_photos_of_known_identities(scaling: str) -> None:
    assert find_scaling(open_network(grey_model(scaling)), "abcd", greys) == scaling


def test_no_photo_is_needed_where_the_network_scales() -> None:
    parts = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(4)]
    network = open_network(keras.Sequential([keras.Input((SIDE, SIDE, 3)), *parts]))
    assert find_scaling(network, "abcd", lambda: pytest.fail("no photos are needed")) == "0-255"


def test_scaling_that_cannot_be_found() -> None:
    network = open_network(grey_model("0-1"))
    with pytest.raises(UserError, match=r"none of its 4 identities .* --scaling"):
        find_scaling(network, "abcd", lambda: greys("efgh"))
    with pytest.raises(UserError, match=r"has 4 classes, and its preprocessor\.pkl 2 identities"):
        find_scaling(network, "ab", greys)
