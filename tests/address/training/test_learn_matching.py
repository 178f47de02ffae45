from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import unit
from tests.helpers.spotted import FUSED, LOCAL
from tests.helpers.validation import learnt_scores, made_up
from wildtrack.address.evaluation.open_set import auroc
from wildtrack.address.evaluation.protocol import Protocol, some_of
from wildtrack.address.features.features import Features
from wildtrack.address.matching.decision import learn_decider
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.identities import Identities
from wildtrack.address.matching.matching import read_matching, summary, write_matching
from wildtrack.address.matching.viewpoints import Codes
from wildtrack.address.training.learn_matching import (
    ScoredPhotos,
    Validation,
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
    assert matching.gallery == 60 and len(matching.decider(matching.best).new) == matching.new_photos
    new = "20 photos of animals that training did not see" if unseen else "45 photos with their own animal taken out"
    assert summary(matching).startswith(f"Best matcher: {matching.best}. ")
    assert summary(matching).endswith(f"Decisions on new animals were learnt from {new}.")


@pytest.mark.parametrize("seed", range(3))
def test_viewpoints_are_regarded_only_where_they_matter(seed: int) -> None:
    validation = made_up(seed, (3.0,), offset=6.0)
    known, new = (replace(each, relation=0 * each.relation) for each in (validation.known, validation.new))
    regarded = learn_matching(validation).matchers[EMBEDDING]
    without = learn_matching(replace(validation, known=known, new=new)).matchers[EMBEDDING]
    assert (regarded.by_viewpoint, without.by_viewpoint) == (True, False)
    assert regarded.reciprocal_rank > without.reciprocal_rank
    nothing_to_gain = made_up(seed, (50.0,))
    assert not learn_matching(nothing_to_gain).matchers[EMBEDDING].by_viewpoint


def scores_tried(validation: Validation, name: str, by_viewpoint: bool) -> tuple[np.ndarray, np.ndarray]:
    return _tried(validation, _folds(validation), name, by_viewpoint)


@pytest.mark.parametrize(("unseen", "changed"), [(True, "known"), (True, "new"), (False, "known")])
@pytest.mark.parametrize("by_viewpoint", [True, False])
def test_scores_are_calibrated_by_photos_of_other_animals(by_viewpoint: bool, unseen: bool, changed: str) -> None:
    validation = made_up(5, animals=7, unseen=unseen)
    photos = validation.known if changed == "known" else validation.new
    before = scores_tried(validation, EMBEDDING, by_viewpoint)
    assert np.isfinite(before[0]).all()
    others_changed = np.zeros(2, bool)
    for row in range(0, len(photos.ids), 3):
        values = photos.scores[EMBEDDING].copy()
        values[row] = -3 * values[row]
        change: Any = {changed: replace(photos, scores={**photos.scores, EMBEDDING: values})}
        for place, after in enumerate(scores_tried(replace(validation, **change), EMBEDDING, by_viewpoint)):
            others = (validation.known, validation.new)[place].ids != photos.ids[row]
            same = ~others
            if place == (changed == "new"):
                same[row] = False  # the photo itself
            np.testing.assert_array_equal(after[same], before[place][same])
            others_changed[place] |= (after[others] != before[place][others]).any()
    assert others_changed.all()


@pytest.mark.parametrize("unseen", [True, False])
def test_decisions_are_learnt_from_scores_that_other_animals_calibrated(unseen: bool) -> None:
    validation = made_up(8, (1.5, 1.0), animals=8, unseen=unseen)
    matching, identities = learn_matching(validation), Identities.of(validation.gallery_ids)
    for name, learnt in matching.matchers.items():
        known, new = (identities.merge(scores) for scores in scores_tried(validation, name, learnt.by_viewpoint))
        truth = np.array([identities.names.tolist().index(animal) for animal in validation.known.ids])
        expected = learn_decider(known, truth, new)
        assert (learnt.decider.weights, learnt.decider.even) == (expected.weights, expected.even)
        np.testing.assert_array_equal(learnt.decider.known, expected.known)
        np.testing.assert_array_equal(learnt.decider.new, expected.new)


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


def scored(ids: str, **scores: list[list[float]]) -> ScoredPhotos:
    arrays = {name: np.array(values) for name, values in scores.items()}
    return ScoredPhotos(np.array(list(ids)), arrays, np.zeros((len(ids), 2), np.int8))


A_AND_B = np.array(["a", "b"])
TIED: dict[str, list[list[float]]] = {"embedding": [[1, 1]], "local": [[0, 0]]}
TIED_TWICE = {name: 2 * values for name, values in TIED.items()}
LITTLE = {
    "one query": Validation(A_AND_B, scored("a", embedding=[[1, 0]]), scored("a", embedding=[[-np.inf, 0]]), False),
    "all the same": Validation(A_AND_B, scored("ab", **TIED_TWICE), scored("c", **TIED), True),
    "two animals": made_up(animals=2),
    "no new animal": made_up(animals=2, unseen=True, new_photos=0),
    "more new animals than known ones": made_up(animals=2, unseen=True),
}


@pytest.mark.parametrize("name", LITTLE)
def test_little_to_learn_from_is_no_failure(name: str, tmp_path: Path) -> None:
    matching = learn_matching(LITTLE[name])
    for matcher, learnt in matching.matchers.items():
        assert np.isfinite(learnt_scores(matching, matcher, LITTLE[name].known)).all()
        assert 0 < learnt.reciprocal_rank <= 1
    write_matching(matching, tmp_path / "matching.json")
    assert read_matching(tmp_path / "matching.json") is not None


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
    cosines = features.embeddings[protocol.queries] @ features.embeddings[protocol.gallery].T
    np.testing.assert_allclose(validation.known.scores[EMBEDDING], cosines, atol=1e-6)
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


def test_no_more_than_enough_photos_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wildtrack.address.evaluation.protocol.MOST_QUERIES", 5)
    for count in (0, 1, 5, 6, 50):
        found = some_of(np.arange(count) * 3).tolist()
        assert len(found) == min(5, count) == len(set(found)) and set(found) <= set(range(0, 3 * count, 3))
        assert found == sorted(found)
    matching = learn_matching(score_validation(*catalogue(1, False)))
    assert (matching.queries, matching.new_photos) == (5, 5)
