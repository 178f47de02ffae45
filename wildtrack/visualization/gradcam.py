"""Grad-CAM: the part of a photo that an answer rests on, computed and drawn.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
The score explained is a class's log-probability or, for retrieval, the similarity to one gallery photo.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.models.network import Network
from wildtrack.address.models.scaling import with_scaling
from wildtrack.visualization.style import (
    DARK_INK,
    HEAT,
    SMALL,
    TEXT,
    Photo,
    blank_figure,
    fitted,
    frame_photo,
    save_figure,
)

PANEL = 3.5  # inches a photo or map takes

Score = Callable[[dict[str, Any]], Any]  # outputs of a batch of one -> a scalar


def similarity_to(embedding: np.ndarray) -> Score:
    """Cosine similarity to a gallery photo's embedding, float32 (D,)."""
    return lambda outputs: tf.reduce_sum(outputs["embedding"][0] * embedding)


def class_score(number: int) -> Score:
    """Log-probability of a class."""
    return lambda outputs: tf.math.log(outputs["probabilities"][0, number] + 1e-9)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network that Grad-CAM can look into, and the identities that it tells apart."""

    network: keras.Model  # from `feature_network`
    identities: Sequence[str]  # class number -> identity


def feature_network(network: Network, scaling: str) -> keras.Model | None:
    """The network with a third output, "features": its last spatial map (B, h, w, C).

    Args:
        network: From `open_network`.
        scaling: One of SCALINGS, what its first layer expects.

    Returns:
        A network that takes 0-255 pixels; None when it has no spatial map.
    """
    if network.features is None:
        return None
    outputs = {**network.keras_model.output, "features": network.features}
    return with_scaling(replace(network, keras_model=keras.Model(network.keras_model.input, outputs)), scaling)


def gradcam(with_features: keras.Model, photo: Photo, score: Score) -> npt.NDArray[np.float32]:
    """Where in a photo the evidence for a score lies.

    Args:
        with_features: From `feature_network`.
        photo: uint8 (H, W, 3).
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


def draw_gradcams(
    classifier: Classifier,
    photos: Decoded,
    outputs: Mapping[str, np.ndarray],
    gallery: npt.NDArray[np.intp],
    queries: Iterable[int],
    folder: Path,
) -> None:
    """Draw Grad-CAM of the similarity to the best match and of the most probable class: `gradcam_1.png`, ...

    Args:
        classifier: What is looked into.
        photos: N catalogue rows, with pixels at the network's size.
        outputs: "embedding" (N, D) and "probabilities" (N, classes).
        gallery: int (G,), the rows that are ranked.
        queries: The rows that are explained.
        folder: Where to.
    """
    identities, embeddings = photos.table["identity"].to_numpy(dtype=object), outputs["embedding"]
    for number, query in enumerate(queries, start=1):
        photo, similarity = photos.pixels[query], embeddings[gallery] @ embeddings[query]
        best = gallery[int(np.argmax(similarity))]
        class_number = int(np.argmax(outputs["probabilities"][query]))
        scores = {
            f"similar to {identities[best]} ({similarity.max():.2f})": similarity_to(embeddings[best]),
            f"class {classifier.identities[class_number]} ({outputs['probabilities'][query, class_number]:.0%})": (
                class_score(class_number)
            ),
        }
        maps = [(name, gradcam(classifier.network, photo, score)) for name, score in scores.items()]
        title = f"{identities[query]}: what the network alone looks at (Grad-CAM)"
        plot_gradcam(photo, maps, title, folder / f"gradcam_{number}.png")


def plot_gradcam(photo: Photo, maps: Sequence[tuple[str, npt.NDArray[np.floating]]], title: str, path: Path) -> None:
    """Draw a photo, and beside it what each map says the network looked at.

    Args:
        photo: uint8 (H, W, 3).
        maps: (name, float (H, W) in 0..1) pairs.
        title: Above the picture.
        path: PNG to write.
    """
    figure = blank_figure(PANEL * (1 + len(maps)) + 0.9, PANEL + 0.6, title, DARK_INK)
    axes = figure.subplots(1, 1 + len(maps), squeeze=False)[0]
    frame_photo(axes[0], photo, DARK_INK)
    axes[0].set_title("photo", fontsize=TEXT, color=DARK_INK)
    grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for axis, (name, weights) in zip(axes[1:], maps, strict=True):
        frame_photo(axis, grey, DARK_INK)
        image = axis.imshow(weights, cmap=HEAT, alpha=0.25 + 0.5 * weights, vmin=0, vmax=1)
        axis.set_title(fitted(name, PANEL * 68, TEXT), fontsize=TEXT, color=DARK_INK, parse_math=False)
    if maps:
        bar = figure.colorbar(image, ax=list(axes), shrink=0.8, pad=0.01)
        bar.set_label("share of the strongest evidence", fontsize=SMALL, color=DARK_INK)
        bar.ax.tick_params(colors=DARK_INK, labelsize=SMALL)
    save_figure(figure, path)
