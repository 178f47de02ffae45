import math

import numpy as np
import pytest

from wildtrack.address.matching.calibration import CERTAIN, FEWEST_PAIRS, TIE, Calibration, Curve, calibrate, fit_curve
from wildtrack.address.matching.viewpoints import ANY, OTHER, RELATIONS, SAME


@pytest.mark.parametrize("same", [np.zeros(4, bool), np.ones(4, bool)])
@pytest.mark.parametrize("scores", [np.arange(4.0), np.ones(4)])
def test_a_curve_of_one_kind_of_pair_or_of_score(scores: np.ndarray, same: np.ndarray) -> None:
    assert fit_curve(scores, same)(scores).tolist() == same.astype(float).tolist()


def draw_pairs(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, whether they are of one animal, and the relation; between two viewpoints they say less."""
    rng = np.random.default_rng(seed)
    same, relation = rng.random(count) < 0.3, rng.integers(0, 3, count).astype(np.int8)
    scores = rng.normal(size=count) + 2.0 * same * np.where(relation == OTHER, 0.3, 1.0)
    return np.round(scores, 1), same, relation


@pytest.mark.parametrize("seed", range(3))
def test_log_odds_agree_with_a_plain_loop(seed: int) -> None:
    scores, same, relation = draw_pairs(seed)
    calibration = calibrate(*(each.reshape(20, 20) for each in (scores, same, relation)))
    assert set(calibration.curves) == set(RELATIONS)
    found = calibration.log_odds(scores, relation)
    prior, low, high = same.mean(), min(scores), max(scores)
    for score, code, odds in zip(scores, relation, found, strict=True):
        alike = np.ones(len(scores), bool) if code == ANY else relation == code
        share = float(fit_curve(scores[alike], same[alike])(score))
        share = min(max(share, prior / CERTAIN), max(prior, 1 - 1 / CERTAIN))
        expected = math.log(share / (1 - share)) - math.log(prior / (1 - prior)) + TIE * (score - low) / (high - low)
        assert odds == pytest.approx(expected, abs=1e-9)
    assert found[same & (relation == SAME)].mean() > found[same & (relation == OTHER)].mean()


@pytest.mark.parametrize("relation", [ANY, SAME, OTHER])
@pytest.mark.parametrize("seed", range(3))
def test_log_odds_rise_with_the_score(seed: int, relation: int) -> None:
    found = calibrate(*draw_pairs(seed)).log_odds(np.linspace(-20, 20, 500), np.full(500, relation, np.int8))
    assert (np.diff(found) > 0).all()  # also beyond the scores it was learnt from and where the curve is level
    assert np.isfinite(found).all()


@pytest.mark.parametrize("few", [SAME, OTHER])
@pytest.mark.parametrize(("count", "regarded"), [(0, False), (FEWEST_PAIRS - 1, False), (FEWEST_PAIRS, True)])
def test_viewpoints_count_only_with_enough_pairs(few: int, count: int, regarded: bool) -> None:
    scores, same, relation = draw_pairs(0)
    same &= (relation != few) | (np.cumsum(same & (relation == few)) <= count)
    assert (same & (relation == few)).sum() == count
    calibration = calibrate(scores, same, relation)
    assert ("same" in calibration.curves) == ("other" in calibration.curves) == regarded
    unknown = np.zeros_like(relation)
    equal = calibration.log_odds(scores, relation) == calibration.log_odds(scores, unknown)
    assert equal.all() != regarded


@pytest.mark.parametrize("prior", [1e-6, 0.02, 0.5, 0.999])
def test_no_score_makes_certain(prior: float) -> None:
    calibration = Calibration(prior, (0.0, 1.0), {"any": Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))})
    odds = np.exp(calibration.log_odds(np.array([0.0, 1.0]), np.zeros(2, np.int8))) * prior / (1 - prior)
    least, most = odds / (1 + odds)
    assert least == pytest.approx(prior / CERTAIN)
    assert most == pytest.approx(max(prior, 1 - 1 / CERTAIN), rel=TIE)


def test_ties_in_log_odds_are_broken_by_the_score() -> None:
    step = Calibration(0.5, (0.0, 4.0), {"any": Curve(np.array([0.0, 1.0, 1.0, 4.0]), np.array([0, 0, 0.8, 0.8]))})
    low, high, middle = step.log_odds(np.array([0.5, 3.0, 2.0]), np.zeros(3, np.int8))
    np.testing.assert_allclose([low, high, middle], [-math.log(39), math.log(4), math.log(4)], atol=2 * TIE)
    assert high > middle


def test_equal_scores_give_log_odds_of_zero() -> None:
    calibration = calibrate(np.full(4, 0.7), np.array([True, False, False, False]), np.zeros(4, np.int8))
    assert calibration.log_odds(np.full(4, 0.7), np.zeros(4, np.int8)).tolist() == [0.0] * 4
