"""Write a network as ONNX, so that search needs no TensorFlow."""

import logging
from pathlib import Path

import keras
import numpy as np

from wildtrack.errors import UserError

log = logging.getLogger(__name__)

OPSET = 18
MIN_AGREEMENT = 0.9999  # cosine between the embeddings of the two engines
FREE_SIDE = 64  # pixels, to try a network that takes photos of any size


def export_onnx(network: keras.Model, path: Path, metadata: dict[str, str]) -> None:
    """Write `network` and check that ONNX Runtime gives what Keras gives.

    Args:
        network: Takes (B, H, W, 3) pixels in 0..255, gives "embedding" and "probabilities".
        path: Where to; replaced.
        metadata: Written into the file's own metadata.

    The file's input is "photos", uint8 (B, H, W, 3) RGB; its outputs are "embedding" float32 (B, D) and
    "probabilities" float32 (B, identities).

    Raises:
        UserError: A layer that ONNX cannot express, or answers that differ.
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
        raise UserError(f"the model cannot be written as ONNX: {' '.join(str(error).split())[:200]}") from error
    onnx.helper.set_model_props(graph, metadata)
    path.write_bytes(graph.SerializeToString())
    _check_agreement(network, path, shape)


def _check_agreement(network: keras.Model, path: Path, shape: tuple[int | None, ...]) -> None:
    from wildtrack.address.embed import OnnxEngine

    sides = [side or FREE_SIDE for side in shape]
    photos = np.random.default_rng(0).integers(0, 256, size=(2, *sides), dtype=np.uint8)
    expected = network.predict(photos, verbose=0)["embedding"]
    distance = np.linalg.norm(OnnxEngine(path).run(photos)["embedding"] - expected, axis=1).max()
    cosine = float(1 - distance**2 / 2)  # of unit vectors; and 1 where a dead network gives zero in both
    if not cosine >= MIN_AGREEMENT:
        raise UserError(
            f"the ONNX model disagrees with the Keras model (cosine {cosine:.6f}); this backbone cannot be exported"
        )
