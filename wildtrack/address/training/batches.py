"""Which photos an optimiser step sees together, and the batches of varied photos that `fit` is fed with.

`shuffled` shows every photo once. `balanced` shows P identities with K photos each (Hermans et al., "In Defense of the
Triplet Loss for Person Re-Identification", 2017): an animal with few photos counts as much as one with many, and every
photo has another one of its animal in its batch, which losses over pairs need. `confused` also puts identities into one
batch that the network holds for alike (hard negative mining).
"""

from collections.abc import Iterator

import keras
import numpy as np
import numpy.typing as npt

from wildtrack.address.training.augmentation import augment
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.recipe import Recipe

Rows = npt.NDArray[np.intp]


class AugmentedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of one epoch: photos uint8 (B, H, W, 3), and class numbers (B,) once for each output of the network.

    A batch depends on the seed, the epoch and the step alone: a training repeats, and goes on after an interruption as
    if there had been none.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        subsets: TrainingSet,
        recipe: Recipe,
        size: tuple[int, int],
        crop_area: tuple[float, float],
    ) -> None:
        super().__init__(workers=1)  # more workers are a pool of Keras' own, which takes 0.1 s to stop after each epoch
        self.pixels, self.subsets, self.recipe = pixels, subsets, recipe
        self.size, self.crop_area = size, crop_area
        self.start_epoch(0)  # `fit` looks at two batches before the first epoch begins

    def start_epoch(self, epoch: int, similarity: np.ndarray | None = None) -> None:
        """Choose the batches of an epoch (from 0); `similarity` (C, C) is for confused ones.

        `PyDataset.on_epoch_begin` would be the place, but Keras does not tell it the epoch.
        """
        self.epoch, self.batches = epoch, epoch_batches(self.subsets.labels, self.recipe, epoch, similarity)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        batch = self.batches[step]
        rngs = (np.random.default_rng([self.recipe.seed, self.epoch, step, place]) for place in range(len(batch)))
        rows = self.subsets.train[batch]
        photos = [
            augment(self.pixels[row], self.size, rng, self.crop_area) for row, rng in zip(rows, rngs, strict=True)
        ]
        labels = self.subsets.labels[batch]
        return np.stack(photos), (labels, labels)


def epoch_batches(
    labels: np.ndarray, recipe: Recipe, epoch: int, similarity: np.ndarray | None = None
) -> list[np.ndarray]:
    """The rows of each batch of an epoch (from 0); every epoch has as many batches."""
    rng = np.random.default_rng([recipe.seed, epoch])
    if recipe.batches == "shuffled":
        return shuffled_batches(len(labels), recipe.batch_size, rng)
    return balanced_batches(labels, recipe.batch_size, recipe.photos_per_identity, rng, similarity)


def shuffled_batches(count: int, batch_size: int, rng: np.random.Generator) -> list[Rows]:
    """Every row once, in random order, in arrays (batch_size,), or one of (count,) where there are fewer rows.

    A rest smaller than a batch waits for another epoch.
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
