"""Grad-CAM (Selvaraju et al., ICCV 2017): the part of a photo that an answer rests on, computed and drawn.

Gradients are not averaged over the map, as in HiResCAM (Draelos and Carin 2020): with grid pooling, averages cancel.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.models.network import Network
from wildtrack.address.models.scaling import with_scaling
from wildtrack.visualization import style
from wildtrack.visualization.style import DARK_INK, SMALL, TEXT, Photo

PANEL = 3.5  # inches a photo or map takes
TINY = 1e-37  # probability; smaller ones have no logarithm in float32

Score = Callable[[dict[str, Any]], Any]  # outputs of a batch of one -> a scalar


class Classifier(NamedTuple):
    """A network that Grad-CAM can look into, and the identities that it tells apart."""

    network: keras.Model  # from `feature_network`
    identities: Sequence[str]  # class number -> identity


def similarity_to(embedding: np.ndarray) -> Score:
    """Cosine similarity to a gallery photo's embedding, float32 (D,)."""
    return lambda outputs: tf.reduce_sum(outputs["embedding"][0] * embedding)


def class_score(number: int) -> Score:
    """A class's logit above the mean logit; unlike its probability it has a gradient where softmax saturates."""

    def score(outputs: dict[str, Any]) -> Any:
        logs = tf.math.log(tf.maximum(outputs["probabilities"][0], TINY))  # the logits, but for a constant
        return logs[number] - tf.reduce_mean(logs)

    return score


def feature_network(network: Network, scaling: str) -> keras.Model | None:
    """The network, for 0-255 pixels, with a third output "features": its last map (B, h, w, C); None without a map."""
    if network.features is None:
        return None
    outputs = {**network.keras_model.output, "features": network.features}
    return with_scaling(replace(network, keras_model=keras.Model(network.keras_model.input, outputs)), scaling)


def gradcam(with_features: keras.Model, photo: Photo, score: Score) -> npt.NDArray[np.float32]:
    """Where in a photo the evidence for a score lies, float32 (H, W), 0 to 1, by a network of `feature_network`."""
    batch = tf.constant(photo[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(batch)  # a frozen backbone has no variables that would make the tape follow its maps
        outputs = with_features(batch, training=False)
        value = score(outputs)
    features = outputs["features"]  # (1, h, w, C)
    weighted = tf.nn.relu(tf.reduce_sum(features * tape.gradient(value, features), axis=-1))[0].numpy()
    if (strongest := float(weighted.max())) > 0:
        weighted = weighted / strongest
    return np.asarray(np.clip(cv2.resize(weighted, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0.0, 1.0))


def draw_gradcams(
    classifier: Classifier,
    photos: Decoded,
    outputs: Mapping[str, np.ndarray],
    gallery: npt.NDArray[np.intp],
    queries: Iterable[int],
    folder: Path,
) -> None:
    """Draw Grad-CAM of the similarity to the best match and of the most probable class: `gradcam_1.png`, ...

    `queries` and `gallery` are rows of `photos`, and of the `outputs` "embedding" (N, D) and "probabilities"
    (N, classes).
    """
    identities, embeddings = photos.table["identity"].to_numpy(dtype=object), outputs["embedding"]
    for number, query in enumerate(queries, start=1):
        name, shares = identities[query], outputs["probabilities"][query]
        similarity = embeddings[gallery] @ embeddings[query]
        best, likely = gallery[int(np.argmax(similarity))], int(np.argmax(shares))
        answers = (
            ("most similar:", identities[best], f"{similarity.max():.2f}", similarity_to(embeddings[best])),
            ("class", classifier.identities[likely], f"{shares[likely]:.0%}", class_score(likely)),
        )
        maps = []
        for words, found, value, score in answers:
            verdict = "correct" if found == name else f"wrong: it is {name}"
            maps.append(
                (f"{words} {found} ({value})\n{verdict}", gradcam(classifier.network, photos.pixels[query], score))
            )
        title = f"{name}: what the network alone looks at (Grad-CAM)"
        plot_gradcam(photos.pixels[query], maps, title, folder / f"gradcam_{number}.png")


def plot_gradcam(photo: Photo, maps: Sequence[tuple[str, npt.NDArray[np.floating]]], title: str, path: Path) -> None:
    """Draw a photo uint8 (H, W, 3), and on the right of it each map (name, float (H, W) in 0 to 1)."""
    figure = style.blank_figure(PANEL * (1 + len(maps)) + 0.9, PANEL + 1.0, title, DARK_INK)
    axes = figure.subplots(1, 1 + len(maps), squeeze=False)[0]
    style.frame_photo(axes[0], photo, DARK_INK)
    axes[0].set_title("photo", fontsize=TEXT, color=DARK_INK)
    grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for axis, (name, weights) in zip(axes[1:], maps, strict=True):
        style.frame_photo(axis, grey, DARK_INK)
        image = axis.imshow(weights, cmap=style.HEAT, alpha=0.25 + 0.5 * weights, vmin=0, vmax=1)
        words = name if weights.any() else f"{name} (no evidence found)"
        axis.set_title(style.fitted_lines(words, PANEL * 68, TEXT), fontsize=TEXT, color=DARK_INK, parse_math=False)
    if maps:
        bar = figure.colorbar(image, ax=list(axes), shrink=0.8, pad=0.01)
        bar.set_label("share of the strongest evidence", fontsize=SMALL, color=DARK_INK)
        bar.ax.tick_params(colors=DARK_INK, labelsize=SMALL)
    style.save_figure(figure, path)
