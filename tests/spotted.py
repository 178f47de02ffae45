"""Known photos that need no network: drawn spots, an engine that looks at colours, and evidence that was made up."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from wildtrack.access.photos.reader import read_photo
from wildtrack.address.features.keypoints import read_keypoints
from wildtrack.address.gallery.index import Index, save_index
from wildtrack.address.matching.calibration import Calibration, Evidence
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.learning import EMBEDDING, FUSED, LOCAL, LearntMatcher, Matching
from wildtrack.address.matching.local.voting import LocalIndex
from wildtrack.storage.files import sha256

SIZE = (32, 32)
NAMES = ("Ana", "Ana", "Blå", "Blå", "007", "NA")
SIDES = ("left", "left", "right", "", "", "left")


class CellEngine:
    """Looks at the mean colours of 16 parts of a photo."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        cells = photos.reshape(len(photos), 4, 8, 4, 8, 3).mean(axis=(2, 4)).reshape(len(photos), -1) - 128
        lengths = np.linalg.norm(cells, axis=1, keepdims=True)
        return {"embedding": (cells / np.maximum(lengths, 1e-9)).astype(np.float32)}


def straight(low: float, high: float, most: float) -> Calibration:
    return Calibration(np.array([low, high]), np.array([0.02, most]))


def fake_matching(
    sided: bool = False, weights: tuple[float, float, float] = (1.0, 0.5, -1.0), best: str = FUSED
) -> Matching:
    """Evidence as validation would have taught it, had there been one. A pair of two sides says little."""
    any_, other = straight(-0.2, 1.0, 0.9), straight(-0.2, 1.0, 0.1)
    evidence = {
        EMBEDDING: Evidence(0.1, (-1.0, 1.0), {"any": any_, "same": any_, "other": other}),
        LOCAL: Evidence(0.1, (0.0, 5000.0), {"any": straight(0.0, 2000.0, 0.9)}),
    }
    decider = Decider(weights, np.array([0.4, 0.8]), np.array([0.1, 0.6]), 0.5)
    matchers = {name: LearntMatcher(sided, decider, 1.0, 1.0) for name in (EMBEDDING, LOCAL, FUSED)}
    return Matching(best, evidence, matchers, 2, 2, 2, 2, 6, False)


def build(folder: Path, names: Sequence[str] = NAMES, sides: Sequence[str] = SIDES) -> Index:
    """Photo n is `n.png`; two photos of one animal are parts of one picture."""
    paths = [f"{number}.png" for number in range(len(names))]
    for number, name in enumerate(names):
        picture, seen = spots(sorted(set(names)).index(name)), names[:number].count(name)
        Image.fromarray(picture[8 * seen :, 10 * seen :]).save(folder / paths[number])
    columns = {"image_id": paths, "identity": list(names), "path": paths, "bbox": None, "orientation": list(sides)}
    meta = pd.DataFrame(columns).assign(date="", sha256=[sha256(folder / path) for path in paths])
    pixels = np.stack([read_photo(folder / path, SIZE) for path in paths])
    local = LocalIndex([read_keypoints(folder / path, None) for path in paths])
    embeddings = CellEngine().run(pixels)["embedding"]
    return save_index(folder / "artifacts", embeddings, meta, folder, folder, "fingerprint", local)


def spots(seed: int, side: int = 300) -> np.ndarray:
    """A picture of blots that no other seed has: uint8 (side, side, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 128, np.uint8)
    for _ in range(150):
        centre, axes = rng.integers(0, side, 2).tolist(), rng.integers(3, 20, 2).tolist()
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, rng.integers(0, 256, 3).tolist(), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0))
