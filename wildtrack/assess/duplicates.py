"""Photos that show the same picture: uint8 pixels in, 64-bit hashes and the pairs that nearly agree out."""

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from wildtrack.console import track

HASH_BITS = 64
NEAR_DUPLICATE_BITS = 10
BLOCK_CELLS = 1 << 23  # pairs compared at once: 32 MB of float32


def perceptual_hashes(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
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


def near_duplicates(
    hashes_a: npt.NDArray[np.bool_], hashes_b: npt.NDArray[np.bool_], bits: int = NEAR_DUPLICATE_BITS
) -> npt.NDArray[np.bool_]:
    """Say which photos of two sets look the same.

    Args:
        hashes_a: Bool, shape (Q, 64).
        hashes_b: Bool, shape (G, 64).
        bits: The largest Hamming distance, 0-64, that still counts as the same picture.

    Returns:
        Bool, shape (Q, G). Working memory beyond it is bounded.

    Raises:
        ValueError: Hashes that are not bool, not 2-D, or not 64 bits long.
    """
    for hashes in (hashes_a, hashes_b):
        if hashes.dtype != np.bool_ or hashes.ndim != 2 or hashes.shape[1] != HASH_BITS:
            raise ValueError(f"Hashes are bool of shape (N, 64), not {hashes.dtype} of shape {hashes.shape}.")
    # With bits as -1 and +1 the dot product is 64 - 2 * distance: one exact matrix product.
    signs_a, signs_b = (np.where(hashes, np.float32(1), np.float32(-1)) for hashes in (hashes_a, hashes_b))
    near = np.empty((len(hashes_a), len(hashes_b)), dtype=np.bool_)
    block = max(1, BLOCK_CELLS // max(1, len(hashes_b)))
    for start in range(0, len(hashes_a), block):
        rows = slice(start, start + block)
        near[rows] = signs_a[rows] @ signs_b.T >= HASH_BITS - 2 * bits  # (block, G)
    return near
