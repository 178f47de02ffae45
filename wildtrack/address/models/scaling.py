"""Pixel scaling: the range of SCALINGS that a network's first layer expects of pixels; WildTrack's take 0-255."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.errors import UserError

if TYPE_CHECKING:
    from wildtrack.address.models.network import Network

RESCALE = {"0-255": (1.0, 0.0), "0-1": (1 / 255.0, 0.0), "-1-1": (1 / 127.5, -1.0)}  # scale and offset from 0-255
SCALINGS = tuple(RESCALE)
CHOOSE = f"set --scaling to one of {', '.join(SCALINGS)}"
SAMPLE = 64  # photos on which the scalings are compared


def unknown_scaling(model: Path) -> UserError:
    """The error for a model file that does not name its scaling."""
    return UserError(f"{model} does not say how it wants its pixels scaled; {CHOOSE}")


def scaled(pixels: npt.NDArray[np.uint8], scaling: str) -> npt.NDArray[np.float32]:
    """Pixels 0-255 of any shape, in the range of one of SCALINGS."""
    scale, offset = RESCALE[scaling]
    return pixels * np.float32(scale) + np.float32(offset)


def with_scaling(network: "Network", scaling: str) -> Any:
    """The Keras network behind a layer that turns 0-255 pixels into what its first layer expects."""
    if scaling == "0-255":
        return network.keras_model
    import keras

    photos = keras.Input(network.keras_model.inputs[0].shape[1:], name="photos")
    in_range = keras.layers.Rescaling(*RESCALE[scaling], name="input_scaling")(photos)
    return keras.Model(photos, network.keras_model(in_range), name="reid")


def find_scaling(network: "Network", identities: Sequence[str], sample: Callable[[], Decoded]) -> str:
    """The one of SCALINGS that a third-party network expects: 0-255 for one with a scaling layer of its own.

    Else the range in which the classifier gives the true identities of labelled photos, from `sample`, the highest mean
    log-probability. UserError where the classes are not the identities, or no photo shows one of these.
    """
    if network.scales_itself:
        return "0-255"
    num_classes = network.keras_model.output["probabilities"].shape[-1]
    if num_classes != len(identities):
        raise UserError(f"the model has {num_classes} classes, and its preprocessor.pkl {len(identities)} identities")
    photos = sample()
    classes = pd.Categorical(photos.table["identity"], list(identities)).codes  # -1 for other identities
    rows = np.flatnonzero(classes >= 0)
    if not len(rows):
        raise UserError(
            f"the model does not say how it wants its pixels scaled, and none of its {len(identities)} identities "
            f"is in these photos to find out; {CHOOSE}"
        )
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(int)]
    pixels, truth = photos.pixels[rows], classes[rows]

    def fit(scaling: str) -> float:
        probabilities = with_scaling(network, scaling).predict(pixels, verbose=0)["probabilities"]
        return float(np.mean(np.log(np.clip(probabilities[np.arange(len(truth)), truth], 1e-7, 1.0))))

    return max(SCALINGS, key=fit)
