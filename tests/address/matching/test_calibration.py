import math

import numpy as np
import pytest

from wildtrack.address.matching.calibration import (
    ANY_SIDE,
    CERTAIN,
    FEWEST_PAIRS,
    OTHER_SIDE,
    RELATIONS,
    SAME_SIDE,
    TIE,
    Calibration,
    Evidence,
    calibrate,
    learn_evidence,
    side_relation,
)


def by_pooling(scores: np.ndarray, same: np.ndarray) -> list[float]:
    """Isotonic regression by a plain loop: neighbours out of order are pooled until none is."""
    order = np.argsort(scores, kind="stable")
    blocks = [[float(same[place])] for place in order]
    while True:
        for place in range(len(blocks) - 1):
            if np.mean(blocks[place]) > np.mean(blocks[place + 1]):
                blocks[place : place + 2] = [blocks[place] + blocks[place + 1]]
                break
        else:
            break
    pooled = np.empty(len(scores))
    pooled[order] = [np.mean(block) for block in blocks for _ in block]
    return pooled.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_calibration_agrees_with_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, same = rng.normal(size=40), rng.random(40) < 0.4
    found = calibrate(scores.reshape(4, 10), same.reshape(4, 10))(scores)
    np.testing.assert_allclose(found, by_pooling(scores, same), atol=1e-9)


def test_a_calibration_is_level_beyond_what_it_knows() -> None:
    calibration = Calibration(np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.1, 0.9]))
    np.testing.assert_allclose(calibration(np.array([[-5.0, 0.5], [1.5, 9.0]])), [[0.1, 0.1], [0.5, 0.9]])


@pytest.mark.parametrize("same", [np.zeros(4, bool), np.ones(4, bool)])
@pytest.mark.parametrize("scores", [np.arange(4.0), np.ones(4)])
def test_one_kind_of_pair_or_of_score_is_no_failure(scores: np.ndarray, same: np.ndarray) -> None:
    assert calibrate(scores, same)(scores).tolist() == same.astype(float).tolist()


@pytest.mark.parametrize(
    ("query", "gallery", "relation"),
    [
        ("left", "left", "same"),
        ("left", "right", "other"),
        ("", "left", "any"),
        ("left", "", "any"),
        ("", "", "any"),
    ],
)
def test_how_sides_relate(query: str, gallery: str, relation: str) -> None:
    for sides in ([query], np.array([query], dtype=object)):
        found = side_relation(sides, np.array([gallery, "x", gallery]))
        assert found.shape == (1, 3)
        assert RELATIONS[found[0, 0]] == RELATIONS[found[0, 2]] == relation
    assert side_relation([query], []).shape == (1, 0)


def draw_pairs(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, what they are of and between which sides; between sides they say less."""
    rng = np.random.default_rng(seed)
    same, relation = rng.random(count) < 0.3, rng.integers(0, 3, count).astype(np.int8)
    scores = rng.normal(size=count) + 2.0 * same * np.where(relation == OTHER_SIDE, 0.3, 1.0)
    return np.round(scores, 1), same, relation


def evidence_by_the_book(scores: np.ndarray, same: np.ndarray, relation: np.ndarray) -> list[float]:
    """What each of the pairs says that it was learnt from, one by one."""
    prior = same.mean()
    low, high = min(scores), max(scores)
    found = []
    for score, side in zip(scores, relation, strict=True):
        alike = np.ones(len(scores), bool) if side == ANY_SIDE else relation == side
        curve = calibrate(scores[alike], same[alike])
        share = min(max(float(curve(score)), prior / CERTAIN), max(prior, 1 - 1 / CERTAIN))
        odds = math.log(share / (1 - share)) - math.log(prior / (1 - prior))
        found.append(odds + TIE * (score - low) / (high - low))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_evidence_agrees_with_a_plain_loop(seed: int) -> None:
    scores, same, relation = draw_pairs(seed)
    evidence = learn_evidence(scores.reshape(20, 20), same.reshape(20, 20), relation.reshape(20, 20))
    assert set(evidence.calibrations) == set(RELATIONS)
    found = evidence(scores, relation)
    np.testing.assert_allclose(found, evidence_by_the_book(scores, same, relation), atol=1e-9)
    assert found[same & (relation == SAME_SIDE)].mean() > found[same & (relation == OTHER_SIDE)].mean()


@pytest.mark.parametrize("relation", [ANY_SIDE, SAME_SIDE, OTHER_SIDE])
@pytest.mark.parametrize("seed", range(3))
def test_a_higher_score_always_says_more(seed: int, relation: int) -> None:
    evidence = learn_evidence(*draw_pairs(seed))
    asked = np.linspace(-20, 20, 500)
    found = evidence(asked, np.full(500, relation, np.int8))
    assert (np.diff(found) > 0).all()  # never equal either, beyond what was seen and where the curve is level
    assert np.isfinite(found).all()


@pytest.mark.parametrize("few", [SAME_SIDE, OTHER_SIDE])
@pytest.mark.parametrize(("count", "minded"), [(0, False), (FEWEST_PAIRS - 1, False), (FEWEST_PAIRS, True)])
def test_sides_are_minded_where_enough_pairs_show_them(few: int, count: int, minded: bool) -> None:
    scores, same, relation = draw_pairs(0)
    same &= (relation != few) | (np.cumsum(same & (relation == few)) <= count)
    assert (same & (relation == few)).sum() == count
    evidence = learn_evidence(scores, same, relation)
    assert ("same" in evidence.calibrations) == ("other" in evidence.calibrations) == minded
    if not minded:
        np.testing.assert_array_equal(evidence(scores, relation), evidence(scores, np.zeros_like(relation)))


@pytest.mark.parametrize("prior", [1e-6, 0.02, 0.5, 0.999])
def test_no_witness_is_certain(prior: float) -> None:
    sure = Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    evidence = Evidence(prior, (0.0, 1.0), {"any": sure})
    least, most = np.exp(evidence(np.array([0.0, 1.0]), np.zeros(2, np.int8))) * prior / (1 - prior)  # odds again
    assert least / (1 + least) == pytest.approx(prior / CERTAIN)
    assert most / (1 + most) == pytest.approx(max(prior, 1 - 1 / CERTAIN), rel=TIE)


def test_evidence_adds_up_and_ties_go_by_the_scores() -> None:
    any_side = np.zeros((1, 3), np.int8)
    step = Evidence(0.5, (0.0, 4.0), {"any": Calibration(np.array([0.0, 1.0, 1.0, 4.0]), np.array([0, 0, 0.8, 0.8]))})
    line = Evidence(0.5, (0.0, 10.0), {"any": Calibration(np.array([0.0, 10.0]), np.array([0.0, 1.0]))})
    first, second = np.array([[0.5, 3.0, 2.0]]), np.array([[5.0, 5.0, 5.0]])
    both = step(first, any_side) + line(second, any_side)
    np.testing.assert_allclose(both, [[-math.log(39), math.log(4), math.log(4)]], atol=2 * TIE)
    assert both[0, 1] > both[0, 2]  # level, but the score is higher


def test_scores_that_are_all_the_same_say_nothing() -> None:
    same = np.array([True, False, False, False])
    evidence = learn_evidence(np.full(4, 0.7), same, np.zeros(4, np.int8))
    assert evidence(np.full(4, 0.7), np.zeros(4, np.int8)).tolist() == [0.0] * 4
