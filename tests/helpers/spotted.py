"""A gallery without a network: drawn spots, an engine that averages colours, and made-up calibrations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from wildtrack.access.photos.reader import read_photo
from wildtrack.address.features.keypoints import read_keypoints
from wildtrack.address.gallery.files import save_gallery
from wildtrack.address.gallery.gallery import Gallery, Source
from wildtrack.address.gallery.searcher import SearchConfig, Searcher
from wildtrack.address.matching.calibration import Calibration, Curve
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.address.matching.matching import LearntMatcher, Matching
from wildtrack.storage.files import sha256

LOCAL, FUSED = "local", "fused"

SIZE = (32, 32)
NAMES = ("Ana", "Ana", "Blå", "Blå", "007", "NA")
VIEWPOINTS = ("left", "left", "right", "", "", "left")


class CellEngine:
    """Embeds a photo as the mean colours of its 16 parts."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        cells = photos.reshape(len(photos), 4, 8, 4, 8, 3).mean(axis=(2, 4)).reshape(len(photos), -1) - 128
        lengths = np.linalg.norm(cells, axis=1, keepdims=True)
        return {"embedding": (cells / np.maximum(lengths, 1e-9)).astype(np.float32)}


class Classifier(CellEngine):
    """Classifies as well."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        return super().run(photos) | {"probabilities": np.tile(np.array([0.25, 0.75], np.float32), (len(photos), 1))}


def straight(low: float, high: float, most: float) -> Curve:
    return Curve(np.array([low, high]), np.array([0.02, most]))


def fake_matching(
    by_viewpoint: bool = False, weights: tuple[float, float, float] = (1.0, 0.5, -1.0), best: str = FUSED
) -> Matching:
    """What might have been learnt on validation photos. A pair of two viewpoints says little."""
    any_, other = straight(-0.2, 1.0, 0.9), straight(-0.2, 1.0, 0.1)
    calibrations = {
        EMBEDDING: Calibration(0.1, (-1.0, 1.0), {"any": any_, "same": any_, "other": other}),
        LOCAL: Calibration(0.1, (0.0, 5000.0), {"any": straight(0.0, 2000.0, 0.9)}),
    }
    decider = Decider(weights, np.array([0.4, 0.8]), np.array([0.1, 0.6]), 0.5)
    matchers = {name: LearntMatcher(by_viewpoint, decider, 1.0, 1.0) for name in (EMBEDDING, LOCAL, FUSED)}
    return Matching(best, calibrations, matchers, 2, 2, 2, 2, 6, False)


def searcher_of(
    gallery: Gallery, matcher: str = EMBEDDING, matching: Matching | None = None, engine: Any = None, **how: Any
) -> Searcher:
    return Searcher(gallery, engine or CellEngine(), SIZE, matching, SearchConfig(matcher, **how))


def build(folder: Path, names: Sequence[str] = NAMES, viewpoints: Sequence[str] = VIEWPOINTS) -> Gallery:
    """Photo n is `n.png`; two photos of one animal are parts of one picture. The gallery lies in `artifacts`."""
    paths = [f"{number}.png" for number in range(len(names))]
    for number, name in enumerate(names):
        picture, seen = spots(sorted(set(names)).index(name)), names[:number].count(name)
        Image.fromarray(picture[8 * seen :, 10 * seen :]).save(folder / paths[number])
    columns = {"image_id": paths, "identity": list(names), "path": paths, "bbox": None, "orientation": list(viewpoints)}
    table = pd.DataFrame(columns).assign(date="", sha256=[sha256(folder / path) for path in paths])
    embeddings = CellEngine().run(np.stack([read_photo(folder / path, SIZE) for path in paths]))["embedding"]
    keypoints = KeypointIndex([read_keypoints(folder / path, None) for path in paths])
    source = Source(folder, folder, "fingerprint")
    return save_gallery(Gallery(table, embeddings, keypoints, source=source), folder / "artifacts")


def spots(seed: int, side: int = 300) -> np.ndarray:
    """A picture of spots, another one for each seed: uint8 (side, side, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 128, np.uint8)
    for _ in range(150):
        centre, axes = rng.integers(0, side, 2).tolist(), rng.integers(3, 20, 2).tolist()
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, rng.integers(0, 256, 3).tolist(), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0))
