import numpy as np
import pandas as pd
import pytest

from wildtrack.address.evaluation.protocol import Protocol, choose_protocol, validation_protocol
from wildtrack.address.evaluation.report import score_rankings
from wildtrack.assess.encounters import shown_together
from wildtrack.errors import UserError


def table(*identities: str) -> pd.DataFrame:
    names = [f"p{row:03}" for row in range(len(identities))]
    content = [f"content of {name}" for name in names]
    return pd.DataFrame({"image_id": names, "identity": list(identities), "path": names, "sha256": content})


ANIMALS = table(*"aaaabbbcc", "single")
SPLIT = ANIMALS.assign(split=[*["train", "valid", "test", "test"], *["train", *["test"] * 4], "train"])


def asked(catalogue: pd.DataFrame, protocol: Protocol) -> list[str]:
    return sorted(catalogue["image_id"].iloc[protocol.queries])


@pytest.mark.parametrize("per_identity", [1, 2, 0])
def test_with_a_split(per_identity: int) -> None:
    protocol = choose_protocol(ANIMALS, SPLIT, per_identity, seed=0)
    counts = ANIMALS["identity"].iloc[protocol.queries].value_counts().to_dict()
    assert counts == {"a": per_identity or 2, "b": per_identity or 2}  # nobody could find c
    assert (SPLIT["split"].iloc[protocol.queries] == "test").all()
    assert protocol.gallery.tolist() == [0, 1, 4, 9]  # train and valid, the single photo too, and no test photo
    assert protocol.left_out == 0
    assert protocol.unknown.tolist() == [7, 8]  # c


@pytest.mark.parametrize(("per_identity", "counts"), [(1, [1, 1, 1]), (2, [2, 2, 1]), (0, [2, 1, 1]), (99, [3, 2, 1])])
def test_without_a_split(per_identity: int, counts: list[int]) -> None:
    protocol = choose_protocol(ANIMALS, None, per_identity, seed=0)
    assert ANIMALS["identity"].iloc[protocol.queries].value_counts().sort_index().tolist() == counts
    assert sorted([*protocol.queries, *protocol.gallery]) == list(range(10)) and 9 in protocol.gallery
    assert "no split was saved" in protocol.method


@pytest.mark.parametrize("split", [SPLIT, None])
@pytest.mark.parametrize("seed", range(5))
def test_row_order_has_no_say(split: pd.DataFrame | None, seed: int) -> None:
    shuffled = ANIMALS.sample(frac=1, random_state=seed)
    for catalogue in (shuffled, shuffled.reset_index(drop=True)):
        found, expected = choose_protocol(catalogue, split, 1, 0), choose_protocol(ANIMALS, split, 1, 0)
        assert asked(catalogue, found) == asked(ANIMALS, expected)


def test_the_draw_depends_on_the_seed_and_the_identity_alone() -> None:
    many = table(*"aaaaaaaaaabbbbbbbbbb")
    draws = {tuple(asked(many, choose_protocol(many, None, 1, seed))) for seed in range(10)}
    assert len(draws) > 3
    alone = many[many["identity"] == "a"]
    assert asked(alone, choose_protocol(alone, None, 1, 0))[0] == asked(many, choose_protocol(many, None, 1, 0))[0]


def test_other_photos_than_those_of_the_split() -> None:
    others = ANIMALS.assign(sha256="other " + ANIMALS["sha256"])
    protocol = choose_protocol(others, SPLIT, 1, seed=0)
    assert "none of them was in the training's catalogue" in protocol.method and len(protocol.queries) == 3
    mixed = pd.concat([ANIMALS.iloc[:7], others.iloc[7:]])
    protocol = choose_protocol(mixed, SPLIT, 0, seed=0)
    assert protocol.left_out == 3 and protocol.queries.tolist() == [2, 3, 5, 6]
    assert protocol.gallery.tolist() == [0, 1, 4]


@pytest.mark.parametrize(
    ("per_identity", "queries"), [(1, {"b": 1, "c": 1}), (0, {"b": 2, "c": 1}), (9, {"b": 3, "c": 1})]
)
def test_animals_that_were_held_out_are_a_catalogue_of_their_own(per_identity: int, queries: dict[str, int]) -> None:
    animals = table(*"aaabbbbccd")
    split = animals.assign(split=["train", "train", "valid", *["test"] * 7])
    protocol = choose_protocol(animals, split, per_identity, seed=0)
    assert animals["identity"].iloc[protocol.queries].value_counts().to_dict() == queries
    assert sorted([*protocol.queries, *protocol.gallery]) == list(range(3, 10))  # d stays, unasked
    assert "compared with each other" in protocol.method


def test_renamed_photos_are_the_same_photos_and_in_no_subset_where_in_two() -> None:
    renamed = choose_protocol(ANIMALS.assign(image_id="photos/" + ANIMALS["image_id"]), SPLIT, 0, seed=0)
    assert (renamed.queries.tolist(), renamed.gallery.tolist()) == ([2, 3, 5, 6], [0, 1, 4, 9])
    twice = SPLIT.assign(sha256=["same", SPLIT["sha256"].iloc[1], "same", *SPLIT["sha256"].iloc[3:]])  # train and test
    table = ANIMALS.assign(sha256=twice["sha256"], image_id=["new", *ANIMALS["image_id"].iloc[1:]])
    protocol = choose_protocol(table, twice, 0, seed=0)
    assert 0 not in [*protocol.queries, *protocol.gallery]


@pytest.mark.parametrize(
    ("catalogue", "subsets"),
    [
        (table(*"abc"), None),
        (table("a"), None),
        (table(), None),
        (table(*"aabb"), ["train"] * 4),
        (table(*"aabc"), ["train", "train", "test", "test"]),
    ],
)
def test_no_query(catalogue: pd.DataFrame, subsets: list[str] | None) -> None:
    split = None if subsets is None else catalogue.assign(split=subsets)
    with pytest.raises(UserError, match="there is no query: no identity"):
        choose_protocol(catalogue, split, 1, seed=0)


@pytest.mark.parametrize(
    ("subsets", "queries", "unknown"),
    [
        (["train", "valid", "test", "test"] + ["valid"] * 3 + ["test", "valid", "valid"], [1], [4, 5, 6, 8, 9]),
        (["train", "valid", "valid", "valid"] + ["train"] * 6, [1, 2, 3], []),
        (SPLIT["split"].tolist(), [1], []),
        (["train"] * 4 + ["valid"] * 6, None, None),  # no photo of these animals is there to be found
        (["train"] * 10, None, None),
    ],
)
def test_only_validated_is_unknown(subsets: list[str], queries: list[int] | None, unknown: list[int] | None) -> None:
    protocol = validation_protocol(ANIMALS, ANIMALS.assign(split=subsets))
    assert (protocol and protocol.queries.tolist()) == queries
    assert (protocol and protocol.unknown.tolist()) == unknown
    assert protocol is None or protocol.gallery.tolist() == [row for row in range(10) if subsets[row] == "train"]


def ranked_first(table: pd.DataFrame, scores: list[list[float]]) -> list[list[float]]:
    """R@1 of each query: over photos, over those that do not leak, over animals."""
    protocol = choose_protocol(table, table[["image_id", "sha256", "split"]], 0, 0)
    values = np.array(scores)
    found = score_rankings(values, values, protocol, table["identity"].to_numpy(object), np.zeros(values.shape, bool))
    return [list(each["R@1"]) for each in (found.all_photos, found.leak_free, found.by_identity)]


def test_each_name_of_a_photo_without_boxes_is_right() -> None:
    """A and B are together on x, which asks, and on y, which is known."""
    both = table(*"AABBABAB").assign(split=[*["train"] * 4, "test", "test", "train", "train"])
    both["path"] = [*"abcdxxyy"]
    nearest_to_the_other = [[0.1, 0.2, 0.9, 0.3, 0.8, 0.8], [0.9, 0.3, 0.1, 0.2, 0.8, 0.8]]
    assert ranked_first(both, nearest_to_the_other) == [[1, 1]] * 3
    split = both[["image_id", "sha256", "split"]]
    assert "several names, each of them is a right answer" in str(choose_protocol(both, split, 0, 0))
    boxed = both.assign(bbox=pd.Series([None] * 4 + [(0, 0, 9, 9), (9, 9, 9, 9)] * 2, dtype=object))
    assert choose_protocol(boxed, split, 0, 0).unclear is None
    assert ranked_first(boxed, nearest_to_the_other) == [[0, 0]] * 3
    assert (shown_together(both.assign(identity=[*"AABBA", "unknown", "A", "unknown"])) < 0).all()


@pytest.mark.parametrize(("scores", "found"), [([0.9, 0.9, 0.1, 0.2], 1), ([0.1, 0.1, 0.2, 0.9], 0)])
def test_a_known_photo_of_two_is_no_toss_of_a_coin(scores: list[float], found: int) -> None:
    """B asks; the photo y of A and B is in the gallery twice, and its row of A comes first."""
    known = table(*"ABACB").assign(split=[*["train"] * 4, "test"])
    known["path"] = [*"yyacb"]
    assert ranked_first(known, [scores]) == [[found]] * 3
