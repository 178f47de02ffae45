"""Write a network as ONNX, so that search needs no TensorFlow."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.errors import UserError

log = logging.getLogger(__name__)

OPSET = 18
MIN_AGREEMENT = 0.9999  # cosine between the embeddings of the two engines
FREE_SIDE = 64  # pixels, to try a network that takes photos of any size


class ExportError(UserError):
    """A network that cannot be written as ONNX."""


def export_onnx(network: keras.Model, path: Path, metadata: Mapping[str, str]) -> None:
    """Write `network` and check that ONNX Runtime gives what Keras gives.

    Args:
        network: Takes (B, H, W, 3) pixels in 0..255, gives "embedding" and "probabilities".
        path: Where to; replaced.
        metadata: Written into the file's own metadata, with the photo reader's version.

    The file's input is "photos", uint8 (B, H, W, 3) RGB; its outputs are "embedding" float32 (B, D) and
    "probabilities" float32 (B, identities).

    Raises:
        ExportError: A layer that ONNX cannot express, or answers that differ.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    shape = tuple(network.inputs[0].shape[1:])

    def forward(photos: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = network(tf.cast(photos, tf.float32), training=False)
        return outputs

    signature = [tf.TensorSpec((None, *shape), tf.uint8, name="photos")]
    try:
        graph, _ = tf2onnx.convert.from_function(
            tf.function(forward, input_signature=signature), input_signature=signature, opset=OPSET
        )
    except Exception as error:  # tf2onnx raises whatever the layer's conversion ran into
        raise ExportError(f"the model cannot be written as ONNX: {' '.join(str(error).split())[:200]}") from error
    _scale_by_element(graph.graph)
    onnx.helper.set_model_props(graph, {**metadata, "reader_version": str(READER_VERSION)})
    path.write_bytes(graph.SerializeToString())
    _check_agreement(network, path, shape)


def _scale_by_element(graph: Any) -> None:
    """Write 1 x 1 convolutions that only scale the photos' three channels, each by itself, as products and sums.

    Those are the same numbers to the last bit. ONNX Runtime makes 16 channels of a convolution's three and three of
    them again, which takes a tenth of the time of a small network.
    """
    from onnx import helper, numpy_helper

    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in [node for node in graph.node if _only_scales(node, constants)]:
        kernel, bias = (constants[name] for name in node.input[1:])
        product = f"{node.output[0]}_product"
        by_element = []
        for operation, source, values, target in (
            ("Mul", node.input[0], np.diag(kernel[:, :, 0, 0]), product),
            ("Add", product, bias, node.output[0]),
        ):
            name = f"{target}_{operation}"
            graph.initializer.append(numpy_helper.from_array(values.reshape(1, 3, 1, 1).copy(), name))
            by_element.append(helper.make_node(operation, [source, name], [target]))
        place = list(graph.node).index(node)
        graph.node.remove(node)
        for offset, each in enumerate(by_element):
            graph.node.insert(place + offset, each)


def _only_scales(node: Any, constants: dict[str, np.ndarray]) -> bool:
    """Whether an ONNX node is such a convolution."""
    if node.op_type != "Conv" or len(node.input) != 3 or not all(name in constants for name in node.input[1:]):
        return False
    kernel = constants[node.input[1]]
    numbers = {attribute.name: list(attribute.ints) for attribute in node.attribute}
    moves = set(numbers.get("strides", [])) - {1} or set(numbers.get("pads", [])) - {0}
    return kernel.shape == (3, 3, 1, 1) and not moves and not kernel[:, :, 0, 0][~np.eye(3, dtype=bool)].any()


def _check_agreement(network: keras.Model, path: Path, shape: tuple[int | None, ...]) -> None:
    from wildtrack.address.models.engines import OnnxEngine

    sides = [side or FREE_SIDE for side in shape]
    photos = np.random.default_rng(0).integers(0, 256, size=(2, *sides), dtype=np.uint8)
    expected = network.predict(photos, verbose=0)["embedding"]
    distance = np.linalg.norm(OnnxEngine(path).run(photos)["embedding"] - expected, axis=1).max()
    cosine = float(1 - distance**2 / 2)  # of unit vectors; and 1 where a dead network gives zero in both
    if not cosine >= MIN_AGREEMENT:
        raise ExportError(
            f"the ONNX model disagrees with the Keras model (cosine {cosine:.6f}); this backbone cannot be exported"
        )
