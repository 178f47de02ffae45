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
Hashes = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.intp]


def perceptual_hashes(pixels: Pixels) -> Hashes:
    """Hash each photo so that resized or recompressed copies get almost the same bits.

    The hash is `imagehash.phash` with hash_size 8: the signs of the 8 x 8 lowest frequencies of the
    grey photo's cosine transform, against their median.

    Args:
        pixels: Photos, uint8 RGB in 0-255, shape (N, H, W, 3). May be a memory map; read one photo at a time.
            Always of one size: the same photo at another size may have some other bits.

    Returns:
        Hashes, bool, shape (N, 64).

    Raises:
        ValueError: Another shape or dtype.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise ValueError(f"Photos are uint8 of shape (N, H, W, 3), not {pixels.dtype} of shape {pixels.shape}.")
    hashes = np.zeros((len(pixels), HASH_BITS), dtype=np.bool_)
    for row, photo in enumerate(track(pixels, description="Hashing photos", total=len(pixels))):
        hashes[row] = imagehash.phash(Image.fromarray(photo), hash_size=8).hash.ravel()
    return hashes


def is_flat(photo: Pixels) -> bool:
    """Whether a photo shows nothing, such as a black frame or empty water, so that its hash means nothing.

    That is: its 8 x 8 grid of mean grey values has a standard deviation below `FLAT_LEVELS`.
    """
    grid = Image.fromarray(photo).convert("F").resize((8, 8), Image.Resampling.BOX)
    return bool(np.asarray(grid).std() < FLAT_LEVELS)


def hash_words(hashes: Hashes) -> Words:
    """Each hash, bool (N, 64), as one uint64, shape (N,); ValueError for another shape or dtype."""
    if hashes.dtype != np.bool_ or hashes.ndim != 2 or hashes.shape[1] != HASH_BITS:
        raise ValueError(f"Hashes are bool of shape (N, 64), not {hashes.dtype} of shape {hashes.shape}.")
    return np.packbits(hashes, axis=1).view(np.uint64)[:, 0]


def bits_apart(words: Words, others: Words) -> npt.NDArray[np.uint8]:
    """The Hamming distances, 0-64, between hashes from `hash_words`; the arrays are broadcast."""
    distances: npt.NDArray[np.uint8] = np.bitwise_count(words ^ others)
    return distances


def near_duplicates(hashes_a: Hashes, hashes_b: Hashes, bits: int = NEAR_DUPLICATE_BITS) -> npt.NDArray[np.bool_]:
    """Find which photos of two sets look the same, as a matrix of all pairs.

    Args:
        hashes_a: Bool, shape (Q, 64).
        hashes_b: Bool, shape (G, 64).
        bits: The largest Hamming distance, 0-64, that still counts as the same picture.

    Returns:
        Bool, shape (Q, G). Working memory beyond it is bounded.

    Raises:
        ValueError: Hashes that are not bool, not 2-D, or not 64 bits long.
    """
    words, others = hash_words(hashes_a), hash_words(hashes_b)
    near = np.empty((len(words), len(others)), dtype=np.bool_)
    block = max(1, BLOCK_VALUES // max(1, len(others)))
    for start in range(0, len(words), block):
        near[start : start + block] = bits_apart(words[start : start + block, None], others) <= bits
    return near


def near_pairs(hashes: Hashes, bits: int = NEAR_DUPLICATE_BITS) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Find the pairs of photos that look the same among many, block by block.

    The search is exact. A FAISS binary index is ten times as fast as comparing all pairs (docs/benchmarks.md). Each
    block is compared with the photos before it and with itself, so that every pair comes once.

    Args:
        hashes: Bool, shape (N, 64).
        bits: The largest Hamming distance, 0-64, that still counts as the same picture.

    Yields:
        For each `SEARCHED_AT_ONCE` hashes: rows, the earlier rows they look like, and the distances in bits, each
        int of shape (pairs,).

    Raises:
        ValueError: Hashes that are not bool, not 2-D, or not 64 bits long.
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


def same_picture(thumbnails: Pixels, rows: Rows, others: Rows) -> npt.NDArray[np.bool_]:
    """Find which of the pairs with similar hashes are copies of one picture.

    The hash only sees coarse shapes, and two zebras that graze in one pose have the same. Copies also have nearly the
    same pixels: those of the thumbnails correlate by `SAME_PICTURE` or more, whatever the brightness and contrast.

    Args:
        thumbnails: Photos at a small size, uint8 RGB, shape (N, h, w, 3).
        rows: Int, shape (pairs,).
        others: Int, shape (pairs,).

    Returns:
        Bool, shape (pairs,).
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
    firsts = np.unique(components, return_index=True)[1]
    merged: Rows = firsts[components]
    return merged


def _standardised(thumbnails: Pixels) -> npt.NDArray[np.float32]:
    """Thumbnails as vectors (n, h * w * 3) of mean zero and length one (zero where all pixels are equal)."""
    vectors = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
