import logging
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.helpers.tables import catalogue, days
from wildtrack.assess.splits import Split, SplitConfig, make_split
from wildtrack.errors import UserError

SETTINGS: dict[str, Any] = {"split": "auto", "encounter_hours": 12, "test_share": 0.25, "valid_share": 0.2, "seed": 3}


def split_of(table: pd.DataFrame, hashes: NDArray[np.bool_] | None = None, **config: Any) -> Split:
    return make_split(table, hashes, SplitConfig(**(SETTINGS | config)))


def subsets(table: pd.DataFrame, hashes: NDArray[np.bool_] | None = None, **config: Any) -> list[str]:
    return [str(word) for word in split_of(table, hashes, **config).subset]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (days(1), ["train"]),
        (days(1, 1, 1), ["train"] * 3),
        (days(2, 1), ["test", "train"]),
        (days(3, 1, 2), ["test", "train", "valid"]),
        (days(1, 1, 1, 1, 9), ["train"] * 4 + ["test"]),
        (days(1, 9, 9, 9, 9), ["train"] + ["test"] * 4),
        (days(1, 2, 3, 4, 5, 6, 7, 8), ["train"] * 5 + ["valid"] + ["test"] * 2),
        (days(1, 2, None, 3), ["train", "valid", "train", "test"]),
        (days(1, None), ["test", "train"]),
    ],
)
def test_later_encounters_are_tested(dates: Any, expected: Any) -> None:
    assert subsets(catalogue(["a"] * len(dates), date=dates)) == expected


def test_a_share_of_0_leaves_the_subset_empty() -> None:
    table = catalogue("aaaa", date=days(1, 2, 3, 4))
    assert subsets(table, valid_share=0) == ["train", "train", "train", "test"]
    assert subsets(table, test_share=0, valid_share=0) == ["train"] * 4


def test_auto_takes_the_catalogue_then_dates_then_chance() -> None:
    table = catalogue("aabb")
    dated = table.assign(date=days(1, 2, 1, None))
    own = dated.assign(split=["test", "train", "train", "valid"])
    assert "near-duplicate" in split_of(table, np.eye(4, 64, dtype=bool)).method
    assert split_of(dated).method == "by encounter: the later ones are tested; photos without a date (1) stay in train"
    assert split_of(own).method == "the catalogue's own split"
    assert subsets(own) == ["test", "train", "train", "valid"]
    assert split_of(own.assign(split=None)).method.startswith("by encounter")
    assert split_of(own, split="random").method == "random, with encounters kept in one subset"


@pytest.mark.parametrize(
    ("dates", "method"),
    [
        (
            ["2024-05-01", *[None] * 9],
            "random, with encounters .*; with a date on 1 of 10 photos, photos of one occasion",
        ),
        ([*days(1, 2, 3, 4), *[None] * 6], "random, with encounters"),
        ([*days(1, 2, 3, 4, 5), *[None] * 5], "by encounter: .*; photos without a date \\(5\\) stay in train"),
        (days(*range(1, 11)), "by encounter: the later ones are tested$"),
    ],
)
def test_auto_goes_by_encounters_where_most_photos_have_a_date(dates: Any, method: str) -> None:
    table = catalogue("aaaaabbbbb", date=pd.Series(dates, dtype=object))
    assert re.match(method, split_of(table).method)
    assert split_of(table, split="encounter").method.startswith("by encounter")  # who says so knows


def test_a_cutoff_is_a_day_where_the_photos_were_taken() -> None:
    table = catalogue("ab", date=["2024-05-31T08:00:00+13:00", "2024-06-01T08:00:00+13:00"])  # 31 May in UTC
    assert subsets(table, split="cutoff", cutoff="2024-06-01") == ["train", "test"]


def test_the_column_encounter_keeps_photos_together_without_dates() -> None:
    table = catalogue("aaaa", encounter=["x", "x", "y", "y"])
    for seed in range(5):
        subset = subsets(table, seed=seed)
        assert subset[0] == subset[1] != subset[2] == subset[3]
    assert split_of(table).method.startswith("random, with encounters kept in one subset; without dates, photos of one")


def test_random_depends_on_the_seed() -> None:
    table = catalogue(["a"] * 30)
    assert subsets(table, seed=1) == subsets(table, seed=1) != subsets(table, seed=2)


def test_two_animals_in_one_photo_go_together_and_nobody_loses_the_last_photo() -> None:
    table = catalogue("aab", photo_id=["p", "q", "q"], date=days(1, 9, 9))
    assert subsets(table) == ["test", "train", "train"]  # q is the later one, but b has nothing else


def test_a_catalogue_split_gets_valid_out_of_train() -> None:
    own = catalogue("aaaaaa", split=["test", "test", "train", "train", "train", "train"])
    dated = own.assign(date=days(1, 1, 9, 4, 3, 3))
    assert subsets(dated) == ["test", "test", "valid", "train", "train", "train"]
    assert split_of(dated).method == "the catalogue's own split, valid carved out of train by encounter"
    assert sorted(subsets(own)[2:]) == ["train", "train", "train", "valid"]
    assert split_of(own).method == "the catalogue's own split, valid carved out of train at random"
    assert subsets(own, valid_share=0) == own["split"].tolist()


def test_a_catalogue_split_that_tears_a_photo_is_left_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    table = catalogue("aba", photo_id=["p", "p", "q"], split=["train", "test", "valid"])
    with caplog.at_level(logging.WARNING):
        assert subsets(table) == ["train", "test", "valid"]
    assert "rows in two subsets of the catalogue's own split, left as they are: 1" in caplog.text


@pytest.mark.parametrize(
    ("dates", "advises_random"), [(days(1, 1), False), (days(1, 1, None, None), True), (days(None), False), ([], False)]
)
def test_an_empty_test_subset_is_reported(caplog: pytest.LogCaptureFixture, dates: Any, advises_random: bool) -> None:
    table = catalogue("abcc"[: len(dates)], date=pd.Series(dates, dtype=object))
    with caplog.at_level(logging.WARNING):
        assert subsets(table) == ["train"] * len(dates)
    assert "lower --encounter-hours 12" in caplog.text
    assert ("choose --split random" in caplog.text) == advises_random


@pytest.mark.parametrize(
    ("columns", "config", "message"),
    [
        ({}, {"split": "closed"}, "--split 'closed' is not allowed; it must be one of auto, catalogue, encounter"),
        ({}, {"split": "catalogue"}, "no column `split`"),
        ({"split": [None, ""]}, {"split": "catalogue"}, "no column `split`"),
        ({}, {"split": "encounter"}, "no photo has a date that can be used"),
        ({"date": [None, "soon"]}, {"split": "encounter"}, "no photo has a date that can be used"),
        ({"split": ["train", "left"]}, {}, "it says left; allowed: train"),
        ({"split": ["train", "valid"]}, {}, "None of the 2 named photos that can be used is test"),
        ({"split": ["valid", "test"]}, {}, "None of the . named photos that can be used is train"),
        ({}, {"test_share": 1}, "--test-share 1 is not allowed"),
        ({}, {"valid_share": -0.1}, "--valid-share -0.1 is not allowed"),
        ({}, {"test_share": float("nan")}, "--test-share nan is not allowed"),
        ({}, {"encounter_hours": -2}, "--encounter-hours -2 is not allowed"),
        ({}, {"identities": "half"}, "--identities 'half' is not allowed; it must be one of closed, open, disjoint"),
        ({}, {"identities": "open", "held_out_share": 0}, "--held-out-share 0 is not allowed"),
        ({}, {"identities": "disjoint", "held_out_share": 1}, "--held-out-share 1 is not allowed"),
        ({"split": ["train", "test"]}, {"identities": "open", "split": "catalogue"}, "chooses the test photos itself"),
        ({"photo_id": ["p", "p"], "identity": ["a", "b"]}, {"identities": "open"}, "share photos"),
        ({}, {"split": "cutoff"}, "do not go together"),
        ({}, {"split": "cutoff", "cutoff": "2024"}, "no photo has a date that can be used"),
        ({"date": days(1, 2)}, {"cutoff": "2024"}, "do not go together"),
        ({"date": days(1, 2)}, {"split": "cutoff", "cutoff": "May"}, "--cutoff 'May' is not a day"),
        ({"date": days(1, 9)}, {"split": "cutoff", "cutoff": "2023"}, "leaves no photo before it"),
        ({"date": days(1, 9)}, {"split": "cutoff", "cutoff": "2025"}, "leaves no photo after it"),
        ({}, {"split": "cutoff", "cutoff": "2024-05-05", "identities": "open"}, "chooses the test photos"),
    ],
)
def test_a_config_or_catalogue_that_cannot_be_split_is_refused(
    columns: dict[str, Any], config: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        subsets(catalogue("aa").assign(**columns), **config)


def test_unknown_animals_have_no_subset() -> None:
    with pytest.raises(ValueError, match="unknown"):
        subsets(catalogue("a?"))


@pytest.mark.parametrize(
    ("dates", "cutoff", "expected"),
    [
        (days(1, 5, 9, 20), "2024-05-09", ["train", "train", "test", "test"]),
        (days(1, None, 9, 20), "2024-05-05", ["train", "train", "test", "test"]),
        (days(8, 9, 1, 20), "2024-05-09", ["train", "test", "train", "test"]),
        (["2024-05-08T22:00:00", "2024-05-09T03:00:00", *days(1, 20)], "2024-05-09", ["train"] * 3 + ["test"]),
        (["2023-05-08", "2024-05-09", "2023-01-01", "2025-01-01"], "2024", ["train", "test", "train", "test"]),
        (days(1, 5, 9, 20), "2024-05-09T02:00+02:00", ["train", "train", "test", "test"]),
    ],
)
def test_what_begins_after_a_day_is_tested(dates: Any, cutoff: str, expected: list[str]) -> None:
    table = catalogue("aabc", date=pd.Series(dates, dtype=object))
    assert subsets(table, split="cutoff", cutoff=cutoff, valid_share=0) == expected
    assert cutoff in split_of(table, split="cutoff", cutoff=cutoff).method


@pytest.mark.parametrize(("share", "held_out"), [(0.01, 1), (0.2, 2), (0.5, 5), (0.99, 9)])
@pytest.mark.parametrize("identities", ["open", "disjoint"])
def test_identities_are_held_out_whole(share: float, held_out: int, identities: str) -> None:
    table = catalogue([f"t{row % 10}" for row in range(60)])
    split = split_of(table, identities=identities, held_out_share=share)
    by_identity = pd.Series(split.subset).groupby(table["identity"])
    new = by_identity.agg(lambda words: set(words) == {"test"})
    assert new.sum() == held_out
    assert f"{held_out} identities held out whole" in split.method
    others = pd.Series(split.subset)[~table["identity"].isin(new[new].index)]
    assert set(others) == ({"train", "valid"} if identities == "disjoint" else {"train", "valid", "test"})


def test_identities_that_share_a_photo_are_held_out_together() -> None:
    table = catalogue("abcde", photo_id=["p", "p", "q", "r", "s"])
    for seed in range(20):
        subset = np.array(subsets(table, identities="disjoint", held_out_share=0.4, seed=seed))
        assert subset[0] == subset[1]
        assert (subset == "test").sum() == 2


@settings(max_examples=40, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=5), min_size=2, max_size=5, unique=True), seed=st.integers(0, 2**40))
def test_an_identity_is_split_the_same_whoever_else_is_there(names: list[str], seed: int) -> None:
    names = [name for name in names if name not in ("unknown", "?")]
    table = catalogue([name for name in names for _ in range(6)])
    table["image_id"] = table["path"] = [f"{name}/{shot}" for name in names for shot in range(6)]
    whole = split_of(table, seed=seed).subset
    for name in names:
        own = np.array([other == name for other in table["identity"]])  # NumPy takes "\0" for ""
        alone = split_of(table[own], seed=seed).subset
        assert alone.tolist() == whole[own].tolist()
        assert (alone == "test").sum() in (1, 2)


def test_later_means_later_for_every_identity() -> None:
    generator = np.random.default_rng(5)
    identities = [f"t{number}" for number in generator.integers(0, 20, 400)]
    times = pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 20_000, 400), unit="h")
    table = catalogue(identities, date=times)
    subset = split_of(table).subset
    for _, rows in pd.Series(range(400)).groupby(np.array(identities)).indices.items():
        when = {word: times[rows[subset[rows] == word]] for word in ("train", "valid", "test")}
        assert when["train"].max() < when["valid"].min() <= when["valid"].max() < when["test"].min()
    assert 0.2 < (subset == "test").mean() < 0.3
    assert 0.1 < (subset == "valid").mean() < 0.2
