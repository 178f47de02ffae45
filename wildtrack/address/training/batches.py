"""Which photos an optimiser step sees together: class numbers in, the rows of each batch of an epoch out.

`shuffled` shows every photo once. `balanced` shows P identities with K photos each (Hermans et al., "In Defense of the
Triplet Loss for Person Re-Identification", 2017): an animal with few photos counts as much as one with many, and every
photo has another one of its animal beside it, which losses over pairs need. `confused` also puts identities into one
batch that the network holds for alike (hard negative mining).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]


def shuffled_batches(count: int, batch_size: int, rng: np.random.Generator) -> list[Rows]:
    """Every row once, in random order; a rest smaller than a batch waits for another epoch.

    Returns:
        int arrays (batch_size,), or one of (count,) where there are fewer rows.
    """
    order = rng.permutation(count)
    whole = max(1, count // batch_size) * batch_size
    return [order[start : start + batch_size] for start in range(0, min(whole, count), batch_size)]


def balanced_batches(
    labels: Rows,
    batch_size: int,
    photos_per_identity: int,
    rng: np.random.Generator,
    similarity: npt.NDArray[np.floating] | None = None,
) -> list[Rows]:
    """P identities with K photos each in every batch, and as many batches as show as many photos as there are.

    All identities are gone through in random order before any comes again, and so are the photos of each. An identity
    with fewer than K photos repeats them; each time the photo is varied anew.

    Args:
        labels: Class numbers, shape (T,), every class from 0 to C - 1 among them, C at least 2.
        batch_size: P * K; what K does not divide is left out, but P is at least 2 and at most C.
        photos_per_identity: K, at least 2.
        rng: Source of all randomness.
        similarity: (C, C), how alike the identities look to the network: every second one of a batch is then the most
            similar to the one before, of those that are still to come. None: all are drawn.

    Returns:
        int arrays (P * K,), rows of one identity together.
    """
    num_ids = int(labels.max()) + 1
    per_batch = min(num_ids, max(2, batch_size // photos_per_identity))
    photos = [_rounds(np.flatnonzero(labels == number), rng) for number in range(num_ids)]
    batches, waiting = [], rng.permutation(num_ids)
    for _ in range(max(1, len(labels) // (per_batch * photos_per_identity))):
        chosen = _next_identities(waiting, per_batch, similarity)
        waiting = waiting[~np.isin(waiting, chosen)]
        if len(chosen) < per_batch:  # the round ends in this batch; those already in it come last in the next round
            later = rng.permutation(num_ids)
            later = np.concatenate([later[~np.isin(later, chosen)], later[np.isin(later, chosen)]])
            more = later[: per_batch - len(chosen)]
            chosen, waiting = np.concatenate([chosen, more]), later[len(more) :]
        rows = [next(photos[number]) for number in np.repeat(chosen, photos_per_identity)]
        batches.append(np.array(rows, dtype=np.intp))
    return batches


def _next_identities(waiting: Rows, count: int, similarity: npt.NDArray[np.floating] | None) -> Rows:
    """The next `count` of those waiting, or all where there are fewer; with `similarity`, each brings one like it."""
    if similarity is None or len(waiting) <= count:
        return waiting[:count]
    chosen: list[int] = []
    while len(chosen) < count:
        first, waiting = waiting[0], waiting[1:]
        mate = similarity[first, waiting].argmax()
        chosen += [first, waiting[mate]]
        waiting = np.delete(waiting, mate)
    return np.array(chosen[:count], dtype=np.intp)


def _rounds(rows: Rows, rng: np.random.Generator) -> Iterator[int]:
    """The rows in random order, again and again; no row comes twice in a round."""
    while True:
        yield from rng.permutation(rows).tolist()
