import numpy as np
import pytest

from wildtrack.address.evaluation.open_set import (
    FirstAnswers,
    auroc,
    balanced_accuracy,
    decision_report,
    expected_calibration_error,
    pooled,
    reliability,
    review_effort,
)
from wildtrack.address.matching.decision import Decider


def answers(seed: int, known: int, new: int) -> FirstAnswers:
    """Made-up answers; every other seed gives many ties, and P of 0 and 1."""
    rng = np.random.default_rng(seed)
    sure, unsure = rng.random(known), rng.random(new)
    if seed % 2:
        sure, unsure = sure.round(1), unsure.round(1)
    names = np.array(["Ana", "Blå", "C $1", ""], dtype=object)
    return FirstAnswers(sure, rng.random(known) < sure, rng.choice(names, known), unsure, rng.choice(names[:2], new))


@pytest.mark.parametrize(
    ("known", "new", "expected"),
    [
        ([0.5], [], None),
        ([], [0.5], None),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.8], [0.1], 1.0),
        ([0.1], [0.9, 0.8], 0.0),
        ([np.inf, 0.1], [0.5, -np.inf], 0.75),
    ],
)
def test_auroc_of_few(known: list[float], new: list[float], expected: float | None) -> None:
    assert auroc(np.array(known), np.array(new)) == expected
    with pytest.raises(ValueError, match="NaN"):
        auroc(np.array([np.nan]), np.array([0.5]))


@pytest.mark.parametrize(
    ("right", "names", "expected"),
    [
        ([], [], None),
        ([True], ["a"], 1.0),
        ([True, True, True, False], ["a", "a", "a", "b"], 0.5),  # one photo of b says as much as three of a
    ],
)
def test_balanced_accuracy_of_few(right: list[bool], names: list[str], expected: float | None) -> None:
    assert balanced_accuracy(np.array(right, bool), np.array(names, object)) == expected


def test_calibration_error_of_answers_that_say_how_sure_they_are() -> None:
    rng = np.random.default_rng(0)
    sure = rng.random(20_000)
    names = np.full(20_000, "a", object)
    calibrated = FirstAnswers(sure, rng.random(20_000) < sure, names, np.zeros(0), names[:0])
    assert expected_calibration_error(calibrated) < 0.02
    boastful = FirstAnswers(np.ones(4), np.zeros(4, bool), names[:4], np.ones(4), names[:4])
    assert expected_calibration_error(boastful) == 1.0


def test_known_and_new_count_equally() -> None:
    probability, right, weights = pooled(answers(0, 10, 1000))
    assert len(probability) == len(right) == len(weights) == 1010
    assert weights[:10].sum() == pytest.approx(weights[10:].sum()) and not right[10:].any()


def test_reliability_of_each_step() -> None:
    probability, right = np.array([0.0, 0.05, 0.1, 1.0]), np.array([False, True, True, True])
    table = reliability(probability, right, np.array([1.0, 3.0, 1.0, 2.0]))
    np.testing.assert_allclose(table[:, 0], [4, 1, 0, 0, 0, 0, 0, 0, 0, 2])
    np.testing.assert_allclose(table[[0, 1, 9], 1:], np.array([[0.0375, 0.75], [0.1, 1.0], [1.0, 1.0]]))
    assert np.isnan(table[2:9, 1:]).all()


@pytest.mark.parametrize("identities", [1, 2, 7, 40])
@pytest.mark.parametrize("queries", [1, 2, 19, 20, 21, 60, 100])
def test_review_effort_agrees_with_a_plain_loop(queries: int, identities: int) -> None:
    rng = np.random.default_rng([queries, identities])
    scores = rng.integers(0, 6, (queries, identities)).astype(float)  # many ties
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    truth = rng.integers(0, identities, queries)
    ranks = []
    for row, right in zip(scores.tolist(), truth.tolist(), strict=True):
        ranks.append(1 + sorted(range(identities), key=lambda place: (-row[place], place)).index(right))
    enough = next(k for k in range(1, identities + 1) if 20 * sum(r <= k for r in ranks) >= 19 * queries)
    assert review_effort(scores, truth) == {
        "candidates_for_95_percent": enough,
        "leafing_for_95_percent": -(-19 * identities // 20),
        "mean_candidates": pytest.approx(sum(ranks) / queries),
    }


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_report_agrees_with_the_decisions(seed: int, rate: float) -> None:
    found, learnt = answers(seed, 40, 30), answers(seed + 10, 50, 60)
    decider = Decider((1.0, 0.0, 0.0), np.sort(learnt.known), np.sort(learnt.new), 0.55)
    words, new_words = ([decider.decide(p, rate) for p in each] for each in (found.known, found.new))
    report = decision_report(found, decider, rate)
    matched = [(word == "match", bool(right)) for word, right in zip(words, found.right, strict=True)]
    expected = {
        "true_accepts": sum(match and right for match, right in matched) / 40,
        "wrong_accepts": sum(match and not right for match, right in matched) / 40,
        "false_matches": new_words.count("match") / 30,
        "called_new": words.count("new") / 40,
        "new_called_new": new_words.count("new") / 30,
        "for_review": words.count("review") / len(words),
        "new_for_review": new_words.count("review") / len(new_words),
        "false_match_rate_asked_for": rate,
        "known_from_when_forced": 0.55,
        "num_known": 40,
        "num_new": 30,
    }
    assert {name: report[name] for name in expected} == pytest.approx(expected)
    assert report["BAKS"] == balanced_accuracy((found.known >= 0.55) & found.right, found.known_ids)
    assert report["BAUS"] == balanced_accuracy(found.new < 0.55, found.new_ids)
    assert report["AUROC"] == auroc(found.known, found.new) and 0 <= report["new_below"] <= report["match_from"]


@pytest.mark.parametrize(
    ("known", "new", "absent"),
    [
        (5, 0, {"AUROC", "false_matches", "new_called_new", "new_for_review", "BAUS"}),
        (0, 5, {"AUROC", "true_accepts", "wrong_accepts", "called_new", "for_review", "BAKS"}),
    ],
)
def test_what_cannot_be_said_is_none(known: int, new: int, absent: set[str]) -> None:
    report = decision_report(answers(0, known, new), Decider((1.0, 0.0, 0.0), np.zeros(0), np.zeros(0), 0.5), 0.01)
    assert {name for name, value in report.items() if value is None} == absent
