from collections import Counter

import numpy as np
import pytest

from tests.helpers.recipe import recipe
from wildtrack.address.training.batches import AugmentedBatches, balanced_batches, shuffled_batches
from wildtrack.address.training.data import TrainingSet


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("batches", ["shuffled", "balanced", "confused"])
def test_batches_and_their_photos_repeat_by_seed_epoch_and_step(batches: str) -> None:
    pixels = generator().integers(0, 256, (40, 24, 24, 3), dtype=np.uint8)
    subsets = TrainingSet(np.arange(20, 40), np.arange(0), np.arange(20) % 5, tuple("abcde"))

    def photos(seed: int = 0, epoch: int = 3, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        found = AugmentedBatches(pixels, subsets, recipe(batches=batches, seed=seed), (16, 12), (0.5, 1.0))
        found.start_epoch(epoch, np.eye(5))
        assert len(found) == 5
        made, labels = found[step]
        assert [each.tolist() for each in labels] == 2 * [subsets.labels[found.batches[step]].tolist()]
        assert made.shape == (4, 16, 12, 3)
        return made, np.concatenate(found.batches)

    for one, other in zip(photos(), photos(), strict=True):
        np.testing.assert_array_equal(one, other)
    for change in ({"seed": 1}, {"epoch": 4}, {"step": 2}):
        made, rows = photos(**change)
        assert (made != photos()[0]).any() and (rows != photos()[1]).any() == ("step" not in change)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 31])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_shuffled_batches_show_every_row_at_most_once(count: int, batch_size: int) -> None:
    batches = shuffled_batches(count, batch_size, generator())
    seen = np.concatenate(batches)
    assert len(set(seen)) == len(seen) and set(seen) <= set(range(count))
    assert {len(batch) for batch in batches} == {min(batch_size, count)} and len(seen) > count - batch_size


@pytest.mark.parametrize(
    ("counts", "batch_size", "photos_per_identity", "identities_a_batch"),
    [
        ([6, 6], 4, 2, 2),
        ([5, 5, 5, 5], 8, 4, 2),
        ([1, 9, 2, 3, 30], 8, 2, 4),
        ([1, 1], 16, 4, 2),  # fewer identities than fit
        ([4, 4, 4], 2, 4, 2),  # a batch too small for two identities has two all the same
        ([3] * 20, 17, 4, 4),
        ([1] * 7, 6, 2, 3),  # rounds end within batches
    ],
)
@pytest.mark.parametrize("confused", [False, True])
def test_balanced_batches(
    counts: list[int], batch_size: int, photos_per_identity: int, identities_a_batch: int, confused: bool
) -> None:
    labels = generator().permutation(np.repeat(np.arange(len(counts)), counts))
    similarity = generator(1).normal(size=(len(counts),) * 2) if confused else None
    batches = balanced_batches(labels, batch_size, photos_per_identity, generator(2), similarity)
    assert len(batches) == max(1, len(labels) // (identities_a_batch * photos_per_identity))
    shown = []
    for batch in batches:
        of_identity = Counter(labels[batch].tolist())
        assert set(of_identity.values()) == {photos_per_identity} and len(of_identity) == identities_a_batch
        for identity in of_identity:
            rows = batch[labels[batch] == identity]
            assert len(set(rows.tolist())) == min(counts[identity], photos_per_identity) or counts[identity] % 2
        shown += sorted(of_identity)
    times_shown = np.bincount(np.concatenate(batches), minlength=len(labels))
    assert np.ptp(np.bincount(shown, minlength=len(counts))) <= 1  # all identities are shown before one comes again,
    assert all(np.ptp(times_shown[labels == number]) <= 1 for number in range(len(counts)))  # and all photos of each


def test_confused_identities_meet() -> None:
    labels = np.repeat(np.arange(40), 4)
    similarity = np.zeros((40, 40))
    for one in range(0, 40, 2):  # 0 looks like 1, 2 like 3, ...
        similarity[one, one + 1] = similarity[one + 1, one] = 1.0

    def pairs_met(similarity: np.ndarray | None) -> int:
        batches = balanced_batches(labels, 16, 4, generator(), similarity)
        return sum(len({one, one + 1} & set(labels[batch])) == 2 for batch in batches for one in range(0, 40, 2))

    assert pairs_met(similarity) >= 8 > pairs_met(None)
