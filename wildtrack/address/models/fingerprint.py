"""Names for a model and for the files made with it: equal names, equal answers."""

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

LIBRARIES = ("builtins", "keras", "tensorflow")  # their base classes are no code of the user's


def model_fingerprint(
    architecture: str, weights: Iterable[np.ndarray], image_size: tuple[int, int], scaling: str
) -> str:
    """A hash of the model and its preprocessing, whatever the engine: equal ones make comparable embeddings."""
    digest = hashlib.sha256(json.dumps([architecture, list(image_size), scaling, READER_VERSION]).encode())
    for array in weights:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def current_fingerprint(saved: str, reader_version: int) -> str:
    """A saved model's fingerprint with the current photo reader: another one if it was saved with another version."""
    if reader_version == READER_VERSION:
        return saved
    return hashlib.sha256(json.dumps([saved, READER_VERSION]).encode()).hexdigest()


def cache_name(fingerprint: str, model: Path) -> str:
    """The cache key of a saved model's outputs: a hash of its fingerprint and its file, as engines differ slightly."""
    return hashlib.sha256(f"{fingerprint} {sha256(model)}".encode()).hexdigest()


def code_digest(custom_objects: Mapping[str, Any]) -> str:
    """A hash of the source code of functions and classes, with the base classes that are no library's.

    Code whose source cannot be read gets a new one each time, so that nothing made with it counts as current.
    """
    sources = {}
    try:
        for name, each in custom_objects.items():
            bases = inspect.getmro(each)[1:] if inspect.isclass(each) else ()
            parts = [each, *(base for base in bases if base.__module__.partition(".")[0] not in LIBRARIES)]
            sources[name] = [inspect.getsource(part) for part in parts]
    except (OSError, TypeError):
        return secrets.token_hex(32)
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
