"""Pixel scaling: the range of values that a network's first layer expects of pixels that are 0-255.

Our own networks take 0-255 and scale inside, as their backbone's family wants it (`backbones.family_scaling`). A
third-party network may expect one of the other ranges in SCALINGS; here it is found out which, and put before it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.errors import UserError

if TYPE_CHECKING:
    from wildtrack.address.models.network import Network

RESCALE = {"0-255": (1.0, 0.0), "0-1": (1 / 255.0, 0.0), "-1-1": (1 / 127.5, -1.0)}  # scale and offset from 0-255
SCALINGS = tuple(RESCALE)
SAMPLE = 64  # photos tried to find the scaling of a third-party model


def check_scaling(chosen: str, trained: str | None, model: Path) -> None:
    """Raise a UserError for a scaling that contradicts the one that a model of ours was trained with.

    Args:
        chosen: "auto", or one of SCALINGS.
        trained: One of SCALINGS, or None.
        model: Where it is, for the message.
    """
    if chosen not in ("auto", trained):
        raise UserError(
            f"scaling {chosen} does not fit the model in {model}, which was trained on pixels scaled to {trained}; "
            "leave out --scaling, which is for models from elsewhere"
        )


def unknown_scaling(model: Path) -> UserError:
    """The error about a model that gives no hint of the pixels it was trained on."""
    return UserError(
        f"{model} does not say how it wants its pixels scaled; set --scaling to one of {', '.join(SCALINGS)}"
    )


def scaled(pixels: npt.NDArray[np.uint8], scaling: str) -> npt.NDArray[np.float32]:
    """Pixels 0-255 of any shape, in the range that a network expects."""
    scale, offset = RESCALE[scaling]
    return pixels * np.float32(scale) + np.float32(offset)


def with_scaling(network: "Network", scaling: str) -> Any:
    """The Keras network behind a layer that turns 0-255 pixels into what its first layer expects."""
    if scaling == "0-255":
        return network.keras_model
    import keras

    scale, offset = RESCALE[scaling]
    photos = keras.Input(network.keras_model.inputs[0].shape[1:], name="photos")
    in_range = keras.layers.Rescaling(scale, offset, name="input_scaling")(photos)
    return keras.Model(photos, network.keras_model(in_range), name="reid")


def find_scaling(network: "Network", identities: Sequence[str], sample: Callable[[], Decoded]) -> str:
    """Which range of pixel values a third-party network expects.

    0-255 when it has a scaling layer; else the range under which its classifier is least surprised by photos it should
    know (mean log-probability of the true class).

    Args:
        network: From `open_network`.
        identities: Class number -> identity.
        sample: Gives labelled photos at its size; only called where they are needed.

    Returns:
        One of SCALINGS.

    Raises:
        UserError: There is nothing to go by.
    """
    if network.scales_itself:
        return "0-255"
    num_classes = network.keras_model.output["probabilities"].shape[-1]
    if num_classes != len(identities):
        raise UserError(
            f"the model tells {num_classes} classes apart, but its preprocessor.pkl names {len(identities)} identities"
        )
    photos = sample()
    classes = photos.table["identity"].map({identity: number for number, identity in enumerate(identities)})
    rows = np.flatnonzero(classes.notna())
    if not len(rows):
        raise UserError(
            f"the model does not say how it wants its pixels scaled, and none of its {len(identities)} identities "
            f"is in these photos to find out; set --scaling to one of {', '.join(SCALINGS)}"
        )
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(int)]
    pixels, truth = photos.pixels[rows], classes.to_numpy()[rows].astype(int)

    def surprise(scaling: str) -> float:
        probabilities = with_scaling(network, scaling).predict(pixels, verbose=0)["probabilities"]
        return -float(np.mean(np.log(np.clip(probabilities[np.arange(len(truth)), truth], 1e-7, 1.0))))

    return min(SCALINGS, key=surprise)
