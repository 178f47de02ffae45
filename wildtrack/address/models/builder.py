"""Build the network: photo -> backbone -> embedding -> probabilities.

    pixels 0..255 (B, H, W, 3)
      -> scaling, as the backbone's own family wants it
      -> backbone from keras.applications, without its top
      -> pooling -> Dense(embed_dim) -> BatchNorm
      -> L2Normalize                    "embedding"      (B, embed_dim), length one
      -> Dense, unit-norm centres       "centres"        (B, identities x sub-centres)
      -> the best of the sub-centres    "cosine"         (B, identities)
      -> x SCALE -> softmax             "probabilities"  (B, identities)

The stem is the backbone up to its last map of one cell per 8 pixels. Two ways of pooling go with two kinds of weights.
"average" takes the mean of the backbone's last map, wherever things are: right for pretrained weights, whose deep
layers know something; training leaves their stem as it is. "grid" is the stem alone and a coarse grid of what is where:
right for random weights, because a few hundred photos can train the stem but not the deep layers.
docs/results.md has the figures.
"""

import inspect
import logging
import math
import random
import re
import socket
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from wildtrack.address.models.layers import L2Normalize
from wildtrack.address.models.loading.containers import UnsafeFileError, check_hdf5
from wildtrack.errors import UserError

log = logging.getLogger(__name__)

SCALE = 16.0  # inverse temperature of the softmax over cosines
STEM_STRIDE = 8  # pixels of the photo per cell of the stem's last map
GRID = 8  # cells a side that grid pooling leaves of that map, roughly
PRETRAINED_SIZE = 224  # pixels: what ImageNet weights were made for, and clearly better than 128 on validation photos
RANDOM_SIZE = 128
DOWNLOAD_TIMEOUT = 20.0  # seconds without an answer before ImageNet weights count as out of reach


def backbone_names() -> list[str]:
    """The names `backbone` may have: every architecture of keras.applications."""
    return sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))


def backbone_builder(name: str) -> Callable[..., keras.Model]:
    """The keras.applications function of that name; UserError when there is none."""
    if name not in backbone_names():
        raise UserError(f"backbone {name!r} is not in keras.applications; choose one of: {', '.join(backbone_names())}")
    builder: Callable[..., keras.Model] = getattr(keras.applications, name)
    return builder


def family_scaling(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The backbone family's `preprocess_input` as a matrix: y = x @ kernel + bias.

    Every family's scaling is affine in the three channels, so four probes give it exactly.

    Returns:
        float32 kernel (3, 3) and bias (3,), for x in 0..255, RGB.
    """
    preprocess_input = sys.modules[backbone_builder(name).__module__].preprocess_input
    probes = np.vstack([np.zeros((1, 3)), 255.0 * np.eye(3)]).astype(np.float32)  # black, red, green, blue
    black, *colours = np.asarray(preprocess_input(probes[:, None, None, :].copy()))[:, 0, 0, :]
    return (np.stack(colours) - black) / 255.0, black


@dataclass(frozen=True)
class Backbone:
    """A network of keras.applications without its top."""

    name: str
    network: keras.Model
    origin: str  # of its weights: "imagenet", "random" or the path of a file

    @property
    def pretrained(self) -> bool:
        """Whether its weights already know something of photos."""
        return self.origin != "random"

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.network.input_shape[1:3]
        return height, width


def build_model(backbone: Backbone, *, embed_dim: int, num_ids: int, pooling: str, sub_centres: int = 1) -> keras.Model:
    """The whole network.

    Args:
        backbone: From `build_backbone`; its network becomes part of the model.
        embed_dim: Length of the embedding.
        num_ids: Identities to tell apart, at least 2.
        pooling: "average", "grid", or "auto": grid for random weights, average for others.
        sub_centres: Centres an identity may have, 1 or more; the nearest one counts (Deng et al., "Sub-center ArcFace:
            Boosting Face Recognition by Large-Scale Noisy Web Faces", ECCV 2020).

    Returns:
        A model from photos to probabilities, with layers named "backbone", "pooled", "embedding", "centres" and
        "cosine".

    Raises:
        UserError: A backbone that has no map for grid pooling.
    """
    if pooling == "auto":
        pooling = "average" if backbone.pretrained else "grid"
    network = _stem_only(backbone.network) if pooling == "grid" else backbone.network
    photos = keras.Input((*backbone.image_size, 3), name="photos")
    kernel, bias = family_scaling(backbone.name)
    scaling = keras.layers.Conv2D(3, 1, trainable=False, name="scaling")
    features = network(scaling(photos))  # (B, h, w, channels)
    scaling.set_weights([kernel[None, None], bias])
    pooled = _grid(features) if pooling == "grid" else keras.layers.GlobalAveragePooling2D(name="pooled")(features)
    projected = keras.layers.Dense(embed_dim, use_bias=False, name="projection")(pooled)
    centred = keras.layers.BatchNormalization(name="projection_norm")(projected)
    embedding = L2Normalize(name="embedding")(centred)  # (B, embed_dim)
    unit_norm = keras.constraints.UnitNorm()
    centres = keras.layers.Dense(num_ids * sub_centres, use_bias=False, kernel_constraint=unit_norm, name="centres")
    cosines = keras.layers.Reshape((num_ids, sub_centres))(centres(embedding))  # (B, num_ids, sub_centres)
    cosine = keras.layers.GlobalMaxPooling1D("channels_first", name="cosine")(cosines)  # (B, num_ids)
    centres.kernel.assign(unit_norm(centres.kernel))
    probabilities = keras.layers.Softmax(name="probabilities")(keras.layers.Rescaling(SCALE, name="logits")(cosine))
    return keras.Model(photos, probabilities, name="wildtrack")


def stem(backbone: keras.Model) -> list[keras.layers.Layer]:
    """The backbone's first layers, up to its last map of one cell per STEM_STRIDE pixels; [] when it has none such."""
    side = math.ceil(backbone.input_shape[1] / STEM_STRIDE)
    ends = [place for place, layer in enumerate(backbone.layers) if tuple(layer.output.shape[1:-1]) == (side, side)]
    return list(backbone.layers[: ends[-1] + 1]) if ends else []


def _stem_only(backbone: keras.Model) -> keras.Model:
    first_layers = stem(backbone)
    if not first_layers:
        raise UserError(
            f"this backbone has no map of one cell per {STEM_STRIDE} pixels at image_size {backbone.input_shape[1]}; "
            "use --pooling average"
        )
    return keras.Model(backbone.input, first_layers[-1].output, name="backbone")


def _grid(features: Any) -> Any:
    """(B, h, w, channels) -> (B, about GRID * GRID * channels): the mean of each cell, in place, standardised."""
    cell = max(1, features.shape[1] // GRID)
    cells = keras.layers.AveragePooling2D(cell, name="grid")(features)
    pooled = keras.layers.Flatten(name="pooled")(cells)
    return keras.layers.BatchNormalization(name="pooled_norm")(pooled)


def build_backbone(name: str, *, alpha: float, image_size: int | None, weights: str) -> Backbone:
    """A backbone without its top.

    Args:
        name: Any name in keras.applications.
        alpha: Width multiplier, for the families that have one.
        image_size: Height and width in pixels; None: PRETRAINED_SIZE or RANDOM_SIZE, by the weights.
        weights: "auto", "imagenet", "none" or the path of a weights file.

    Raises:
        UserError: An unknown backbone, a size it cannot take, or weights that cannot be had.
    """
    builder = backbone_builder(name)
    options = {"alpha": alpha} if "alpha" in inspect.signature(builder).parameters else {}

    def build(size: int, **more: Any) -> keras.Model:
        try:
            with warnings.catch_warnings():  # Keras repeats that 224-pixel weights serve other sizes too: they do
                warnings.simplefilter("ignore", UserWarning)
                return builder(**{"input_shape": (size, size, 3), **options, **more})
        except ValueError as error:
            raise UserError(
                f"{name} cannot be built at image_size {size}, alpha {alpha}: {_first_line(error)}"
            ) from error

    pretrained = partial(build, image_size or PRETRAINED_SIZE)
    untrained = partial(build, image_size or RANDOM_SIZE, include_top=False, weights=None)
    if weights in ("auto", "imagenet"):
        network, origin = _with_imagenet(pretrained, weights), "imagenet"
        if network is None:
            network, origin = untrained(), "random"
    elif weights == "none":
        network, origin = untrained(), "random"
    else:
        network, origin = _with_file(pretrained, Path(weights)), weights
    return Backbone(name, keras.Model(network.input, network.output, name="backbone"), origin)


def _with_imagenet(build: Callable[..., keras.Model], weights: str) -> keras.Model | None:
    """The backbone with downloaded ImageNet weights; None for "auto" when they cannot be had."""
    draws = random.getstate()
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)  # Keras' own download waits for ever on a silent network
    log.info("Looking for ImageNet weights, on this disk or to download.")
    try:
        return build(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception for a failed download
        if weights == "imagenet":
            raise UserError(
                f"ImageNet weights cannot be downloaded ({_first_line(error)}); "
                "use --weights with a local file, or --weights none to start from random weights"
            ) from error
        log.warning("ImageNet weights cannot be had (%s): random weights are used instead.", _first_line(error))
        random.setstate(draws)  # so that the random weights are those of "none"
        return None
    finally:
        socket.setdefaulttimeout(patience)


def _with_file(build: Callable[..., keras.Model], path: Path) -> keras.Model:
    """The backbone with weights from a file that may also hold the ImageNet classifier, which is dropped."""
    if not path.is_file():
        raise UserError(
            f"weights {str(path)!r} is no file; allowed are auto, imagenet, none or the path of a weights file"
        )
    if not h5py.is_hdf5(path):
        raise UserError(f"weights {str(path)!r} is not a weights file of Keras, such as mobilenet.weights.h5")
    try:
        check_hdf5(path)
    except (UnsafeFileError, OSError) as error:
        raise UserError(f"weights {str(path)!r} were not loaded: {_first_line(error)}") from error
    backbone = build(include_top=False, weights=None)
    reasons = []
    for with_top in (False, True):
        full = build(include_top=True, weights=None, input_shape=None) if with_top else backbone
        before = full.get_weights()
        try:
            with warnings.catch_warnings():  # Keras warns of containers that hold no weights of their own
                warnings.simplefilter("ignore", UserWarning)
                full.load_weights(path)
        except (ValueError, OSError, KeyError) as error:
            reasons.append(_first_line(error))
            continue
        after = full.get_weights()[: len(backbone.weights)]  # the top comes last
        kernels = ((old, new) for old, new in zip(before, after, strict=False) if new.ndim > 1)
        if any(np.array_equal(old, new) for old, new in kernels):  # Keras only warns of layers it did not find
            reasons.append("some layers are not in the file")
            continue
        backbone.set_weights(after)
        return backbone
    raise UserError(
        f"weights {str(path)!r} do not fit this backbone (wrong --backbone or --alpha?): {reasons[0]}; "
        f"with its classifier: {reasons[1]}"
    )


def _first_line(error: Exception) -> str:
    return re.split(r"\n|(?<=[^.])\. ", str(error).strip(), maxsplit=1)[0][:200]
