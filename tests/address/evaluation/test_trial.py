import json
from dataclasses import replace

import numpy as np
import pytest

from tests.address.matching.local.test_voting import keypoints
from wildtrack.address.evaluation.metrics import identity_similarity
from wildtrack.address.evaluation.open_set import auroc
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.evaluation.trial import REAL, SIMULATED, Trial, trial_report, try_matcher
from wildtrack.address.features.similarities import Described, Known
from wildtrack.address.matching.calibration import Calibration, Evidence
from wildtrack.address.matching.decision import Decider
from wildtrack.address.matching.learning import EMBEDDING, FUSED, LOCAL, LearntMatcher, Matching

NAMES = np.array([*"aabbccdd", *"abcd", *"xyy"], dtype=object)  # who is known, who asks, whom nobody knows
SIDES = np.array([*["left", "right"] * 4, *["left"] * 4, *["", "left", "right"]], dtype=object)
PROTOCOL = Protocol(np.arange(8, 12), np.arange(8), "by hand", 0, np.arange(12, 15))
NO_STRANGERS = replace(PROTOCOL, strangers=np.arange(0))
NOT_LEAKY = np.zeros((4, 8), np.bool_)


def catalogue(with_keypoints: bool = True) -> Described:
    """Photos of an animal have embeddings and keypoints that are alike."""
    rng = np.random.default_rng(0)
    centres = {name: rng.normal(size=8) for name in sorted(set(NAMES))}
    vectors = np.stack([centres[name] + 0.1 * rng.normal(size=8) for name in NAMES])
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    own = {name: keypoints(rng, 30) for name in sorted(set(NAMES))}
    return Described(embeddings, [own[name] for name in NAMES] if with_keypoints else None)


def fake_matching(sided: bool = False, weights: tuple[float, float, float] = (1.0, 0.5, -1.0)) -> Matching:
    any_ = Calibration(np.array([-0.5, 1.0]), np.array([0.02, 0.9]))
    other = Calibration(np.array([-0.5, 1.0]), np.array([0.02, 0.2]))
    evidence = {
        EMBEDDING: Evidence(0.1, (-1.0, 1.0), {"any": any_, "same": any_, "other": other}),
        LOCAL: Evidence(0.1, (0.0, 5e3), {"any": Calibration(np.array([0.0, 2e3]), np.array([0.02, 0.9]))}),
    }
    decider = Decider(weights, np.array([0.4, 0.8]), np.array([0.1, 0.6]), 0.5)
    matchers = {name: LearntMatcher(sided, decider, 0.9, 0.8) for name in (EMBEDDING, LOCAL, FUSED)}
    return Matching(FUSED, evidence, matchers, 20, 5, 20, 5, 40, False)


def tried(
    matching: Matching | None, matcher: str, protocol: Protocol = PROTOCOL, leaky: np.ndarray = NOT_LEAKY
) -> Trial:
    return try_matcher(catalogue(matcher != EMBEDDING), protocol, NAMES, SIDES, leaky, matching, matcher)


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
@pytest.mark.parametrize("sided", [True, False])
@pytest.mark.parametrize("protocol", [PROTOCOL, NO_STRANGERS])
def test_known_animals_are_found(matcher: str, sided: bool, protocol: Protocol) -> None:
    trial = tried(fake_matching(sided), matcher, protocol)
    assert trial.scores.shape == trial.honest.shape == (4, 8)
    assert trial.truth.tolist() == [0, 1, 2, 3]
    assert trial.merged.argmax(axis=1).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(trial.honest, trial.scores)
    answers = trial.answers
    assert answers is not None
    assert answers.right.all()
    assert answers.known_ids.tolist() == list("abcd")
    assert answers.known.min() > answers.new.max()
    assert answers.new_ids.tolist() == (list("xyy") if len(protocol.strangers) else list("abcd"))
    assert trial.real_strangers == bool(len(protocol.strangers))
    assert trial.by_cosine == (matcher == EMBEDDING and not sided)
    assert trial.method == ("trained" if trial.by_cosine else matcher)


def test_played_strangers_are_asked_without_their_own_animal() -> None:
    """As if the gallery had no photo of it."""
    answers = tried(fake_matching(), FUSED, NO_STRANGERS).answers
    assert answers is not None
    everything = catalogue()
    for row, query in enumerate(NO_STRANGERS.queries):
        others = np.flatnonzero(NAMES[:8] != NAMES[query])
        similarities = Known(everything[others]).similarities(everything[np.array([query])])
        scores = fake_matching().scores(FUSED, similarities, np.zeros((1, len(others)), np.int8))
        merged = scores.reshape(1, -1, 2).max(axis=2)
        expected = fake_matching().matchers[FUSED].decider.probability(merged).max()
        assert answers.new[row] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_leaky_photos_are_taken_out_of_the_honest_ranking(matcher: str) -> None:
    leaky = NOT_LEAKY.copy()
    leaky[0, :2] = leaky[2, 4] = True
    trial = tried(fake_matching(), matcher, leaky=leaky)
    assert np.isfinite(trial.scores).all()
    np.testing.assert_array_equal(np.isneginf(trial.honest), leaky)
    np.testing.assert_array_equal(trial.honest[[1, 3]], trial.scores[[1, 3]])
    assert trial.merged.argmax(axis=1).tolist() == [0, 1, 2, 3]


def surest(matcher: str, query: int, kept: np.ndarray) -> float:
    """P of the first candidate where these rows of the catalogue are all that is known."""
    everything, matching = catalogue(matcher != EMBEDDING), fake_matching()
    similarities = Known(everything[kept]).similarities(everything[np.array([query])])
    scores = matching.scores(matcher, similarities, np.zeros((1, len(kept)), np.int8))
    merged, _ = identity_similarity(scores, NAMES[kept])
    return float(matching.decider(matcher).probability(merged).max())


@pytest.mark.parametrize("protocol", [PROTOCOL, NO_STRANGERS])
@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_honest_answers_are_those_of_a_gallery_without_the_leaky_photos(matcher: str, protocol: Protocol) -> None:
    leaky = NOT_LEAKY.copy()
    leaky[0, :2] = True  # all photos of its animal: there is no right answer left
    leaky[1, [2, 5]] = leaky[2, 4] = True
    trial = tried(fake_matching(), matcher, protocol, leaky)
    answers, honest = trial.answers, trial.honest_answers
    assert answers is not None and honest is not None
    assert answers.known_ids.tolist() == list("abcd")
    assert honest.known_ids.tolist() == list("bcd")
    assert honest.right.all()
    for place, query in enumerate((9, 10, 11)):
        kept = np.flatnonzero(~leaky[place + 1])
        assert honest.known[place] == pytest.approx(surest(matcher, query, kept), rel=1e-5)
    assert honest.known[2] == answers.known[3]  # which loses no photo
    np.testing.assert_array_equal(honest.new, answers.new)
    np.testing.assert_array_equal(honest.new_ids, answers.new_ids)
    for place, query in enumerate((8, 9, 10, 11)):
        assert answers.known[place] == pytest.approx(surest(matcher, query, np.arange(8)), rel=1e-5)


def test_a_match_that_only_a_leaky_photo_gives_away_is_none_without() -> None:
    """The animal's other known photo looks like nobody."""
    everything = catalogue(with_keypoints=False)
    embeddings = everything.embeddings.copy()
    embeddings[1] = -embeddings[0]
    leaky = NOT_LEAKY.copy()
    leaky[0, 0] = True
    photos, matching = Described(embeddings, None), fake_matching()
    trial = try_matcher(photos, PROTOCOL, NAMES, SIDES, leaky, matching, EMBEDDING)
    assert trial.answers is not None and trial.honest_answers is not None
    assert trial.answers.right[0]
    assert trial.honest_answers.known[0] < trial.answers.known[0]
    report = trial_report(trial, matching, "auto", 0.7, 3)["open_set"]
    honest = report["without_leaky_photos"]
    assert report["true_accepts"] - honest["true_accepts"] == 0.25
    assert report["false_matches"] == honest["false_matches"]
    assert (honest["num_known"], honest["num_new"]) == (4, 3)


def blurred(noise: float) -> Described:
    """Embeddings that tell animals apart now and then."""
    sharp = catalogue(with_keypoints=False).embeddings
    embeddings = sharp + noise * np.random.default_rng(1).normal(size=sharp.shape)
    return Described((embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), None)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("matching", [None, fake_matching()])
def test_how_well_best_scores_tell_real_strangers(noise: float, matching: Matching | None) -> None:
    photos = blurred(noise)
    trial = try_matcher(photos, PROTOCOL, NAMES, SIDES, NOT_LEAKY, matching, EMBEDDING)
    best = (photos.embeddings[8:] @ photos.embeddings[:8].T).max(axis=1)  # the evidence rises with it
    expected = np.mean([(known > new) + (known == new) / 2 for known in best[:4] for new in best[4:]])
    assert trial.auroc == pytest.approx(expected)
    report = trial_report(trial, matching, "auto", 0.01, 3)["open_set"]
    if matching is None:
        assert report == {"AUROC": trial.auroc, "num_known": 4, "num_new": 3}
    else:  # where P is known it tells them
        assert trial.answers is not None
        assert report["AUROC"] == auroc(trial.answers.known, trial.answers.new)


@pytest.mark.parametrize("matching", [None, fake_matching()])
def test_played_strangers_are_no_test_of_best_scores(matching: Matching | None) -> None:
    assert tried(matching, EMBEDDING, NO_STRANGERS).auroc is None


@pytest.mark.parametrize("protocol", [PROTOCOL, NO_STRANGERS])
def test_without_validation_it_is_the_cosine(protocol: Protocol) -> None:
    leaky = NOT_LEAKY.copy()
    leaky[1, 3] = True
    trial = tried(None, EMBEDDING, protocol, leaky)
    embeddings = catalogue().embeddings
    expected = embeddings[8:12] @ embeddings[:8].T
    np.testing.assert_allclose(trial.scores, expected, rtol=1e-6)
    np.testing.assert_allclose(trial.honest, np.where(leaky, -np.inf, expected), rtol=1e-6)
    assert trial.answers is None
    assert trial.honest_answers is None
    assert trial.method == "trained"
    report = trial_report(trial, None, "auto", 0.01, len(protocol.strangers))
    assert report["matcher"] == {"name": EMBEDDING, "asked_for": "auto"}
    told_apart = 1.0 if len(protocol.strangers) else None
    assert report["open_set"] == {"AUROC": told_apart, "num_known": 4, "num_new": len(protocol.strangers)}
    assert report["review_effort"]["mean_candidates"] == 1.0


def test_who_comes_first_is_told_by_the_scores() -> None:
    """P says nothing here: it is the same for all."""
    answers = tried(fake_matching(weights=(0.0, 0.0, 1.0)), EMBEDDING).answers
    assert answers is not None
    assert answers.right.all()


@pytest.mark.parametrize("protocol", [PROTOCOL, NO_STRANGERS])
@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_the_report_is_plain(matcher: str, protocol: Protocol) -> None:
    matching = fake_matching()
    report = trial_report(tried(matching, matcher, protocol), matching, "auto", 0.05, len(protocol.strangers))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["matcher"]["name"] == matcher
    assert report["matcher"]["validation_mAP"] == dict.fromkeys((EMBEDDING, LOCAL, FUSED), 0.8)
    assert report["open_set"]["new_animals"] == (REAL if len(protocol.strangers) else SIMULATED)
    assert report["matcher"]["validation_new_animals"] == 5
    assert report["open_set"]["AUROC"] == 1.0
    honest = report["open_set"]["without_leaky_photos"]
    assert honest == {name: report["open_set"][name] for name in honest}  # no photo is leaky
    assert set(report["open_set"]) - set(honest) == {"new_animals", "without_leaky_photos"}
    assert (report["open_set"]["num_known"], report["open_set"]["num_new"]) == (4, len(protocol.strangers) or 4)
    assert report["review_effort"] == {
        "candidates_for_95_percent": 1,
        "leafing_for_95_percent": 4,
        "mean_candidates": 1.0,
    }


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_a_gallery_of_one_animal(matcher: str) -> None:
    """Taken out for its own queries, nobody is left."""
    alone = Protocol(np.array([8]), np.array([0, 1]), "by hand", 0)
    trial = tried(fake_matching(), matcher, alone, np.ones((1, 2), np.bool_))
    assert trial.answers is not None
    assert trial.answers.right.all()
    assert trial.answers.new.tolist() == [0.0]
    assert np.isneginf(trial.honest).all()
    assert trial.honest_answers is not None
    assert len(trial.honest_answers.known) == len(trial.honest_answers.right) == 0
    report = trial_report(trial, fake_matching(), matcher, 0.01, 0)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    honest = report["open_set"]["without_leaky_photos"]
    assert (honest["AUROC"], honest["true_accepts"], honest["num_known"], honest["num_new"]) == (None, None, 0, 1)
