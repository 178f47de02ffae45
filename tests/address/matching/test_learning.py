from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wildtrack.address.evaluation.metrics import identity_similarity
from wildtrack.address.matching.calibration import Codes, side_relation
from wildtrack.address.matching.decision import Decider, learn_decider
from wildtrack.address.matching.learning import (
    EMBEDDING,
    FUSED,
    LOCAL,
    Asked,
    _folds,
    _learn_evidence,
    _tried,
    choose_matcher,
    learn_matching,
    summary,
)
from wildtrack.address.matching.learnt_file import read_matching, write_matching
from wildtrack.errors import UserError

SIDES = ("left", "right", "")


def made_up(
    seed: int = 0,
    gains: tuple[float, ...] = (2.0, 2.0),
    animals: int = 15,
    unseen: bool = False,
    offset: float = 0.0,
    gallery_photos: int = 4,
    new_photos: int = 4,
) -> Asked:
    """Noise, with `gains` added where two photos show one animal: the embedding's, and that of local features.

    `offset` is added to all pairs on one side: who takes no notice of sides is led astray.
    """
    rng = np.random.default_rng(seed)
    gallery_ids = np.repeat([f"animal {number}" for number in range(animals)], gallery_photos)
    query_ids = np.repeat(gallery_ids[::gallery_photos], 3)
    strangers = np.repeat([f"stranger {number}" for number in range(5)], new_photos) if unseen else query_ids
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
    return Asked(known, query_ids, relation, new, strangers, new_relation, gallery_ids, unseen)


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
def test_the_better_matcher_is_picked(gains: tuple[float, ...], best: set[str], unseen: bool) -> None:
    asked = made_up(3, gains, unseen=unseen)
    matching = learn_matching(asked)
    assert set(matching.matchers) == ({EMBEDDING} if len(gains) == 1 else {EMBEDDING, LOCAL, FUSED})
    figures = {name: matcher.reciprocal_rank for name, matcher in matching.matchers.items()}
    assert figures[matching.best] == max(figures.values())
    if best - {FUSED}:  # a fusion with noise may be as good
        assert matching.best in best | {FUSED}
        assert min(figures[name] for name in best - {FUSED}) > max(figures.values()) - 0.05
    else:
        assert matching.best in best
    assert (matching.queries, matching.identities, matching.unseen) == (45, 15, unseen)
    assert (matching.new_photos, matching.new_animals) == ((20, 5) if unseen else (45, 15))
    assert matching.gallery == 60
    assert len(matching.decider(matching.best).new) == matching.new_photos
    assert f"Best matcher: {matching.best}" in summary(matching)


@pytest.mark.parametrize("seed", range(3))
def test_sides_are_minded_where_they_matter(seed: int) -> None:
    asked = made_up(seed, (3.0,), offset=6.0)
    assert (asked.relation == 2).any()
    matching = learn_matching(asked)
    assert matching.matchers[EMBEDDING].sided
    blind = replace(asked, relation=np.zeros_like(asked.relation), new_relation=np.zeros_like(asked.new_relation))
    without = learn_matching(blind).matchers[EMBEDDING]
    assert not without.sided
    assert matching.matchers[EMBEDDING].reciprocal_rank > without.reciprocal_rank


def test_sides_are_not_minded_where_they_say_nothing() -> None:
    """Right photos are told apart from wrong ones without fail, so that there is nothing to gain."""
    assert not learn_matching(made_up(0, (50.0,))).matchers[EMBEDDING].sided


def scores_tried(asked: Asked, matcher: str, sided: bool) -> tuple[np.ndarray, np.ndarray]:
    return _tried(asked, _folds(asked), matcher, sided)


@pytest.mark.parametrize("unseen", [True, False])
@pytest.mark.parametrize("sided", [True, False])
def test_a_query_is_tried_with_what_other_animals_taught(sided: bool, unseen: bool) -> None:
    asked = made_up(5, animals=7, unseen=unseen)
    before, new_before = scores_tried(asked, EMBEDDING, sided)
    assert np.isfinite(before).all()
    changed_others = changed_new = 0
    for query in range(0, len(asked.query_ids), 4):
        values = asked.known[EMBEDDING].copy()
        values[query] = -values[query] * 3
        after, new_after = scores_tried(replace(asked, known={**asked.known, EMBEDDING: values}), EMBEDDING, sided)
        animal = asked.query_ids[query]
        own, own_new = asked.query_ids == animal, asked.new_ids == animal
        own[query] = False
        np.testing.assert_array_equal(after[own], before[own])  # nothing learnt from its own animal
        np.testing.assert_array_equal(new_after[own_new], new_before[own_new])  # nor when that one plays the new one
        changed_others += bool((after[~own] != before[~own]).any())
        changed_new += bool((new_after[~own_new] != new_before[~own_new]).any())
    assert changed_others and changed_new


@pytest.mark.parametrize("sided", [True, False])
def test_a_new_animal_is_tried_with_what_others_taught(sided: bool) -> None:
    asked = made_up(6, animals=7, unseen=True)
    before, new_before = scores_tried(asked, EMBEDDING, sided)
    assert np.isfinite(new_before).all()
    changed_known = changed_new = 0
    for photo in range(0, len(asked.new_ids), 3):
        values = asked.new[EMBEDDING].copy()
        values[photo] = 9.0
        after, new_after = scores_tried(replace(asked, new={**asked.new, EMBEDDING: values}), EMBEDDING, sided)
        own = asked.new_ids == asked.new_ids[photo]
        own[photo] = False
        np.testing.assert_array_equal(new_after[own], new_before[own])
        changed_known += bool((after != before).any())
        own[photo] = True
        changed_new += bool((new_after[~own] != new_before[~own]).any())
    assert changed_known and changed_new


@pytest.mark.parametrize("unseen", [True, False])
def test_a_photo_has_no_part_in_the_evidence_it_is_tried_with(unseen: bool) -> None:
    """As if the animals of its fold had never been photographed."""
    asked = made_up(7, animals=9, unseen=unseen)
    known, new = (np.zeros(len(ids), int) for ids in (asked.query_ids, asked.new_ids))
    for fold in _folds(asked):
        known, new = known + fold.known, new + fold.new
        assert not set(asked.query_ids[fold.known]) & set(asked.query_ids[~fold.known])
        assert not set(asked.new_ids[fold.new]) & {*asked.new_ids[~fold.new], *asked.query_ids[~fold.known]}
        spoilt = {
            name: np.where(fold.known[:, None], np.nan, values) for name, values in asked.known.items()
        }  # whatever it was
        new_spoilt = {name: np.where(fold.new[:, None], np.nan, values) for name, values in asked.new.items()}
        with_nan = replace(asked, known=spoilt, new=new_spoilt)
        kept = ~fold.known
        again = _learn_evidence(with_nan, kept, ~fold.new)
        for name, evidence in fold.evidence.items():
            assert np.isfinite(evidence.spread).all()
            assert (evidence.prior, evidence.spread) == (again[name].prior, again[name].spread)
            for side, found in evidence.calibrations.items():
                np.testing.assert_array_equal(found.scores, again[name].calibrations[side].scores)
                np.testing.assert_array_equal(found.probabilities, again[name].calibrations[side].probabilities)
    assert (known == 1).all() and (new == 1).all()  # each is tried once


@pytest.mark.parametrize("unseen", [True, False])
def test_how_sure_it_is_is_learnt_from_scores_that_were_tried(unseen: bool) -> None:
    asked = made_up(8, (1.5, 1.0), animals=8, unseen=unseen)
    matching = learn_matching(asked)
    for name, matcher in matching.matchers.items():
        (known, names), (new, _) = (
            identity_similarity(scores, asked.gallery_ids) for scores in scores_tried(asked, name, matcher.sided)
        )
        truth = np.array([names.tolist().index(animal) for animal in asked.query_ids])
        expected = learn_decider(known, truth, new)
        decider = matching.decider(name)
        assert (decider.weights, decider.even) == (expected.weights, expected.even)
        np.testing.assert_array_equal(decider.known, expected.known)
        np.testing.assert_array_equal(decider.new, expected.new)

        def surest(scores: np.ndarray, decider: Decider = decider) -> np.ndarray:
            return np.sort(decider.probability(identity_similarity(scores, asked.gallery_ids)[0]).max(axis=1))

        assert (surest(matching.scores(name, asked.known, asked.relation)) != decider.known).any()


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_no_more_new_animals_are_matched_than_promised(rate: float) -> None:
    """Photos that nobody has seen, of animals that nobody has seen."""
    shares = []
    for seed in range(12):
        asked = made_up(seed, (2.0,), unseen=True, new_photos=24)
        matching = learn_matching(asked)
        rng = np.random.default_rng([seed, 1])
        relation: Codes = np.zeros((1000, len(asked.gallery_ids)), np.int8)
        scores = matching.scores(EMBEDDING, {EMBEDDING: rng.normal(size=relation.shape)}, relation)
        decider = matching.decider(EMBEDDING)
        sure = decider.probability(identity_similarity(scores, asked.gallery_ids)[0]).max(axis=1)
        shares.append((sure >= decider.match_from(rate)).mean())
    assert np.mean(shares) <= rate + 3 * np.std(shares) / np.sqrt(len(shares))


def test_noise_looks_no_better_than_it_is() -> None:
    """Had it been learnt from the very photos it is tried on, chance would look like knowledge."""
    figures = [learn_matching(made_up(seed, (0.0, 0.0), animals=8)).matchers for seed in range(6)]
    chance = np.mean([1 / rank for rank in range(1, 9)])
    for name in (EMBEDDING, LOCAL, FUSED):
        assert np.mean([matchers[name].reciprocal_rank for matchers in figures]) < chance + 0.08


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
                np.array(["a"]),
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
                np.array(["c"]),
                np.zeros((1, 2), np.int8),
                np.array(["a", "b"]),
                True,
            ),
            id="all the same",
        ),
        pytest.param(made_up(animals=2, unseen=True, new_photos=0), id="nobody new"),
        pytest.param(made_up(animals=2, unseen=True), id="more new ones than known ones"),
    ],
)
def test_little_to_learn_from_is_no_failure(asked: Asked, tmp_path: Path) -> None:
    matching = learn_matching(asked)
    for name, matcher in matching.matchers.items():
        scores = matching.scores(name, asked.known, asked.relation)
        assert np.isfinite(scores).all()
        assert 0 < matcher.reciprocal_rank <= 1
    write_matching(matching, tmp_path / "matching.json")
    assert read_matching(tmp_path / "matching.json") is not None


def test_what_cannot_be_stays_so_and_the_rest_is_ranked_as_before() -> None:
    asked = made_up(1, (3.0, 3.0))
    matching = learn_matching(asked)
    excluded = np.random.default_rng(0).random(asked.relation.shape) < 0.3
    without = {name: np.where(excluded, -np.inf, values) for name, values in asked.known.items()}
    for name in matching.matchers:
        scores, fewer = (matching.scores(name, found, asked.relation) for found in (asked.known, without))
        assert np.isneginf(fewer[excluded]).all()
        np.testing.assert_array_equal(fewer[~excluded], scores[~excluded])


def test_fused_evidence_is_the_sum() -> None:
    asked = made_up(2)
    learnt = learn_matching(asked)
    blind = replace(learnt, matchers={name: replace(each, sided=False) for name, each in learnt.matchers.items()})
    parts = [blind.scores(name, asked.known, asked.relation) for name in (EMBEDDING, LOCAL)]
    np.testing.assert_allclose(blind.scores(FUSED, asked.known, asked.relation), parts[0] + parts[1])


@pytest.mark.parametrize("seed", range(5))
def test_evidence_of_one_method_ranks_as_its_scores_do(seed: int) -> None:
    asked = made_up(seed, (2.0,))
    learnt = learn_matching(asked)
    blind = replace(learnt, matchers={EMBEDDING: replace(learnt.matchers[EMBEDDING], sided=False)})
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
def test_which_matcher_is_used(gains: tuple[float, ...] | None, wanted: str, expected: str | None) -> None:
    matching = None if gains is None else learn_matching(made_up(0, gains))
    if matching is not None and wanted == "auto":
        matching = replace(matching, best=str(expected))
    if expected is not None:
        assert choose_matcher(matching, wanted) == expected
        return
    with pytest.raises(UserError, match=rf"--matcher {wanted} needs .* --matcher embedding") as error:
        choose_matcher(matching, wanted)
    assert "\n" not in str(error.value)


def test_the_decider_is_that_of_the_matcher() -> None:
    matching = learn_matching(made_up(1, (3.0, 1.0)))
    assert all(matching.decider(name) is matcher.decider for name, matcher in matching.matchers.items())
    assert len({id(matching.decider(name)) for name in matching.matchers}) == 3
