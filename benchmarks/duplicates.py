"""Near-duplicates among many photos, found through the FAISS index and by comparing all pairs, side by side in one run.

python -m benchmarks.duplicates                     100,000 hashes
python -m benchmarks.duplicates --photos 5000     a quick look
"""

import time
from dataclasses import dataclass

import numpy as np

from wildtrack import versions
from wildtrack.assess.duplicates.hashes import HASH_BITS, NEAR_DUPLICATE_BITS, near_duplicates, near_pairs
from wildtrack.console import console, run
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    photos: int = 100_000  # how many hashes
    copies: int = 2_000  # how many of them are copies of another one, with up to 12 bits changed
    at_once: int = 2_000  # rows of all pairs in memory at once


def main(config: Config) -> None:
    """Find the same pairs both ways."""
    hashes = planted_hashes(config.photos, config.copies)
    console.print(f"{config.photos} hashes, {config.copies} of them planted copies; {versions()}")
    started = time.perf_counter()
    blocks = [np.stack([earlier, rows]) for rows, earlier, _ in near_pairs(hashes)]
    through_index = time.perf_counter() - started
    found = sorted(zip(*np.concatenate(blocks, axis=1).tolist(), strict=True))
    started = time.perf_counter()
    expected = all_pairs(hashes, config.at_once)
    by_pairs = time.perf_counter() - started
    if found != expected:
        raise UserError(f"the index found {len(found)} pairs, and comparing all pairs found {len(expected)}")
    console.print(f"the same {len(found)} pairs of at most {NEAR_DUPLICATE_BITS} bits found both ways")
    console.print(f"all pairs, NumPy  {by_pairs:8.2f} s")
    console.print(f"FAISS index       {through_index:8.2f} s  {by_pairs / through_index:4.1f} x as fast")


def planted_hashes(photos: int, copies: int) -> np.ndarray:
    """Hashes bool (photos, 64), half of whose bits are set as in real ones; the last are changed copies of others."""
    rng = np.random.default_rng(0)
    values = rng.random((photos, HASH_BITS))
    hashes = values > np.median(values, axis=1, keepdims=True)
    for row in range(photos - copies, photos):
        changed = rng.choice(HASH_BITS, rng.integers(0, 13), replace=False)
        hashes[row] = hashes[rng.integers(0, photos - copies)]
        hashes[row, changed] ^= True
    return hashes


def all_pairs(hashes: np.ndarray, at_once: int) -> list[tuple[int, int]]:
    """Every pair (earlier, later) of near-duplicates, by comparing each block of rows with all rows up to its end."""
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(hashes), at_once):
        stop = min(start + at_once, len(hashes))
        later, earlier = np.nonzero(near_duplicates(hashes[start:stop], hashes[:stop]))
        pairs += [(a, b) for a, b in zip(earlier.tolist(), (later + start).tolist(), strict=True) if a < b]
    return sorted(pairs)


if __name__ == "__main__":
    run(main, Config(), __doc__)
