import math

import numpy as np
import pytest

from wildtrack.address.matching.decision import LIKELY, MISSED, Decider, even_threshold, learn_decider

NONE = np.zeros(0)


def decider(known: np.ndarray = NONE, new: np.ndarray = NONE, even: float = 0.5) -> Decider:
    return Decider((1.0, 0.5, -1.0), np.sort(known), np.sort(new), even)


def some_scores(rng: np.random.Generator, queries: int, identities: int) -> np.ndarray:
    """Scores with many ties and many identities that are excluded."""
    scores = rng.integers(-3, 4, (queries, identities)).astype(float)
    scores[rng.random(scores.shape) < 0.2] = -np.inf
    return scores


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([2.0], [1.0]),  # no other identity: no lead
        ([-math.inf], [-math.inf]),
        ([-math.inf, -math.inf], [-math.inf, -math.inf]),
        ([2.0, -math.inf], [1.0, -math.inf]),
        ([2.0, 2.0], [1.0, 1.0]),
        ([3.0, 1.0, 0.0], [3.0, -1.0, -2.5]),
        ([1e6, -1e6], [50.0, -50.0]),  # clipped
    ],
)
def test_probability_is_the_logistic_function_of_score_and_lead(scores: list[float], expected: list[float]) -> None:
    (found,) = decider().probability(np.array([scores])).tolist()
    assert found == pytest.approx([0.0 if odds == -math.inf else 1 / (1 + math.exp(-odds)) for odds in expected])
    assert all(p == 0 for p, odds in zip(found, expected, strict=True) if odds == -math.inf)


@pytest.mark.parametrize("seed", range(10))
def test_probability_never_falls_as_the_score_rises(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known, truth = some_scores(rng, 20, 6), rng.integers(0, 6, 20)
    known[np.arange(20), truth] = rng.integers(-3, 6, 20)
    learnt = learn_decider(known, truth, some_scores(rng, 12, 6))
    scores = some_scores(rng, 10, 6)
    before = learnt.probability(scores)
    assert ((before >= 0) & (before <= 1)).all() and (before[np.isneginf(scores)] == 0).all()
    for place in range(6):
        raised = scores.copy()
        raised[:, place] += rng.uniform(0, 3, 10)
        assert (learnt.probability(raised)[:, place] >= before[:, place] - 1e-12).all()
    there = np.isfinite(scores.max(axis=1))
    assert before[there, scores.argmax(axis=1)[there]] == pytest.approx(before[there].max(axis=1))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.29, 0.5, 0.99, 1.0])
def test_the_false_match_rate_holds_for_the_validation_photos(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    count = [0, 1, 2, 7, 100][seed // 2]
    new = np.round(rng.random(count), 1) if seed % 2 else rng.random(count)  # many ties, 0 and 1 among them
    one = decider(rng.random(30), new, float(rng.random()))
    match_from = one.match_from(rate)
    assert match_from >= max(LIKELY, one.even) >= one.new_below
    allowed = max(0, math.floor(rate * (count + 1) + 1e-9) - 1)  # another photo may be a false match too
    assert sum(p >= match_from for p in new) <= allowed
    if count and match_from > max(LIKELY, one.even):  # and it is as low as it may be
        assert sum(p >= np.nextafter(match_from, 0) for p in new) > allowed
    assert all(one.match_from(more) <= match_from for more in (rate, (1 + rate) / 2, 1.0))


@pytest.mark.parametrize("count", [0, 1, 19, 20, 200])
@pytest.mark.parametrize("even", [0.0, 0.3, 1.0])
def test_few_known_animals_are_called_new(count: int, even: float) -> None:
    known = np.random.default_rng(count).random(count)
    below = decider(known, even=even).new_below
    assert 0 <= below <= even and (known < below).sum() <= MISSED * count
    assert count or below == 0


@pytest.mark.parametrize(
    ("probability", "rate", "expected"),
    [
        (0.95, 0.0, "match"),
        (0.7, 0.0, "review"),  # one of the two new ones has this P
        (0.7, 0.5, "review"),  # half of three new ones is one: it may be this one
        (0.7, 0.67, "match"),
        (0.5, 1.0, "match"),  # even
        (0.49, 1.0, "review"),
        (0.4, 1.0, "review"),
        (0.39, 0.0, "new"),
        (0.0, 1.0, "new"),
        (1.0, 0.0, "match"),
    ],
)
def test_decisions(probability: float, rate: float, expected: str) -> None:
    assert decider(np.array([0.4, 0.8, 0.9]), np.array([0.1, 0.7])).decide(probability, rate) == expected


@pytest.mark.parametrize("seed", range(15))
def test_the_even_threshold_is_the_best_one(seed: int) -> None:
    rng, digits = np.random.default_rng(seed), 15 if seed % 3 else 1
    known, new = (rng.beta(*form, rng.integers(1, 30)).round(digits) for form in ((3, 1), (1, 2)))
    right = rng.random(len(known)) < 0.8
    right[0] = True

    def product(threshold: float) -> int:
        return int((known[right] >= threshold).sum() * (new < threshold).sum())

    found = even_threshold(known, right, new)
    assert product(found) >= max(product(threshold) for threshold in np.linspace(0, 1, 2001)) and 0 < found < 1


@pytest.mark.parametrize(
    ("known", "right", "new", "expected"),
    [
        ([], [], [], 0.5),
        ([0.9], [True], [], 0.5),
        ([], [], [0.9], 0.5),
        ([0.8, 0.8], [True, True], [0.4, 0.4], 0.6),
        ([0.9, 0.3], [True, False], [0.1], 0.6),  # the widest gap that separates them
        ([0.9], [False], [0.2], 0.55),  # no answer is right: all new ones are refused
    ],
)
def test_the_threshold_is_in_the_middle(
    known: list[float], right: list[bool], new: list[float], expected: float
) -> None:
    assert even_threshold(np.array(known), np.array(right, bool), np.array(new)) == pytest.approx(expected)


def easy(rng: np.random.Generator, queries: int, identities: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores in which the right identity is ahead by `gain` on average."""
    truth = rng.integers(0, identities, queries)
    scores = rng.normal(size=(queries, identities))
    scores[np.arange(queries), truth] += gain
    return scores, truth


def test_new_photos_weigh_as_much_as_known_ones_however_many() -> None:
    rng = np.random.default_rng(1)
    known, truth = easy(rng, 400, 5, 3.0)
    new = rng.normal(size=(300, 5))
    once, often = learn_decider(known, truth, new), learn_decider(known, truth, np.tile(new, (7, 1)))
    np.testing.assert_allclose(often.weights, once.weights, rtol=0.1)
    assert often.even == pytest.approx(once.even, abs=0.02)


@pytest.mark.parametrize(
    ("known", "truth", "new"),
    [
        pytest.param([[3.0]], [0], [[-math.inf]], id="one identity"),
        pytest.param([[3.0, 1.0]], [0], [[-math.inf, 1.0]], id="one query"),
        pytest.param([[3.0, 1.0], [1.0, 3.0]], [0, 1], np.zeros((0, 2)), id="no new photo"),
        pytest.param([[-math.inf, -math.inf]], [0], [[-math.inf, -math.inf]], id="all excluded"),
        pytest.param([[0.0, 0.0, 0.0]] * 3, [0, 1, 2], [[0.0, 0.0, 0.0]], id="all the same"),
        pytest.param([[1e9, 0.0], [0.0, 1e9]], [0, 1], [[1e9, 1e9]], id="huge"),
    ],
)
def test_little_to_learn_from(known: list[list[float]], truth: list[int], new: list[list[float]]) -> None:
    scores = np.array(known)
    learnt = learn_decider(scores, np.array(truth), np.array(new))
    assert np.isfinite(learnt.weights).all() and min(learnt.weights[:2]) >= 0
    assert np.isfinite(learnt.probability(scores)).all()
    assert 0 <= learnt.new_below <= learnt.even <= learnt.match_from(0.01)


@pytest.mark.parametrize("seed", range(5))
def test_scores_that_mislead_weigh_nothing_and_p_is_the_average(seed: int) -> None:
    """The right identity is the third best, and new animals score highest: of the candidates 1 in 6 is right."""
    scores = np.sort(np.random.default_rng(seed).normal(size=(300, 5)), axis=1)
    learnt = learn_decider(scores, np.full(300, 2), np.tile(scores + 3, (4, 1)))
    assert learnt.weights[:2] == (0.0, 0.0) and learnt.probability(scores) == pytest.approx(1 / 6, abs=0.01)


@pytest.mark.parametrize(("right", "expected"), [(1, 0.75), (0, 0.25)])
def test_where_all_or_no_candidates_are_right_p_is_not_certain(right: int, expected: float) -> None:
    """As if one more had been right, and one more wrong."""
    scores = np.array([[-math.inf, 1.0], [-math.inf, 2.0]])
    learnt = learn_decider(scores, np.array([right, right]), np.zeros((0, 2)))
    assert learnt.weights[:2] == (0.0, 0.0)
    assert learnt.probability(np.array([[-math.inf, 1.0]]))[0] == pytest.approx([0.0, expected])


@pytest.mark.parametrize(
    ("count", "rate", "expected"),
    [
        (120, 0.01, 1 / 121),
        (99, 0.01, 1 / 100),  # the fewest that are enough
        (199, 0.01, 2 / 200),
        (120, 0.1, 12 / 121),
        (20, 0.01, 1 / 21),  # too few: the lowest rate they can show
        (20, 0.0, 1 / 21),
    ],
)
@pytest.mark.parametrize("decimals", [16, 2])  # of P; two make ties
def test_the_false_match_rate_holds_for_other_photos(count: int, rate: float, expected: float, decimals: int) -> None:
    """Each P is above `LIKELY`, so that only the validation photos set the threshold."""
    shares = []
    for seed in range(1000):
        sure = 0.5 + 0.5 * np.random.default_rng([seed, count]).beta(2, 3, count + 1000).round(decimals)
        match_from = decider(new=sure[:count], even=0.0).match_from(rate)
        shares.append((sure[count:] >= match_from).mean())
    noise = 4 * np.std(shares) / math.sqrt(len(shares))
    assert np.mean(shares) <= expected + noise
    assert expected <= rate or count + 1 < 1 / max(rate, 1e-9)
    if decimals > 2:  # and no fewer
        assert np.mean(shares) == pytest.approx(expected, abs=noise)
