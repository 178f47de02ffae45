import numpy as np
import pytest

from wildtrack.address.fusion import TIE, Calibration, calibrate, fuse


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
    np.testing.assert_allclose(calibration.position(np.array([-5.0, 0.5, 9.0])), [0, 0.25, 1])


@pytest.mark.parametrize("same", [np.zeros(4, bool), np.ones(4, bool)])
@pytest.mark.parametrize("scores", [np.arange(4.0), np.ones(4)])
def test_one_kind_of_pair_or_of_score_is_no_failure(scores: np.ndarray, same: np.ndarray) -> None:
    calibration = calibrate(scores, same)
    assert calibration(scores).tolist() == same.astype(float).tolist()
    assert np.isfinite(calibration.position(scores)).all()


def test_fusion_is_the_mean_and_ties_go_by_the_scores() -> None:
    step = Calibration(np.array([0.0, 1.0, 1.0, 4.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    line = Calibration(np.array([0.0, 10.0]), np.array([0.0, 1.0]))
    first, second = np.array([[0.5, 3.0, 2.0]]), np.array([[5.0, 5.0, 5.0]])
    fused = fuse([first, second], [step, line])
    np.testing.assert_allclose(fused, [[0.25, 0.75, 0.75]], atol=2 * TIE)
    assert fused[0, 1] > fused[0, 2]  # level, but the score is higher
