from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import unit
from tests.helpers.spotted import FUSED, LOCAL
from tests.helpers.validation import learnt_scores, made_up
from wildtrack.address.evaluation.open_set import auroc
from wildtrack.address.evaluation.protocol import Protocol, some_of
from wildtrack.address.features.features import Features
from wildtrack.address.matching.decision import Decider, learn_decider
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.identities import Identities
from wildtrack.address.matching.matching import read_matching, summary, write_matching
from wildtrack.address.matching.viewpoints import Codes
from wildtrack.address.training.learn_matching import (
    ScoredPhotos,
    Validation,
    _calibrations,
    _folds,
    _tried,
    learn_matching,
    score_validation,
)


@pytest.mark.parametrize(
    ("gains", "best"),
    [
        ((4.0, 0.0), {EMBEDDING}),
        ((0.0, 4.0), {LOCAL}),
        ((2.0, 2.0), {FUSED}),
        ((4.0,), {EMBEDDING}),  # there are no keypoints
        ((0.0, 0.0), {EMBEDDING, LOCAL, FUSED}),
    ],
)
@pytest.mark.parametrize("unseen", [True, False])
def test_the_better_matcher_is_picked(gains: tuple[float, ...], best: set[str], unseen: bool) -> None:
    matching = learn_matching(made_up(3, gains, unseen=unseen))
    assert list(matching.matchers) == [EMBEDDING, LOCAL, FUSED][: 1 if len(gains) == 1 else 3]
    figures = {name: learnt.reciprocal_rank for name, learnt in matching.matchers.items()}
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
    new = "20 photos of animals that training did not see" if unseen else "45 photos with their own animal taken out"
    assert summary(matching).startswith(f"Best matcher: {matching.best}. ")
    assert summary(matching).endswith(f"Decisions on new animals were learnt from {new}.")


@pytest.mark.parametrize("seed", range(3))
def test_viewpoints_are_regarded_where_they_matter(seed: int) -> None:
    validation = made_up(seed, (3.0,), offset=6.0)
    assert (validation.known.relation == 2).any()
    matching = learn_matching(validation)
    assert matching.matchers[EMBEDDING].by_viewpoint
    known, new = (
        replace(asked, relation=np.zeros_like(asked.relation)) for asked in (validation.known, validation.new)
    )
    without = learn_matching(replace(validation, known=known, new=new)).matchers[EMBEDDING]
    assert not without.by_viewpoint
    assert matching.matchers[EMBEDDING].reciprocal_rank > without.reciprocal_rank


def test_viewpoints_are_not_regarded_where_they_say_nothing() -> None:
    """Right photos are told apart from wrong ones without fail, so that there is nothing to gain."""
    assert not learn_matching(made_up(0, (50.0,))).matchers[EMBEDDING].by_viewpoint


def scores_tried(validation: Validation, name: str, by_viewpoint: bool) -> tuple[np.ndarray, np.ndarray]:
    return _tried(validation, _folds(validation), name, by_viewpoint)


@pytest.mark.parametrize("unseen", [True, False])
@pytest.mark.parametrize("by_viewpoint", [True, False])
def test_a_query_is_tried_with_what_other_animals_taught(by_viewpoint: bool, unseen: bool) -> None:
    validation = made_up(5, animals=7, unseen=unseen)
    known, new = validation.known, validation.new
    before, new_before = scores_tried(validation, EMBEDDING, by_viewpoint)
    assert np.isfinite(before).all()
    changed_others = changed_new = 0
    for query in range(0, len(known.ids), 4):
        values = known.scores[EMBEDDING].copy()
        values[query] = -values[query] * 3
        changed = replace(known, scores={**known.scores, EMBEDDING: values})
        after, new_after = scores_tried(replace(validation, known=changed), EMBEDDING, by_viewpoint)
        own, own_new = known.ids == known.ids[query], new.ids == known.ids[query]
        own[query] = False
        np.testing.assert_array_equal(after[own], before[own])  # nothing learnt from its own animal
        np.testing.assert_array_equal(new_after[own_new], new_before[own_new])  # nor when that one plays the new one
        changed_others += bool((after[~own] != before[~own]).any())
        changed_new += bool((new_after[~own_new] != new_before[~own_new]).any())
    assert changed_others and changed_new


@pytest.mark.parametrize("by_viewpoint", [True, False])
def test_a_new_animal_is_tried_with_what_others_taught(by_viewpoint: bool) -> None:
    validation = made_up(6, animals=7, unseen=True)
    new = validation.new
    before, new_before = scores_tried(validation, EMBEDDING, by_viewpoint)
    assert np.isfinite(new_before).all()
    changed_known = changed_new = 0
    for photo in range(0, len(new.ids), 3):
        values = new.scores[EMBEDDING].copy()
        values[photo] = 9.0
        changed = replace(new, scores={**new.scores, EMBEDDING: values})
        after, new_after = scores_tried(replace(validation, new=changed), EMBEDDING, by_viewpoint)
        own = new.ids == new.ids[photo]
        own[photo] = False
        np.testing.assert_array_equal(new_after[own], new_before[own])
        changed_known += bool((after != before).any())
        own[photo] = True
        changed_new += bool((new_after[~own] != new_before[~own]).any())
    assert changed_known and changed_new


@pytest.mark.parametrize("unseen", [True, False])
def test_a_photo_has_no_part_in_the_calibration_it_is_tried_with(unseen: bool) -> None:
    """As if the animals of its fold had never been photographed."""
    validation = made_up(7, animals=9, unseen=unseen)
    query_ids, new_ids = validation.known.ids, validation.new.ids
    known, new = (np.zeros(len(ids), int) for ids in (query_ids, new_ids))

    def spoilt(asked: ScoredPhotos, rows: np.ndarray) -> ScoredPhotos:
        return replace(asked, scores={n: np.where(rows[:, None], np.nan, v) for n, v in asked.scores.items()})

    for fold in _folds(validation):
        known, new = known + fold.known, new + fold.new
        assert not set(query_ids[fold.known]) & set(query_ids[~fold.known])
        assert not set(new_ids[fold.new]) & {*new_ids[~fold.new], *query_ids[~fold.known]}
        with_nan = replace(validation, known=spoilt(validation.known, fold.known), new=spoilt(validation.new, fold.new))
        again = _calibrations(with_nan, ~fold.known, ~fold.new)
        for name, calibration in fold.calibrations.items():
            assert np.isfinite(calibration.spread).all()
            assert (calibration.prior, calibration.spread) == (again[name].prior, again[name].spread)
            for relation, found in calibration.curves.items():
                np.testing.assert_array_equal(found.scores, again[name].curves[relation].scores)
                np.testing.assert_array_equal(found.probabilities, again[name].curves[relation].probabilities)
    assert (known == 1).all() and (new == 1).all()  # each is tried once


@pytest.mark.parametrize("unseen", [True, False])
def test_how_sure_it_is_is_learnt_from_scores_that_were_tried(unseen: bool) -> None:
    validation = made_up(8, (1.5, 1.0), animals=8, unseen=unseen)
    matching, identities = learn_matching(validation), Identities.of(validation.gallery_ids)
    for name, learnt in matching.matchers.items():
        known, new = (identities.merge(scores) for scores in scores_tried(validation, name, learnt.by_viewpoint))
        truth = np.array([identities.names.tolist().index(animal) for animal in validation.known.ids])
        expected = learn_decider(known, truth, new)
        decider = matching.decider(name)
        assert (decider.weights, decider.even) == (expected.weights, expected.even)
        np.testing.assert_array_equal(decider.known, expected.known)
        np.testing.assert_array_equal(decider.new, expected.new)

        def surest(scores: np.ndarray, decider: Decider = decider) -> np.ndarray:
            return np.sort(decider.probability(identities.merge(scores)).max(axis=1))

        assert (surest(learnt_scores(matching, name, validation.known)) != decider.known).any()


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_no_more_new_animals_are_matched_than_promised(rate: float) -> None:
    """Photos that nobody has seen, of animals that nobody has seen."""
    shares = []
    for seed in range(12):
        validation = made_up(seed, (2.0,), unseen=True, new_photos=24)
        matching = learn_matching(validation)
        rng = np.random.default_rng([seed, 1])
        relation: Codes = np.zeros((1000, len(validation.gallery_ids)), np.int8)
        scores = matching.matcher(EMBEDDING).combined({EMBEDDING: rng.normal(size=relation.shape)}, relation)
        decider = matching.decider(EMBEDDING)
        sure = decider.probability(Identities.of(validation.gallery_ids).merge(scores)).max(axis=1)
        shares.append((sure >= decider.match_from(rate)).mean())
    assert np.mean(shares) <= rate + 3 * np.std(shares) / np.sqrt(len(shares))


def test_noise_looks_no_better_than_it_is() -> None:
    """Had it been learnt from the very photos it is tried on, chance would look like knowledge."""
    figures = [learn_matching(made_up(seed, (0.0, 0.0), animals=8)).matchers for seed in range(6)]
    chance = np.mean([1 / rank for rank in range(1, 9)])
    for name in (EMBEDDING, LOCAL, FUSED):
        assert np.mean([learnt[name].reciprocal_rank for learnt in figures]) < chance + 0.08


def asked(ids: list[str], **scores: list[list[float]]) -> ScoredPhotos:
    arrays = {name: np.array(values) for name, values in scores.items()}
    return ScoredPhotos(np.array(ids), arrays, np.zeros((len(ids), 2), np.int8))


@pytest.mark.parametrize(
    "validation",
    [
        pytest.param(
            Validation(
                np.array(["a", "b"]),
                asked(["a"], embedding=[[0.9, 0.1]]),
                asked(["a"], embedding=[[-np.inf, 0.1]]),
                False,
            ),
            id="one query",
        ),
        pytest.param(
            Validation(
                np.array(["a", "b"]),
                asked(["a", "b"], embedding=[[1, 1], [1, 1]], local=[[0, 0], [0, 0]]),
                asked(["c"], embedding=[[1, 1]], local=[[0, 0]]),
                True,
            ),
            id="all the same",
        ),
        pytest.param(made_up(animals=2), id="two animals"),
        pytest.param(made_up(animals=2, unseen=True, new_photos=0), id="nobody new"),
        pytest.param(made_up(animals=2, unseen=True), id="more new ones than known ones"),
    ],
)
def test_little_to_learn_from_is_no_failure(validation: Validation, tmp_path: Path) -> None:
    matching = learn_matching(validation)
    for name, learnt in matching.matchers.items():
        assert np.isfinite(learnt_scores(matching, name, validation.known)).all()
        assert 0 < learnt.reciprocal_rank <= 1
    write_matching(matching, tmp_path / "matching.json")
    assert read_matching(tmp_path / "matching.json") is not None


@pytest.mark.parametrize("count", [0, 1, 5, 6, 50])
def test_no_more_than_enough_are_asked(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wildtrack.address.evaluation.protocol.MOST_QUERIES", 5)
    rows = np.arange(count) * 3
    found = some_of(rows)
    assert len(found) == min(5, count) == len(set(found.tolist()))
    assert set(found.tolist()) <= set(rows.tolist())
    assert found.tolist() == sorted(found.tolist()) == some_of(rows).tolist()


def catalogue(seed: int, with_new: bool) -> tuple[pd.DataFrame, Features, Protocol]:
    """Eight animals with two photos in the gallery and one query each; two more animals that are unknown."""
    rng = np.random.default_rng(seed)
    names = [name for name in "abcdefgh" for _ in range(3)] + ["x", "x", "y"]
    centres = {name: rng.normal(size=6) for name in sorted(set(names))}
    embeddings = unit(np.stack([centres[name] + 0.2 * rng.normal(size=6) for name in names]))
    rows = np.arange(24)
    unknown = np.arange(24, 27) if with_new else np.arange(0)
    table = pd.DataFrame({"identity": names, "orientation": rng.choice(["left", "right", ""], 27)})
    features = Features(embeddings, table["orientation"].to_numpy(dtype=object))
    return table, features, Protocol(rows[2::3], rows[rows % 3 < 2], "by hand", 0, unknown)


@pytest.mark.parametrize("with_new", [True, False])
def test_a_catalogues_validation_photos_teach_what_is_new(with_new: bool) -> None:
    table, features, protocol = catalogue(0, with_new)
    validation = score_validation(table, features, protocol)
    np.testing.assert_allclose(
        validation.known.scores[EMBEDDING],
        features.embeddings[protocol.queries] @ features.embeddings[protocol.gallery].T,
        atol=1e-6,
    )
    assert np.isneginf(validation.new.scores[EMBEDDING]).sum() == (0 if with_new else 16)  # their own two photos
    matching = learn_matching(validation)
    assert (matching.queries, matching.identities, matching.gallery) == (8, 8, 16)
    new = (matching.new_photos, matching.new_animals, matching.unseen)
    assert new == ((3, 2, True) if with_new else (8, 8, False))
    learnt = matching.matchers[EMBEDDING]
    assert learnt.reciprocal_rank == 1.0
    told_apart = auroc(learnt.decider.known, learnt.decider.new)
    assert told_apart is not None and told_apart > 0.8  # eight photos, each read with what the others teach
    assert np.median(learnt.decider.known) > np.median(learnt.decider.new)


def test_few_of_many_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wildtrack.address.evaluation.protocol.MOST_QUERIES", 4)
    matching = learn_matching(score_validation(*catalogue(1, False)))
    assert (matching.queries, matching.new_photos) == (4, 4)
