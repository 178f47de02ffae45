"""The networks of keras.applications without their tops, with random, downloaded or given weights."""

import inspect
import logging
import random
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import h5py
import keras
import numpy as np

from wildtrack.address.models.loading.containers import UnsafeFileError, check_hdf5
from wildtrack.errors import UserError, in_one_line

PRETRAINED_SIZE = 224  # pixels: what ImageNet weights were made for, and clearly better than 128 on validation photos
RANDOM_SIZE = 128
DOWNLOAD_TIMEOUT = 20.0  # seconds without an answer, after which a download of ImageNet weights fails

log = logging.getLogger(__name__)


def backbone_names() -> list[str]:
    """All architectures in keras.applications."""
    return sorted(name for name, value in vars(keras.applications).items() if inspect.isfunction(value))


def backbone_builder(name: str) -> Callable[..., keras.Model]:
    """The keras.applications function of that name; UserError when there is none."""
    if name not in backbone_names():
        raise UserError(f"--backbone {name} is not in keras.applications; choose one of: {', '.join(backbone_names())}")
    builder: Callable[..., keras.Model] = getattr(keras.applications, name)
    return builder


def family_scaling(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The backbone family's `preprocess_input` of RGB 0-255 as float32 kernel (3, 3) and bias (3,): x @ kernel + bias.

    Every family's scaling is affine in the three channels, so four probes give it exactly.
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
    image_size: tuple[int, int]  # height, width
    origin: str  # of its weights: "imagenet", "random" or the path of a file

    @property
    def pretrained(self) -> bool:
        """Whether its weights are trained ones."""
        return self.origin != "random"


def build_backbone(name: str, *, alpha: float, image_size: int | None, weights: str) -> Backbone:
    """A backbone `alpha` times as wide as usual, where its family allows; UserError where it cannot be built.

    `image_size` None is PRETRAINED_SIZE or RANDOM_SIZE; `weights` is "auto", "imagenet", "none" or a file's path.
    """
    builder = backbone_builder(name)
    options = {"alpha": alpha} if "alpha" in inspect.signature(builder).parameters else {}

    def build(size: int, **more: Any) -> keras.Model:
        try:
            # Keras repeats that 224-pixel weights serve other sizes too: they do
            with catch_warnings(action="ignore", category=UserWarning):
                return builder(**{"input_shape": (size, size, 3), **options, **more})
        except ValueError as error:
            reason = _first_line(error)
            raise UserError(f"{name} cannot be built with --image-size {size} --alpha {alpha}: {reason}") from error

    size, network, origin = image_size or PRETRAINED_SIZE, None, weights
    if weights in ("auto", "imagenet"):
        network, origin = _with_imagenet(partial(build, size), weights), "imagenet"
    elif weights != "none":
        network = _with_file(partial(build, size), Path(weights))
    if network is None:
        size, origin = image_size or RANDOM_SIZE, "random"
        network = build(size, include_top=False, weights=None)
    return Backbone(name, keras.Model(network.input, network.output, name="backbone"), (size, size), origin)


def _with_imagenet(build: Callable[..., keras.Model], weights: str) -> keras.Model | None:
    """The backbone with downloaded ImageNet weights; None for "auto" where they cannot be loaded."""
    random_state, timeout = random.getstate(), socket.getdefaulttimeout()
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
        log.warning("ImageNet weights cannot be loaded (%s): random weights are used instead.", _first_line(error))
        random.setstate(random_state)  # so that the random weights are those of "none"
        return None
    finally:
        socket.setdefaulttimeout(timeout)


def _with_file(build: Callable[..., keras.Model], path: Path) -> keras.Model:
    """The backbone with weights from a file that may also hold the ImageNet classifier, which is dropped."""
    if not path.is_file():
        raise UserError(f"--weights {path} is not a file; allowed are auto, imagenet, none or a weights file")
    if not h5py.is_hdf5(path):
        raise UserError(f"--weights {path} is not a weights file of Keras, such as mobilenet.weights.h5")
    try:
        check_hdf5(path)
    except UnsafeFileError as error:
        raise UserError(f"--weights {path} were not loaded: {_first_line(error)}") from error
    backbone = build(include_top=False, weights=None)
    reasons = []
    for with_top in (False, True):
        full = build(include_top=True, weights=None, input_shape=None) if with_top else backbone
        before = full.get_weights()[: len(backbone.weights)]  # the top comes last
        try:
            # Keras warns of containers that hold no weights of their own, and of layers that it did not find
            with catch_warnings(action="ignore", category=UserWarning):
                full.load_weights(path)
            after = full.get_weights()[: len(backbone.weights)]
            if any(np.array_equal(old, new) for old, new in zip(before, after, strict=True) if new.ndim > 1):
                raise ValueError("some layers are not in the file")
        except (ValueError, OSError, KeyError) as error:
            reasons.append(_first_line(error))
        else:
            backbone.set_weights(after)
            return backbone
    raise UserError(
        f"--weights {path} do not fit this backbone (wrong --backbone or --alpha?): {reasons[0]}; "
        f"with its classifier: {reasons[1]}"
    )


def _first_line(error: Exception) -> str:
    return in_one_line(re.split(r"\n|(?<=[^.])\. ", str(error).strip(), maxsplit=1)[0], 200)
