import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wildtrack.address.fusion import side_relation
from wildtrack.address.matching import (
    EMBEDDING,
    FUSED,
    LOCAL,
    Asked,
    Matching,
    _tried,
    choose_ranker,
    learn_matching,
    read_matching,
    summary,
    write_matching,
)
from wildtrack.errors import UserError

SIDES = ("left", "right", "")


def made_up(
    seed: int = 0,
    gains: tuple[float, ...] = (2.0, 2.0),
    animals: int = 15,
    unseen: bool = False,
    offset: float = 0.0,
    gallery_photos: int = 4,
) -> Asked:
    """Noise, with `gains` added where two photos show one animal: the embedding's, and that of local features.

    `offset` is added to all pairs on one side: who takes no notice of sides is led astray.
    """
    rng = np.random.default_rng(seed)
    gallery_ids = np.repeat([f"animal {number}" for number in range(animals)], gallery_photos)
    query_ids = np.repeat(gallery_ids[::gallery_photos], 3)
    strangers = np.full(20, "nobody") if unseen else query_ids
    gallery_sides, query_sides, new_sides = (
        rng.choice(SIDES[:2], len(ids)) for ids in (gallery_ids, query_ids, strangers)
    )

    def scores(ids: np.ndarray, relation: np.ndarray) -> dict[str, np.ndarray]:
        same = ids[:, None] == gallery_ids[None]
        found = {}
        for name, gain in zip((EMBEDDING, LOCAL), gains, strict=False):
            found[name] = rng.normal(size=same.shape) + gain * same + offset * (relation == 1)
        return found

    relation, new_relation = side_relation(query_sides, gallery_sides), side_relation(new_sides, gallery_sides)
    known = scores(query_ids, relation)
    new = scores(strangers, new_relation)
    if not unseen:
        own = query_ids[:, None] == gallery_ids[None]
        new, new_relation = {name: np.where(own, -np.inf, values) for name, values in known.items()}, relation
    return Asked(known, query_ids, relation, new, new_relation, gallery_ids, unseen)


@pytest.mark.parametrize(
    ("gains", "best"),
    [
        ((4.0, 0.0), {EMBEDDING}),
        ((0.0, 4.0), {LOCAL}),
        ((2.0, 2.0), {FUSED}),
        ((4.0,), {EMBEDDING}),  # nobody looked at keypoints
        ((0.0, 0.0), {EMBEDDING, LOCAL, FUSED}),
    ],
)
@pytest.mark.parametrize("unseen", [True, False])
def test_the_better_ranker_is_picked(gains: tuple[float, ...], best: set[str], unseen: bool) -> None:
    asked = made_up(3, gains, unseen=unseen)
    matching = learn_matching(asked)
    assert set(matching.rankers) == ({EMBEDDING} if len(gains) == 1 else {EMBEDDING, LOCAL, FUSED})
    figures = {name: ranker.reciprocal_rank for name, ranker in matching.rankers.items()}
    assert figures[matching.best] == max(figures.values())
    if best - {FUSED}:  # a fusion with noise may be as good
        assert matching.best in best | {FUSED}
        assert min(figures[name] for name in best - {FUSED}) > max(figures.values()) - 0.05
    else:
        assert matching.best in best
    assert (matching.queries, matching.identities, matching.unseen) == (45, 15, unseen)
    assert matching.new_photos == (20 if unseen else 45)
    assert len(matching.rankers[matching.best].decider.new) == matching.new_photos
    assert f"Best ranker: {matching.best}" in summary(matching)


@pytest.mark.parametrize("seed", range(3))
def test_sides_are_minded_where_they_matter(seed: int) -> None:
    asked = made_up(seed, (3.0,), offset=6.0)
    assert (asked.relation == 2).any()
    matching = learn_matching(asked)
    assert matching.rankers[EMBEDDING].sided
    blind = replace(asked, relation=np.zeros_like(asked.relation), new_relation=np.zeros_like(asked.new_relation))
    without = learn_matching(blind).rankers[EMBEDDING]
    assert not without.sided
    assert matching.rankers[EMBEDDING].reciprocal_rank > without.reciprocal_rank


def test_sides_are_not_minded_where_they_say_nothing() -> None:
    """Right photos are told apart from wrong ones without fail, so that there is nothing to gain."""
    assert not learn_matching(made_up(0, (50.0,))).rankers[EMBEDDING].sided


@pytest.mark.parametrize("unseen", [True, False])
@pytest.mark.parametrize("sided", [True, False])
def test_a_query_is_tried_with_what_other_animals_taught(sided: bool, unseen: bool) -> None:
    asked = made_up(5, animals=7, unseen=unseen)
    before = _tried(asked, EMBEDDING, sided)
    assert np.isfinite(before).all()
    changed_others = 0
    for query in range(0, len(asked.query_ids), 4):
        values = asked.known[EMBEDDING].copy()
        values[query] = -values[query] * 3
        after = _tried(replace(asked, known={**asked.known, EMBEDDING: values}), EMBEDDING, sided)
        own = asked.query_ids == asked.query_ids[query]
        own[query] = False
        np.testing.assert_array_equal(after[own], before[own])  # nothing learnt from its own animal
        changed_others += bool((after[~own] != before[~own]).any())
    assert changed_others


def test_noise_looks_no_better_than_it_is() -> None:
    """Had it been learnt from the very photos it is tried on, chance would look like knowledge."""
    figures = [learn_matching(made_up(seed, (0.0, 0.0), animals=8)).rankers for seed in range(6)]
    chance = np.mean([1 / rank for rank in range(1, 9)])
    for name in (EMBEDDING, LOCAL, FUSED):
        assert np.mean([rankers[name].reciprocal_rank for rankers in figures]) < chance + 0.08


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(made_up(animals=2, gallery_photos=1), id="two animals"),
        pytest.param(
            Asked(
                {EMBEDDING: np.array([[0.9, 0.1]])},
                np.array(["a"]),
                np.zeros((1, 2), np.int8),
                {EMBEDDING: np.array([[-np.inf, 0.1]])},
                np.zeros((1, 2), np.int8),
                np.array(["a", "b"]),
                False,
            ),
            id="one query",
        ),
        pytest.param(
            Asked(
                {EMBEDDING: np.ones((2, 2)), LOCAL: np.zeros((2, 2))},
                np.array(["a", "b"]),
                np.zeros((2, 2), np.int8),
                {EMBEDDING: np.ones((1, 2)), LOCAL: np.zeros((1, 2))},
                np.zeros((1, 2), np.int8),
                np.array(["a", "b"]),
                True,
            ),
            id="all the same",
        ),
    ],
)
def test_little_to_learn_from_is_no_failure(asked: Asked, tmp_path: Path) -> None:
    matching = learn_matching(asked)
    for name, ranker in matching.rankers.items():
        scores = matching.scores(name, asked.known, asked.relation)
        assert np.isfinite(scores).all()
        assert 0 < ranker.reciprocal_rank <= 1
    write_matching(matching, tmp_path / "matching.json")
    assert read_matching(tmp_path / "matching.json") is not None


def test_what_cannot_be_stays_so_and_the_rest_is_ranked_as_before() -> None:
    asked = made_up(1, (3.0, 3.0))
    matching = learn_matching(asked)
    excluded = np.random.default_rng(0).random(asked.relation.shape) < 0.3
    without = {name: np.where(excluded, -np.inf, values) for name, values in asked.known.items()}
    for name in matching.rankers:
        scores, fewer = (matching.scores(name, found, asked.relation) for found in (asked.known, without))
        assert np.isneginf(fewer[excluded]).all()
        np.testing.assert_array_equal(fewer[~excluded], scores[~excluded])


def test_fused_evidence_is_the_sum() -> None:
    asked = made_up(2)
    learnt = learn_matching(asked)
    blind = replace(learnt, rankers={name: replace(each, sided=False) for name, each in learnt.rankers.items()})
    parts = [blind.scores(name, asked.known, asked.relation) for name in (EMBEDDING, LOCAL)]
    np.testing.assert_allclose(blind.scores(FUSED, asked.known, asked.relation), parts[0] + parts[1])


@pytest.mark.parametrize("seed", range(5))
def test_evidence_of_one_method_ranks_as_its_scores_do(seed: int) -> None:
    asked = made_up(seed, (2.0,))
    learnt = learn_matching(asked)
    blind = replace(learnt, rankers={EMBEDDING: replace(learnt.rankers[EMBEDDING], sided=False)})
    scores = blind.scores(EMBEDDING, asked.known, asked.relation)
    np.testing.assert_array_equal(np.argsort(scores, axis=1), np.argsort(asked.known[EMBEDDING], axis=1))


@pytest.mark.parametrize(
    ("gains", "wanted", "expected"),
    [
        (None, "auto", EMBEDDING),
        (None, EMBEDDING, EMBEDDING),
        (None, LOCAL, None),
        (None, FUSED, None),
        ((0.0, 9.0), "auto", LOCAL),
        ((0.0, 9.0), EMBEDDING, EMBEDDING),
        ((0.0, 9.0), FUSED, FUSED),
        ((9.0,), "auto", EMBEDDING),
        ((9.0,), LOCAL, None),
    ],
)
def test_which_ranker_is_used(gains: tuple[float, ...] | None, wanted: str, expected: str | None) -> None:
    matching = None if gains is None else learn_matching(made_up(0, gains))
    if matching is not None and wanted == "auto":
        matching = replace(matching, best=str(expected))
    if expected is not None:
        assert choose_ranker(matching, wanted) == expected
        return
    with pytest.raises(UserError, match=rf"--ranker {wanted} needs .* --ranker embedding") as error:
        choose_ranker(matching, wanted)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def matching() -> Matching:
    return learn_matching(made_up(4, (2.0, 1.5), offset=2.0))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_round_trip_gives_the_same_scores_bit_for_bit(matching: Matching, tmp_path: Path, kind: type) -> None:
    write_matching(matching, tmp_path / "matching.json")
    found = read_matching(tmp_path / "matching.json")
    assert found is not None
    asked = made_up(9)
    similarities: dict[str, np.ndarray] = {name: values.astype(kind) for name, values in asked.known.items()}
    for name, ranker in matching.rankers.items():
        expected = matching.scores(name, similarities, asked.relation)
        np.testing.assert_array_equal(found.scores(name, similarities, asked.relation), expected)
        again = found.rankers[name].decider
        np.testing.assert_array_equal(again.probability(expected), ranker.decider.probability(expected))
        np.testing.assert_array_equal(again.known, ranker.decider.known)
        np.testing.assert_array_equal(again.new, ranker.decider.new)
        assert (again.even, again.weights) == (ranker.decider.even, ranker.decider.weights)
        assert again.match_from(0.05) == ranker.decider.match_from(0.05)
        for field in ("sided", "reciprocal_rank", "mean_precision"):
            assert getattr(found.rankers[name], field) == getattr(ranker, field)
    for field in ("best", "queries", "identities", "new_photos", "unseen"):
        assert getattr(found, field) == getattr(matching, field)
    write_matching(found, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "matching.json").read_bytes()


def test_nothing_learnt_is_nothing_read(tmp_path: Path) -> None:
    assert read_matching(tmp_path / "matching.json") is None  # an older model
    write_matching(None, tmp_path / "matching.json")
    assert (tmp_path / "matching.json").read_text() == "null\n"
    assert read_matching(tmp_path / "matching.json") is None


def refused(path: Path) -> str:
    with pytest.raises(UserError, match=r"matching\.json .*train again$") as error:
        read_matching(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"{}",
        b"0",
        b"true",
        b'"auto"',
        b"[" * 100_000,
        b'{"evidence": [], "rankers": []}',
        b'{"evidence": {}, "rankers": {}}',
    ],
)
def test_what_is_no_matching_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "matching.json").write_bytes(content)
    refused(tmp_path / "matching.json")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("best",), "auto"),
        (("best",), ["fused"]),
        (("best",), None),
        (("queries",), None),
        (("queries",), 1e999),
        (("unseen",), "no"),
        (("evidence",), None),
        (("evidence",), []),
        (("evidence", "local"), 7),
        (("evidence", "local", "prior"), "half"),
        (("evidence", "local", "prior"), None),
        (("evidence", "local", "prior"), 0),
        (("evidence", "local", "prior"), 1),
        (("evidence", "local", "prior"), 1e999),
        (("evidence", "local", "spread"), [1.0]),
        (("evidence", "local", "spread"), [0.0, "x"]),
        (("evidence", "local", "calibrations"), []),
        (("evidence", "local", "calibrations"), {}),
        (("evidence", "local", "calibrations", "any"), None),
        (("evidence", "local", "calibrations", "any", "scores"), []),
        (("evidence", "local", "calibrations", "any", "scores"), [1.0]),
        (("evidence", "local", "calibrations", "any", "scores"), None),
        (("evidence", "local", "calibrations", "any", "probabilities"), "0.5"),
        (("evidence", "local", "calibrations", "same", "probabilities"), [[0.1, 0.2], [0.3]]),
        (("rankers",), None),
        (("rankers",), []),
        (("rankers", "fused"), None),
        (("rankers", "fused", "sided"), "no"),
        (("rankers", "fused", "weights"), [1.0, 2.0]),
        (("rankers", "fused", "weights"), [1.0, 2.0, 1e999]),
        (("rankers", "fused", "weights"), "123"),
        (("rankers", "fused", "even"), "half"),
        (("rankers", "fused", "even"), None),
        (("rankers", "fused", "known"), None),
        (("rankers", "fused", "known"), [0.1, None]),
        (("rankers", "fused", "known"), [0.9, 0.1]),
        (("rankers", "fused", "new"), {}),
        (("rankers", "fused", "new"), [10**400]),
        (("rankers", "fused", "reciprocal_rank"), []),
        (("rankers", "surprise"), {"copy": "fused"}),
    ],
)
def test_a_part_of_the_wrong_kind_is_one_line(
    matching: Matching, tmp_path: Path, place: tuple[str, ...], value: Any
) -> None:
    write_matching(matching, tmp_path / "matching.json")
    content = json.loads((tmp_path / "matching.json").read_text())
    part = content
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = part["fused"] if value == {"copy": "fused"} else value
    (tmp_path / "matching.json").write_text(json.dumps(content))
    refused(tmp_path / "matching.json")


def places(content: Any, inside: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The way to each part of nested tables."""
    if not isinstance(content, dict):
        return []
    return [way for name, part in content.items() for way in [(*inside, name), *places(part, (*inside, name))]]


def test_a_missing_part_is_one_line(matching: Matching, tmp_path: Path) -> None:
    path = tmp_path / "matching.json"
    write_matching(matching, path)
    whole = path.read_text()
    optional = {("rankers", name) for name in matching.rankers if name != matching.best}
    for way in places(json.loads(whole)):
        if way[-1] in {"same", "other"} or way in optional:
            continue
        content = part = json.loads(whole)
        for name in way[:-1]:
            part = part[name]
        del part[way[-1]]
        path.write_text(json.dumps(content))
        refused(path)
