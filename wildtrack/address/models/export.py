"""Write a network as ONNX, so that search needs no TensorFlow."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.errors import UserError, in_one_line

log = logging.getLogger(__name__)

OPSET = 18
MIN_AGREEMENT = 0.9999  # cosine between the embeddings of the two engines
FREE_SIDE = 64  # pixels, to try a network that takes photos of any size


class ExportError(UserError):
    """A network that cannot be written as ONNX."""


def export_onnx(network: keras.Model, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a network to `path` and check that ONNX Runtime's embeddings are those of Keras; else ExportError.

    The file takes "photos", uint8 (B, H, W, 3) RGB, and gives what `Engine.run` does; it holds `metadata` and the photo
    reader's version.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    shape = tuple(network.inputs[0].shape[1:])
    quick = keras.models.clone_model(network, clone_function=lambda layer: layer, call_function=_scaling_by_element)
    signature = [tf.TensorSpec((None, *shape), tf.uint8, name="photos")]
    forward = tf.function(lambda photos: quick(tf.cast(photos, tf.float32), training=False), signature)
    try:
        graph, _ = tf2onnx.convert.from_function(forward, signature, opset=OPSET)
    except Exception as error:  # tf2onnx raises whatever the layer's conversion ran into
        raise ExportError(f"the model cannot be written as ONNX: {in_one_line(error)}") from error
    onnx.helper.set_model_props(graph, {**metadata, "reader_version": str(READER_VERSION)})
    path.write_bytes(graph.SerializeToString())
    sides = [side or FREE_SIDE for side in shape]
    photos = np.random.default_rng(0).integers(0, 256, size=(2, *sides), dtype=np.uint8)
    expected = network.predict(photos, verbose=0)["embedding"]
    distance = np.linalg.norm(OnnxEngine(path).run(photos)["embedding"] - expected, axis=1).max()
    cosine = float(1 - distance**2 / 2)  # of unit vectors; and 1 where a dead network gives zero in both
    if not cosine >= MIN_AGREEMENT:
        raise ExportError(f"the ONNX model disagrees with the Keras model (cosine {cosine:.6f}) and is not used")


def _scaling_by_element(layer: Any, *inputs: Any, **options: Any) -> Any:
    """Call a layer; one that only scales the photos' channels becomes a product and a sum, with the same bits.

    ONNX Runtime pads a convolution's three channels to 16 and back: a tenth of the time of a small network.
    """
    if layer.name == "scaling" and isinstance(layer, keras.layers.Conv2D):
        kernel, *bias = layer.get_weights()
        plain = layer.strides == (1, 1) and layer.activation is keras.activations.linear
        if bias and plain and kernel.shape == (1, 1, 3, 3) and not kernel[0, 0][~np.eye(3, dtype=bool)].any():
            return inputs[0] * np.diag(kernel[0, 0]) + bias[0]
    return layer(*inputs, **options)
