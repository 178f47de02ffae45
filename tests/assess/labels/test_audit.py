import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.helpers.features import unit
from tests.helpers.tables import catalogue
from wildtrack.assess.labels.audit import MIXED_COLUMNS, PAIR_COLUMNS, PHOTO_COLUMNS, Audit, audit_labels

Vectors = NDArray[np.float32]


def world(true: str, labels: str | None = None, noise: float = 0.25, **columns: Any) -> tuple[pd.DataFrame, Vectors]:
    """A row a letter: the vector is that of the animal `true` and some noise, the identity the letter in `labels`."""
    vectors = [np.random.default_rng(ord(letter)).normal(size=16) for letter in true]
    noises = np.random.default_rng(1).normal(size=(len(true), 16))
    return catalogue(labels or true, **columns), unit(np.reshape(vectors, (-1, 16)) + noise * noises)


def audit(table: pd.DataFrame, vectors: Vectors, hashes: NDArray[np.bool_] | None = None) -> Audit:
    return audit_labels(table, vectors, 12, hashes)


def lists(found: Audit) -> list[pd.DataFrame]:
    return [found.photos, found.pairs, found.identities]


def test_sound_labels_raise_no_suspicion() -> None:
    found = audit(*world("aaaabbbbccccdddd"))
    assert found.found_share == 1.0
    for part, columns in zip(lists(found), (PHOTO_COLUMNS, PAIR_COLUMNS, MIXED_COLUMNS), strict=True):
        assert part.empty and list(part) == columns


@pytest.mark.parametrize("boxes", [None, [None] * 15 + [(0, 0, 9, 9), (9, 9, 9, 9)]])
def test_two_names_of_one_photo_are_no_wrong_name(boxes: Any) -> None:
    """Row 16 is the photo of row 15, and looks like d: without boxes it shows both."""
    table, vectors = world("aaaabbbbccccddddd", "aaaabbbbccccddddb")
    assert audit(table, vectors).photos["image_id"].tolist() == ["r16"]
    table.loc[16, "path"] = "r15.jpg"
    if boxes is not None:
        table["bbox"] = pd.Series(boxes, dtype=object)
    assert audit(table, vectors).photos["image_id"].tolist() == ([] if boxes is None else ["r16"])


def test_photos_the_model_learnt_are_counted_where_they_are_labelled() -> None:
    table, vectors = world("aabb", "aab?")
    assert (audit(table, vectors).compared, audit(table, vectors).learnt) == (3, None)
    assert audit_labels(table, vectors, 12, None, np.array([True, False, True, True])).learnt == 2


def test_a_photo_under_another_name_comes_with_its_evidence() -> None:
    found = audit(*world("aaaabbbbccccdddd", "aaabbbbbccccdddd"))
    assert found.photos["image_id"].tolist() == ["r3"]
    row = found.photos.iloc[0]
    assert (row["identity"], row["suggested_identity"], row["votes"], row["own_votes"]) == ("b", "a", 3, 0)
    assert row["evidence_image_id"] in {"r0", "r1", "r2"}
    assert row["own_image_id"] in {"r4", "r5", "r6", "r7"}
    assert row["evidence_path"] == f"{row['evidence_image_id']}.jpg"
    assert row["score"] > 0.5
    assert found.pairs.empty


def test_two_names_of_one_animal() -> None:
    found = audit(*world("aaaaaabbbbccccdddd", "aaaeeebbbbccccdddd"))
    assert found.pairs[["identity_a", "identity_b", "photos_a", "photos_b"]].to_numpy().tolist() == [["a", "e", 3, 3]]
    assert found.pairs["image_id_a"].iloc[0] in {"r0", "r1", "r2"}
    assert found.pairs["image_id_b"].iloc[0] in {"r3", "r4", "r5"}
    assert found.identities.empty


def test_a_new_name_with_a_single_photo_of_a_known_animal() -> None:
    found = audit(*world("aaaabbbbccccdddd", "aaaebbbbccccdddd"))
    assert found.pairs[["identity_a", "identity_b"]].to_numpy().tolist() == [["a", "e"]]
    assert found.photos.empty  # it has no photo of its own to be nearer to


def test_one_name_of_two_animals() -> None:
    found = audit(*world("aaaaeeeebbbbccccdddd", "aaaaaaaabbbbccccdddd"))
    assert found.identities["identity"].tolist() == ["a"]
    row = found.identities.iloc[0]
    assert {row["photos_a"], row["photos_b"]} == {4}
    assert {row[name] in {"r0", "r1", "r2", "r3"} for name in ("image_id_a", "image_id_b")} == {True, False}


def test_two_sides_of_an_animal_are_not_two_animals() -> None:
    """Upper and lower case are the sides of an animal, which look nothing like each other."""
    true, labels = "aaaaAAAAbbbbBBBBccccCCCC", "aaaaaaaabbbbbbbbcccccccc"
    sides = ["left" if letter.islower() else "right" for letter in true]
    assert len(audit(*world(true, labels)).identities) == 3
    assert audit(*world(true, labels, orientation=sides)).identities.empty


BURST = "aaaaaaaaabbbbccccdddd", "aaabbbbbbbbbbccccdddd"  # a's last six photos bear b's name
SWAPPED = [f"r{row}" for row in range(3, 9)]


def test_a_swap_is_not_hidden_by_the_rest_of_its_burst_or_by_near_duplicates() -> None:
    days = [1, 2, 3, *[9] * 6, *range(13, 25)]
    dates = [f"2024-05-{day:02d}T10:{row:02d}:00" for row, day in enumerate(days)]
    hashes = np.random.default_rng(0).random((21, 64)) < 0.5
    assert audit(*world(*BURST)).photos.empty
    assert audit(*world(*BURST), hashes).photos.empty
    hashes[3:9] = hashes[3]
    for found in (audit(*world(*BURST, date=dates)), audit(*world(*BURST), hashes)):
        assert sorted(found.photos["image_id"]) == SWAPPED


def test_unlabelled_photos_are_not_compared() -> None:
    found = audit(*world("aaaabbbbaaaa", "aaaabbbb????"))
    assert found.found_share == 1.0
    assert found.photos.empty and found.pairs.empty


@pytest.mark.parametrize("letters", ["", "a", "aaaa", "abcd", "????"])
def test_too_little_to_say_anything(letters: str) -> None:
    found = audit(*world(letters))
    assert all(part.empty for part in lists(found))
    assert found.found_share == (1.0 if letters == "aaaa" else None)


def test_an_embedding_that_knows_nothing_says_so(caplog: pytest.LogCaptureFixture) -> None:
    table, _ = world("aabbccddee")
    vectors = unit(np.random.default_rng(0).normal(size=(5, 16)))[[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]]
    with caplog.at_level(logging.WARNING, "wildtrack"):
        found = audit(table, vectors)
    assert "does not tell these animals apart" in caplog.text
    assert found.photos.empty


def test_arrays_that_do_not_fit() -> None:
    table, vectors = world("aabb")
    for arguments in ((vectors[:3],), (vectors, np.zeros((3, 64), bool))):
        with pytest.raises(ValueError, match="one of each a row"):
            audit(table, *arguments)
    with pytest.raises(ValueError, match="length one"):
        audit(table, 2 * vectors)


NONE = pd.DataFrame()


def test_a_model_that_finds_half_of_the_animals_tells_them_apart() -> None:
    shares = (None, 0.0, 0.49, 0.5, 1.0)
    found = [Audit(NONE, NONE, NONE, share, 10, 10).tells_apart for share in shares]
    assert found == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("learnt", "others", "parts", "absent"),
    [
        (None, True, ["not known which photos"], "trained on none"),
        (0, True, ["trained on none of the 10 photos here", "never saw"], "may not show"),
        (4, True, ["trained on 4 of the 10 photos here only", "may not show"], "none"),
        (5, False, ["trained on 5 of the 10 photos here.", "may not show"], "only"),
        (10, False, ["trained on 10 of the 10 photos here.", "may not show"], "only"),
    ],
)
def test_the_origin_of_a_model(learnt: int | None, others: bool, parts: list[str], absent: str) -> None:
    given = Audit(NONE, NONE, NONE, 0.9, 10, learnt)
    assert given.is_of_others is others
    assert all(part in given.origin for part in parts)
    assert absent not in given.origin
