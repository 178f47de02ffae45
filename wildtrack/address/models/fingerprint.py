"""What names a model and the files made with it: equal names, equal answers."""

import hashlib
import inspect
import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.storage.files import sha256

NOT_THEIRS = ("builtins", "keras", "tensorflow")  # packages of base classes whose code no user changes


def model_fingerprint(
    architecture: str, weights: Iterable[np.ndarray], image_size: tuple[int, int], scaling: str
) -> str:
    """A hash that names the model and its preprocessing: equal fingerprints make comparable embeddings.

    It covers the layers and where among them the embedding is taken, the weights (values, shapes and order),
    the photo size, the scaling and the photo reader's version, and not the engine that runs them.

    Args:
        architecture: The layers and the embedding's place in words that do not change between loads.
        weights: All arrays, in the network's order.
        image_size: (height, width) in pixels.
        scaling: One of SCALINGS.
    """
    digest = hashlib.sha256(json.dumps([architecture, list(image_size), scaling, READER_VERSION]).encode())
    for array in weights:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def current_fingerprint(saved: str, reader_version: int) -> str:
    """The fingerprint of a saved model as photos are read now: its own, unless they were read otherwise back then.

    Args:
        saved: From `model_fingerprint`, when the model was saved.
        reader_version: The photo reader's version then.
    """
    if reader_version == READER_VERSION:
        return saved
    return hashlib.sha256(json.dumps([saved, READER_VERSION]).encode()).hexdigest()


def cache_name(fingerprint: str, model: Path) -> str:
    """What a saved model's outputs are kept under: its fingerprint, which it says itself, and its file.

    So no file can pass for another, and two engines, whose outputs differ in the last digits, keep their own.
    """
    return hashlib.sha256(f"{fingerprint} {sha256(model)}".encode()).hexdigest()


def code_digest(custom_objects: Mapping[str, Any]) -> str:
    """A hash of the source code of classes, with the base classes that are not Keras' own, and of functions.

    Code without a source that can be read gets another one each time, so that nothing made with it counts as current.
    """
    try:
        sources = {name: [inspect.getsource(part) for part in _parts(each)] for name, each in custom_objects.items()}
    except (OSError, TypeError):
        return secrets.token_hex(32)
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()


def _parts(each: Any) -> list[Any]:
    if not inspect.isclass(each):
        return [each]
    bases = (base for base in each.__mro__[1:] if base.__module__.partition(".")[0] not in NOT_THEIRS)
    return [each, *bases]
