"""Grad-CAM: which part of the photo an answer rests on.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
The score explained is a class's log-probability or, for retrieval, the similarity to one gallery photo.
"""

from collections.abc import Callable
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf

from wildtrack.address.models.network import Network

Score = Callable[[dict[str, Any]], Any]  # outputs of a batch of one -> a scalar


def similarity_to(embedding: np.ndarray) -> Score:
    """Cosine similarity to a gallery photo's embedding, float32 (D,)."""
    return lambda outputs: tf.reduce_sum(outputs["embedding"][0] * embedding)


def class_score(number: int) -> Score:
    """Log-probability of a class."""
    return lambda outputs: tf.math.log(outputs["probabilities"][0, number] + 1e-9)


def feature_network(network: Network) -> keras.Model | None:
    """The network with a third output, "features": its last spatial map (B, h, w, C).

    Returns:
        None when the network has no spatial map.
    """
    if network.features is None:
        return None
    return keras.Model(network.keras_model.input, {**network.keras_model.output, "features": network.features})


def gradcam(with_features: keras.Model, photo: np.ndarray, score: Score) -> np.ndarray:
    """Where in a photo the evidence for a score lies.

    Args:
        with_features: From `feature_network`.
        photo: float32 (H, W, 3), scaled as the network's first layer expects.
        score: What to explain.

    Returns:
        float32 (H, W), 0 to 1 (all 0 where nothing speaks for the score).
    """
    batch = tf.constant(photo[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(batch)  # a frozen backbone has no variables that would make the tape follow its maps
        outputs = with_features(batch, training=False)
        value = score(outputs)
    gradient = tape.gradient(value, outputs["features"])  # (1, h, w, C)
    importance = tf.reduce_mean(gradient, axis=(1, 2))  # (1, C)
    weighted = tf.nn.relu(tf.einsum("bhwc,bc->bhw", outputs["features"], importance))[0].numpy()
    strongest = float(weighted.max())
    if strongest > 0:
        weighted = weighted / strongest
    resized = cv2.resize(weighted, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(resized, 0.0, 1.0))
