"""The SIFT keypoints of a photo: places and descriptors."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import Box, boxes
from wildtrack.access.photos.reader import READER_VERSION, PhotoError, photo_size, read_photo, scaled_size
from wildtrack.access.problems import gone_bad
from wildtrack.console import track
from wildtrack.storage.cache import Cache, CacheConfig, load_arrays
from wildtrack.storage.threads import in_threads

SIDE = 512  # pixels, the longer side that photos are resized to
MOST = 600  # keypoints kept, those of the strongest contrast
TILES = (8, 8)  # of the photo, in each of which the contrast is equalised
CLIP = 2.0  # how far, see `cv2.createCLAHE`
SCALE = 512.0  # RootSIFT's entries, 0 to 1 but seldom above 0.5, as bytes
KIND = f"RootSIFT {SIDE} {MOST} {TILES} {CLIP} {SCALE} OpenCV {cv2.__version__}"
SETTINGS = f"{KIND} reader {READER_VERSION}"


@dataclass(frozen=True, eq=False)
class Keypoints:
    """K keypoints of a photo."""

    places: npt.NDArray[np.float32]  # (K, 2): x and y, in pixels of the resized photo
    descriptors: npt.NDArray[np.uint8]  # (K, 128): RootSIFT times `SCALE`
    size: tuple[int, int]  # (height, width) of the resized photo

    @classmethod
    def none(cls, size: tuple[int, int] = (1, 1)) -> "Keypoints":
        """No keypoints: those of a photo that shows nothing, or is gone."""
        return cls(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8), size)


def find_keypoints(photo: npt.NDArray[np.uint8]) -> Keypoints:
    """At most `MOST` keypoints of a photo, uint8 (H, W, 3) RGB, the strongest first; thread-safe.

    SIFT (Lowe, IJCV 2004) after CLAHE, for photos in haze; descriptors are the roots of its entries (Arandjelovic and
    Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012).
    """
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    grey = cv2.createCLAHE(CLIP, TILES).apply(grey)  # an object a call: it is not safe across threads
    sift: Any = cv2.SIFT_create(nfeatures=MOST)  # type: ignore[attr-defined]  # OpenCV's stubs lack it
    found, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None:
        return Keypoints.none(photo.shape[:2])
    strongest = np.argsort([-point.response for point in found], kind="stable")[:MOST]
    shares = descriptors[strongest] / np.maximum(descriptors[strongest].sum(axis=1, keepdims=True), 1e-9)
    roots = np.clip(np.rint(SCALE * np.sqrt(shares)), 0, 255).astype(np.uint8)
    places = np.array([found[place].pt for place in strongest], np.float32)
    return Keypoints(places, roots, photo.shape[:2])


def read_keypoints(photo: Path | BinaryIO, bbox: Box | None) -> Keypoints:
    """The keypoints of a photo, a file or a seekable stream, with its longer side `SIDE` pixels; else PhotoError."""
    return find_keypoints(read_photo(photo, scaled_size(*photo_size(photo, bbox), SIDE), bbox))


def cached_keypoints(table: pd.DataFrame, root: Path, digests: Sequence[str], cache: CacheConfig) -> list[Keypoints]:
    """The keypoints of every photo of a catalogue, each computed once and then found by its digest, unless that is "".

    UserError where a photo that was there when the catalogue was read cannot be read any more.
    """
    entries = Cache(cache.root / "keypoints", ".npz", cache.cache_gb)  # one limit for all settings: old ones make room
    jobs = list(zip(table["path"], boxes(table), digests, strict=True))

    def look(job: tuple[str, Box | None, str]) -> Keypoints:
        path, box, digest = job
        key = hashlib.sha256(f"{SETTINGS} {digest} {box or ''}".encode()).hexdigest()
        known = entries.get(key, _load) if digest else None
        if known is not None:
            return known
        try:
            found = read_keypoints(root / path, box)
        except PhotoError as error:
            raise gone_bad(path, error) from error
        if digest:
            places, descriptors, size = found.places, found.descriptors, np.array(found.size)
            entries.put(
                key,
                lambda part: np.savez(part, allow_pickle=False, places=places, descriptors=descriptors, size=size),
            )
        return found

    found = list(track(in_threads(look, jobs), "Finding keypoints", len(jobs)))
    entries.trim()
    return found


def _load(entry: Path) -> Keypoints:
    arrays = load_arrays(entry)
    places, descriptors = arrays["places"], arrays["descriptors"]
    if places.shape != (len(places), 2) or descriptors.shape != (len(places), 128) or descriptors.dtype != np.uint8:
        raise ValueError(f"it holds {places.shape} and {descriptors.shape}")
    height, width = arrays["size"].tolist()
    return Keypoints(places, descriptors, (height, width))
