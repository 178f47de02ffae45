from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wildtrack.address.evaluation.protocol import validation_protocol
from wildtrack.address.training.data import (
    ENOUGH_UNSEEN,
    FEW_IDENTITIES,
    TrainingSet,
    hold_out,
    training_set,
    training_warnings,
)


def training(*photos: int, valid: int = 3) -> TrainingSet:
    """So many photos of each identity."""
    labels = np.repeat(np.arange(len(photos)), photos)
    identities = tuple(f"id{number}" for number in range(len(photos)))
    return TrainingSet(np.arange(len(labels)), np.flatnonzero(np.diff(labels, prepend=-1))[:valid], labels, identities)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (training(*[5] * 10), []),
        (training(*[5] * 10, valid=1), ["all validation photos show 'id0'"]),
        (training(*[3] * 9, 30), []),
        (training(*[3] * 9, 31), ["'id9' has 31 training photos, a typical identity 3"]),
        (training(*[5] * 9), ["only 9 identities"]),
        (training(*[2] * 10), ["have 2 training photos or fewer"]),
        (training(*[1] * 10), ["have 1 training photo or fewer"]),
        (training(*[5] * 10, valid=0), ["no photo could be set aside for validation"]),
        (training(1, 40, 1, valid=0), ["only 3", "have 1", "'id1' has 40", "no photo"]),
    ],
)
def test_what_will_keep_a_training_from_being_good(rows: TrainingSet, said: list[str]) -> None:
    names = np.take(rows.identities, rows.labels)  # all photos are trained on
    warnings = training_warnings(rows, names, 0.15)
    assert len(warnings) == len(said)
    assert all(words in warning for words, warning in zip(said, warnings, strict=True))
    unwanted = training_warnings(replace(rows, valid=rows.valid[:0]), names, 0.0)
    assert not any("validation" in warning for warning in unwanted)


def test_only_animals_that_are_trained_on_can_be_validated() -> None:
    table = pd.DataFrame({"identity": list("aabbac")})
    rows = training_set(table, np.array(["train", "train", "train", "train", "valid", "valid"]))
    assert rows.valid.tolist() == [4] and rows.identities == ("a", "b")


def photographed(animals: int, photos: int = 10, together: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """So many photos of each animal, of ten 7 to train on, 1 to validate and 2 to test; and photos of two animals."""
    rows = [(f"id{animal}", f"{animal}/{photo}.jpg") for animal in range(animals) for photo in range(photos)]
    subsets = [("train", "train", "test", "train", "valid", "train", "train", "test", "train", "train")[n % 10]
             for n in range(len(rows))]  # fmt: skip
    for pair in range(together):
        rows += [(f"id{2 * pair}", f"both {pair}.jpg"), (f"id{2 * pair + 1}", f"both {pair}.jpg")]
        subsets += ["train", "train"]
    table = pd.DataFrame(rows, columns=["identity", "path"])
    return table.assign(sha256=table["path"] + table["identity"], image_id=np.arange(len(table))), np.array(subsets)


def kept(table: pd.DataFrame, subset: np.ndarray) -> set[str]:
    """The identities that are validated and not trained on."""
    return set(table["identity"][subset == "valid"]) - set(table["identity"][subset == "train"])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.25, 0.5])
def test_some_animals_are_kept_from_training(share: float, seed: int) -> None:
    table, subset = photographed(41)
    found = hold_out(table, subset, share, seed)
    unseen = kept(table, found)
    assert len(unseen) == min(int(share * 41), -(-ENOUGH_UNSEEN // 8))
    changed = found != subset
    assert (subset[changed] == "train").all() and (found[changed] == "valid").all()
    assert set(table["identity"][changed]) == unseen
    protocol = validation_protocol(table, table.assign(split=found))
    assert protocol is not None
    expected = np.flatnonzero(table["identity"].isin(unseen) & (found == "valid"))
    assert protocol.unknown.tolist() == expected.tolist()


def test_no_animal_is_kept_from_training_where_few_are_trained_or_validation_has_unknown_ones() -> None:
    for animals, count in ((2, 0), (FEW_IDENTITIES - 1, 0), (FEW_IDENTITIES, 2)):
        table, subset = photographed(animals)
        assert len(kept(table, hold_out(table, subset, 0.2, 0))) == count
    table, subset = photographed(12)
    for others, changed in (("test", ["id0", "id1", "id2"]), ("valid", ["id3"])):  # nine are left, or eleven
        given = np.where(table["identity"].isin(changed), others, subset)
        np.testing.assert_array_equal(hold_out(table, given, 0.5, 0), given)


@pytest.mark.parametrize("photo_id", [False, True])
def test_rows_of_one_photo_stay_together(photo_id: bool) -> None:
    table, subset = photographed(16, together=4)
    if photo_id:  # which names the photo where every row has a file of its own
        table = table.assign(photo_id=table["path"], path=[f"{row}.jpg" for row in range(len(table))])
    for seed in range(5):
        found = hold_out(table, subset, 0.5, seed)
        assert len(kept(table, found)) == 8 and not kept(table, found) & {f"id{animal}" for animal in range(8)}
        subsets = pd.Series(found).groupby(table["photo_id" if photo_id else "path"].to_numpy()).nunique()
        assert (subsets == 1).all()


def test_who_is_kept_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    table, subset = photographed(30, together=3)
    draws = set()
    for seed in range(5):
        found = hold_out(table, subset, 0.2, seed)
        draws.add(frozenset(kept(table, found)))
        order = np.random.default_rng(seed).permutation(len(table))
        np.testing.assert_array_equal(hold_out(table.iloc[order], subset[order], 0.2, seed), found[order])
    assert len(draws) > 1
