"""Which photos an optimiser step sees together, and the batches of varied photos that `fit` is fed with.

Shuffled batches show every photo once. Balanced ones show P identities with K photos each (Hermans et al., "In Defense
of the Triplet Loss for Person Re-Identification", 2017): all identities count alike, and losses over pairs find a mate
for every photo. Confused ones also bring together identities that look alike to the network (hard negative mining).
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from wildtrack.address.training.augmentation import augment
from wildtrack.address.training.data import TrainingSet
from wildtrack.address.training.recipe import Recipe

Rows = np.ndarray  # int


class AugmentedBatches:
    """The batches of one epoch: photos uint8 (B, H, W, 3), and class numbers (B,) once for each output of the network.

    A batch depends on the seed, the epoch and the step alone, so an interrupted training goes on as it would have.
    """

    def __init__(
        self, pixels: np.ndarray, subsets: TrainingSet, recipe: Recipe, size: tuple[int, int], crop: tuple[float, float]
    ) -> None:
        self.pixels, self.subsets, self.recipe = pixels, subsets, recipe
        self.size, self.crop_area = size, crop
        self.start_epoch(0)  # `fit` looks at a batch before the first epoch begins

    def start_epoch(self, epoch: int, similarity: np.ndarray | None = None) -> None:
        """Choose the batches of an epoch (from 0); confused ones by the `similarity` of identities, (C, C)."""
        recipe, labels = self.recipe, self.subsets.labels
        self.epoch, rng = epoch, np.random.default_rng([recipe.seed, epoch])
        if recipe.batches == "shuffled":
            self.batches = shuffled_batches(len(labels), recipe.batch_size, rng)
        else:
            self.batches = balanced_batches(labels, recipe.batch_size, recipe.photos_per_identity, rng, similarity)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        batch, photos = self.batches[step], []
        for place, row in enumerate(self.subsets.train[batch]):
            rng = np.random.default_rng([self.recipe.seed, self.epoch, step, place])
            photos.append(augment(self.pixels[row], self.size, rng, self.crop_area))
        labels = self.subsets.labels[batch]
        return np.stack(photos), (labels, labels)

    def dataset(self) -> tf.data.Dataset:
        """The batches of the epoch last started, made ahead by a thread of their own.

        A `keras.utils.PyDataset` takes a thread that the network needs: measured, an epoch is up to 1.6 times as long.
        """
        photos, labels = tf.TensorSpec((None, *self.size, 3), tf.uint8), tf.TensorSpec((None,), tf.int64)
        options = tf.data.Options()
        options.threading.private_threadpool_size = 1
        made = tf.data.Dataset.from_generator(
            lambda: map(self.__getitem__, range(len(self))), output_signature=(photos, (labels, labels))
        )
        return made.apply(tf.data.experimental.assert_cardinality(len(self))).prefetch(2).with_options(options)


def shuffled_batches(count: int, batch_size: int, rng: np.random.Generator) -> list[Rows]:
    """Rows in random order, in arrays (batch_size,) or, where there are fewer, one (count,); a rest is left out."""
    order = rng.permutation(count)
    whole = max(1, count // batch_size) * batch_size
    return [order[start : start + batch_size] for start in range(0, min(whole, count), batch_size)]


def balanced_batches(
    labels: Rows,
    batch_size: int,
    photos_per_identity: int,
    rng: np.random.Generator,
    similarity: np.ndarray | None = None,
) -> list[Rows]:
    """Rows of P >= 2 identities with K photos each, (P * K,), in batches that show as many photos as there are.

    All C >= 2 identities are shown in random order before any comes again, and so are the photos of each; where there
    are fewer than K, they repeat. With `similarity` (C, C), every second identity is the one most like that before it.
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


def _next_identities(waiting: Rows, count: int, similarity: np.ndarray | None) -> Rows:
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
