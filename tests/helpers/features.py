"""Embeddings, keypoints and gallery tables that are quickly made."""

from typing import Any

import numpy as np
import pandas as pd

from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.gallery.index import build_index, is_exact


def keypoints(rng: np.random.Generator, count: int) -> Keypoints:
    descriptors = rng.integers(0, 60, (count, 128), dtype=np.uint8)
    return Keypoints(rng.uniform(0, 100, (count, 2)).astype(np.float32), descriptors, (100, 100))


NOTHING = Keypoints.none((100, 100))


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def photos(animals: int, length: int, seed: int = 0, each: int = 10, noise: float = 0.8) -> np.ndarray:
    """So many of each animal, alike by about 1 / (1 + noise^2)."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(unit(rng.normal(size=(animals, length))), each, axis=0)
    return unit(centres + noise / np.sqrt(length) * rng.normal(size=centres.shape))


def quantised(embeddings: np.ndarray) -> Any:
    """A product-quantised index, however few there are."""
    index = build_index(embeddings, exact_up_to=0)
    assert not is_exact(index)
    return index


def table(identities: list[str]) -> pd.DataFrame:
    rows = len(identities)
    found = pd.DataFrame({"image_id": [str(row) for row in range(rows)], "identity": identities})
    boxes = pd.Series([(1.5, 2.0, 30.0, 1e-3), *[None] * (rows - 1)], dtype=object)
    return found.assign(path=found["image_id"] + ".jpg", bbox=boxes, orientation="", date="", sha256="")


def features(embeddings: np.ndarray) -> Features:
    return Features(embeddings, np.full(len(embeddings), "", object))
