"""Photos that show the same picture: uint8 pixels in, 64-bit hashes and the pairs that nearly agree out."""

from collections.abc import Iterator

import faiss
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from wildtrack.console import track

HASH_BITS = 64
NEAR_DUPLICATE_BITS = 10
SAME_PICTURE = 0.95  # correlation; copies have 0.97 and more, different animals in one pose up to 0.93
FLAT_LEVELS = 2.0  # of 255; below it, what a hash sees is the camera's noise
BLOCK_VALUES = 1 << 22  # pairs of hashes compared at once: 32 MB
CONFIRMED_AT_ONCE = 1024  # pairs of thumbnails; 25 MB of float32
SEARCHED_AT_ONCE = 256  # hashes; bounds the pairs in memory however many photos look the same

Pixels = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.bool_]  # (N, 64)
Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.intp]


def perceptual_hashes(pixels: Pixels) -> Hashes:
    """The `imagehash.phash` of each photo, bool (N, 64); resized or recompressed copies have almost the same bits.

    `pixels`: uint8 RGB (N, H, W, 3), always of one size, as the size changes some bits; may be a memory map.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise ValueError(f"Photos are uint8 of shape (N, H, W, 3), not {pixels.dtype} of shape {pixels.shape}.")
    hashes = np.zeros((len(pixels), HASH_BITS), dtype=np.bool_)
    for row, photo in enumerate(track(pixels, description="Hashing photos", total=len(pixels))):
        hashes[row] = imagehash.phash(Image.fromarray(photo), hash_size=8).hash.ravel()
    return hashes


def is_flat(photo: Pixels) -> bool:
    """Whether a photo shows nothing, such as a black frame or empty water, so that its hash means nothing."""
    grid = Image.fromarray(photo).convert("F").resize((8, 8), Image.Resampling.BOX)
    return bool(np.asarray(grid).std() < FLAT_LEVELS)


def check_hashes(hashes: Hashes | None, rows: int) -> None:
    """Raise a ValueError for another number of hashes than of rows; None passes."""
    if hashes is not None and len(hashes) != rows:
        raise ValueError(f"{len(hashes)} hashes for {rows} rows; there must be one a row.")


def hash_words(hashes: Hashes) -> Words:
    """Each hash, bool (N, 64), as one uint64, shape (N,); ValueError for another shape or dtype."""
    if hashes.dtype != np.bool_ or hashes.ndim != 2 or hashes.shape[1] != HASH_BITS:
        raise ValueError(f"Hashes are bool of shape (N, 64), not {hashes.dtype} of shape {hashes.shape}.")
    return np.packbits(hashes, axis=1).view(np.uint64)[:, 0]


def bits_apart(words: Words, others: Words) -> npt.NDArray[np.uint8]:
    """The Hamming distances, 0-64, between hashes from `hash_words`; the arrays are broadcast."""
    distances: npt.NDArray[np.uint8] = np.bitwise_count(words ^ others)
    return distances


def near_duplicates(hashes_a: Hashes, hashes_b: Hashes, bits: int = NEAR_DUPLICATE_BITS) -> Flags:
    """Which photos of two sets, hashed (Q, 64) and (G, 64), differ in at most `bits`: bool (Q, G)."""
    words, others = hash_words(hashes_a), hash_words(hashes_b)
    near = np.empty((len(words), len(others)), dtype=np.bool_)
    block = max(1, BLOCK_VALUES // max(1, len(others)))
    for start in range(0, len(words), block):
        near[start : start + block] = bits_apart(words[start : start + block, None], others) <= bits
    return near


def near_pairs(hashes: Hashes, bits: int = NEAR_DUPLICATE_BITS) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Yield, for `SEARCHED_AT_ONCE` hashes at a time, rows, the earlier rows within `bits` of them, and distances.

    Each pair comes once. A FAISS binary index is exact, and ten times as fast as all pairs (docs/benchmarks.md).
    """
    packed = hash_words(hashes).view(np.uint8).reshape(-1, HASH_BITS // 8)
    index = faiss.IndexBinaryFlat(HASH_BITS)
    for start in range(0, len(packed), SEARCHED_AT_ONCE):
        block = packed[start : start + SEARCHED_AT_ONCE]
        index.add(block)
        limits, distances, found = index.range_search(block, bits + 1)  # FAISS means "less than"
        rows = start + np.repeat(np.arange(len(block)), np.diff(limits.astype(np.intp)))
        earlier = found < rows
        yield rows[earlier], found[earlier].astype(np.intp), distances[earlier].astype(np.intp)


def same_picture(thumbnails: Pixels, rows: Rows, others: Rows) -> Flags:
    """Which pairs with similar hashes are copies, bool (pairs,): their thumbnails, uint8 (N, h, w, 3), correlate.

    Two zebras that graze in one pose have the same hash; `SAME_PICTURE` holds whatever the brightness and contrast.
    """
    same = np.zeros(len(rows), dtype=np.bool_)
    for start in range(0, len(rows), CONFIRMED_AT_ONCE):
        block = slice(start, start + CONFIRMED_AT_ONCE)
        ones, twos = (_standardised(thumbnails[places[block]]) for places in (rows, others))
        same[block] = (ones * twos).sum(axis=1) >= SAME_PICTURE
    return same


def near_duplicate_labels(hashes: Hashes) -> Rows:
    """Labels of the photos, int (N,): near-duplicates and what they connect share one, the first row that has it."""
    labels = np.arange(len(hashes))
    for rows, earlier, _ in near_pairs(hashes):
        labels = join(labels, rows, earlier)
    return labels


def join(labels: Rows, rows: Rows, others: Rows) -> Rows:
    """The labels, int (N,), each the first row of its group, once the pairs of rows and others are merged."""
    if not len(rows):
        return labels
    ends = np.concatenate([np.arange(len(labels)), rows]), np.concatenate([labels, others])
    links = coo_array((np.ones(len(ends[0]), dtype=np.bool_), ends), shape=(len(labels), len(labels)))
    components = connected_components(links, directed=False)[1]
    merged: Rows = np.unique(components, return_index=True)[1][components]
    return merged


def _standardised(thumbnails: Pixels) -> npt.NDArray[np.float32]:
    """Thumbnails as vectors (n, h * w * 3) of mean zero and length one (zero where all pixels are equal)."""
    vectors = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return vectors
