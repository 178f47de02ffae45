"""Local features: one index over all keypoints, and comparing the query with every photo, side by side in one run.

python -m benchmarks.local                                  1,000 to 16,000 known photos, 1,500 of them both ways
python -m benchmarks.local --photos 100 --sizes 100         a quick look
python -m benchmarks.local --data my_photos --photos 300    photos of your own; every eighth is a query

Where more photos are wanted than there are, they are repeated, with noise on the keypoints of each repeat.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.resident import peak_memory
from wildtrack import versions
from wildtrack.access.demo import DEMO, DEMO_NEW
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.photos.digests import photo_digests
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.features.keypoints import Keypoints, cached_keypoints
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.console import console, run, track
from wildtrack.storage.cache import CacheConfig

RATIO = 0.8  # Lowe's: a match counts whose distance is below this share of the second nearest's
NOISE = 6.0  # standard deviation, of a descriptor's bytes


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: Path = DEMO  # whose keypoints to use
    photos: int = 1500  # known photos, for the comparison
    pairs_queries: int = 5  # queries of the slow way
    queries: int = 50  # queries of the index
    sizes: tuple[int, ...] = (1000, 4000, 6000, 16_000)  # known photos, with the index alone


def main(config: Config) -> None:
    """Ask the same queries both ways."""
    if config.data == DEMO and not any(DEMO.glob("*")):
        make_demo(DEMO, DEMO_NEW)
    catalogue = load_catalogue(config.data)
    digests = photo_digests(catalogue.table, catalogue.root, CacheConfig())
    drawn = cached_keypoints(catalogue.table, catalogue.root, digests, CacheConfig())
    rows = np.arange(len(drawn))
    identities = catalogue.table["identity"].to_numpy()
    queries, asked_about = drawn[::8], identities[::8]
    known, names = [drawn[row] for row in rows[rows % 8 > 0]], identities[rows % 8 > 0]
    console.print(f"{np.mean([len(photo.places) for photo in drawn]):.0f} keypoints a photo; {versions()}")

    asked = [row % len(queries) for row in range(config.queries)]

    def is_right(row: int, photo: int) -> bool:
        return bool(names[photo % len(known)] == asked_about[row])

    def with_index(count: int) -> float:
        gallery = repeated(known, count)
        started = time.perf_counter()
        index = KeypointIndex(gallery)
        built = time.perf_counter() - started
        started = time.perf_counter()
        best = [int(index.votes(queries[row]).argmax()) for row in asked]
        seconds = (time.perf_counter() - started) / len(asked)
        right = sum(is_right(row, photo) for row, photo in zip(asked, best, strict=True))
        console.print(
            f"{count:6} photos, LNBNN and arrangement    {seconds:7.3f} s a query, {right} of {len(asked)} right; "
            f"built in {built:.0f} s{memory_so_far()}"
        )
        return seconds

    fast = with_index(config.photos)
    gallery, slowly = repeated(known, config.photos), asked[: config.pairs_queries]
    each = [all_pairs(queries[row], gallery) for row in track(slowly, "Comparing all pairs", len(slowly))]
    slow = float(np.mean([seconds for seconds, _ in each]))
    right = sum(is_right(row, photo) for row, (_, photo) in zip(slowly, each, strict=True))
    console.print(
        f"{config.photos:6} photos, BFMatcher with every photo {slow:7.3f} s a query, {right} of {len(each)} right; "
        f"the index is {slow / fast:.0f} x as fast"
    )
    del gallery
    for count in config.sizes:
        with_index(count)


def memory_so_far() -> str:
    """In words, what this process has taken at most; "" where nobody knows."""
    most = peak_memory()
    return "" if most is None else f"; at most {most:.1f} GB of memory so far"


def repeated(known: list[Keypoints], count: int) -> list[Keypoints]:
    """So many photos: those given, over and over, each repeat with noise of its own."""
    rng = np.random.default_rng(0)
    photos = []
    for row in range(count):
        photo = known[row % len(known)]
        noise = np.rint(rng.normal(0, NOISE, photo.descriptors.shape)) if row >= len(known) else 0
        changed = np.clip(photo.descriptors + noise, 0, 255).astype(np.uint8)
        photos.append(Keypoints(photo.places, changed, photo.size))
    return photos


def all_pairs(query: Keypoints, gallery: list[Keypoints]) -> tuple[float, int]:
    """Seconds, and the photo with most matches that pass the ratio test, by comparing the query with every photo."""
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    started = time.perf_counter()
    asked = query.descriptors.astype(np.float32)
    votes = []
    for photo in gallery:
        pairs = matcher.knnMatch(asked, photo.descriptors.astype(np.float32), k=2)
        votes.append(sum(len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance for pair in pairs))
    return time.perf_counter() - started, int(np.argmax(votes))


if __name__ == "__main__":
    run(main, Config(), __doc__)
