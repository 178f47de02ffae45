"""A saved Keras model as one network: photos in, embedding and probabilities out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from wildtrack.address.models.fingerprint import model_fingerprint
from wildtrack.address.models.layers import L2Normalize
from wildtrack.address.models.loading.containers import UnsafeFileError
from wildtrack.address.models.loading.keras_config import ForeignClassError
from wildtrack.address.models.loading.legacy import readable_by_keras_3
from wildtrack.errors import UserError

OWN_SCALING = (keras.layers.Rescaling, keras.layers.Normalization)  # a network with one of these takes 0-255
LAYERS_WERE_IN = "wildtrack.address.layers"  # in fingerprints: they do not change where the class moves to


def load_keras_file(path: Path, custom_objects: Mapping[str, Any]) -> keras.Model:
    """Load a `.keras` or `.h5` file without running code from it; UserError where it is damaged or unsafe.

    `custom_objects` are the layer classes, by name, that are allowed in addition to the plain ones.
    """
    names = ("L2Normalize", "Custom>L2Normalize", "WildTrack>L2Normalize")
    known = {**dict.fromkeys(names, L2Normalize), **custom_objects}
    try:
        with readable_by_keras_3(path, known) as readable:
            return keras.saving.load_model(readable, custom_objects=known, compile=False, safe_mode=True)
    except UnsafeFileError as error:
        raise UserError(f"{path} was not loaded: {error}; ask its author for an intact file") from error
    except ForeignClassError as error:
        raise UserError(
            f"{path} cannot be loaded: it is made with {str(error)!r}. If that is a custom layer, import it and "
            "name it in CUSTOM_OBJECTS at the top of the script, or in custom_objects in a notebook; Lambda layers and "
            "others that run code or read files are refused"
        ) from error
    except Exception as error:  # Keras raises nearly anything, nested, with whole configurations before the cause
        cause = " ".join(str(error).split()).rpartition("Exception encountered: ")[2]
        reason = cause.partition(" Full object config:")[0][:300]
        raise UserError(f"{path} cannot be loaded: {reason}; ask its author for an intact file") from error


@dataclass(frozen=True)
class Network:
    """An opened model."""

    keras_model: keras.Model  # maps (B, H, W, 3) to a dict of "embedding" and "probabilities"
    embedding_from: str  # in words
    features: Any | None  # symbolic (B, h, w, C), the last spatial map, for Grad-CAM; None where there is none
    scales_itself: bool  # takes 0-255 pixels


def open_network(model: keras.Model) -> Network:
    """The same network with its embedding as an output; UserError where it has none, or does not take one photo.

    It is the output of the last `L2Normalize`, else the input of the last layer with weights, normalised.
    """
    if not _is_plain(model):
        raise UserError(
            "the model is not a Functional or Sequential Keras model with one input and one output, so its embedding "
            "cannot be reached; save it as one"
        )
    if len(model.inputs[0].shape) != 4 or model.inputs[0].shape[-1] != 3:
        raise UserError(f"the model takes {model.inputs[0].shape}, not photos (batch, height, width, 3)")
    calls: list[_Call] = []
    photos = keras.Input(model.inputs[0].shape[1:], name="photos")
    probabilities = _trace(model, photos, calls)
    normalised = [call for call in calls if type(call.layer).__name__ == "L2Normalize"]
    weighted = [call for call in calls if call.has_weights]
    if normalised:
        embedding, found = normalised[-1].output, f"the L2Normalize layer {normalised[-1].layer.name!r}"
    elif weighted:
        embedding, found = weighted[-1].input, f"the tensor that feeds {weighted[-1].layer.name!r}, normalised"
    else:
        raise UserError("the model has no layer with weights, so nothing in it can be an embedding")
    if len(embedding.shape) > 2:
        embedding = keras.layers.Flatten(name="flat_embedding")(embedding)  # named: fingerprints cover Keras' numbers
    embedding = L2Normalize(name="unit_length")(embedding)  # what is normalised already stays as it is
    outputs = {"embedding": embedding, "probabilities": probabilities}
    maps = [call.output for call in calls if call.gives_map]
    learnt = [place for place, call in enumerate(calls) if call.has_weights and not call.scales]
    features = maps[-1] if any(calls[place].gives_map for place in learnt) else None
    scales_itself = any(call.gives_map and call.scales for call in calls[: learnt[0] if learnt else None])
    return Network(keras.Model(photos, outputs, name="reid"), found, features, scales_itself)


@dataclass(frozen=True)
class _Call:
    layer: Any  # a layer, or an operation such as a division
    input: Any
    output: Any
    gives_map: bool  # the output is (B, h, w, C) with more than one place
    scales: bool  # the layer scales pixels, as the builder's "scaling" does
    has_weights: bool


def _is_plain(layer: Any) -> bool:
    """Whether a layer is a model built of layers, one tensor in and one out."""
    is_model = isinstance(layer, keras.Sequential | keras.Function) and layer.built
    return is_model and len(layer.inputs) == len(layer.outputs) == 1


def _trace(model: keras.Model, tensor: Any, calls: list[_Call]) -> Any:
    """The output for `tensor` of a model; every call of a layer, also in models inside it, is appended to `calls`."""

    def call(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> Any:
        if _is_plain(layer):
            return _trace(layer, inputs[0], calls)
        output = layer(*inputs, **options)
        shape = getattr(output, "shape", ())  # some layers give a list; a side of None has any length
        gives_map = len(shape) == 4 and all(side is None or side > 1 for side in shape[1:3])
        scales = isinstance(layer, OWN_SCALING) or layer.name == "scaling"
        has_weights = isinstance(layer, keras.layers.Layer) and bool(layer.weights)
        calls.append(_Call(layer, inputs[0] if inputs else None, output, gives_map, scales, has_weights))
        return output

    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            tensor = call(layer, tensor)
        return tensor
    inputs = keras.tree.pack_sequence_as(model.input, [tensor])
    keras.models.clone_model(model, input_tensors=inputs, clone_function=lambda layer: layer, call_function=call)
    return calls[-1].output  # layers are called by depth, the output's last


def network_fingerprint(network: Network, image_size: tuple[int, int], scaling: str, code: str = "") -> str:
    """The same for every load of one file; `code` is the `code_digest` of the layer classes that are not Keras' own."""
    layers = network.keras_model.to_json(sort_keys=True).replace(L2Normalize.__module__, LAYERS_WERE_IN)
    return model_fingerprint(
        layers + network.embedding_from + code, network.keras_model.get_weights(), image_size, scaling
    )
