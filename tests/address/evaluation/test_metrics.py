import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wildtrack.address.evaluation import metrics
from wildtrack.address.evaluation.metrics import (
    bootstrap_intervals,
    paired_difference,
    retrieval_scores,
    summarise,
    top_k_accuracy,
)
from wildtrack.address.matching.embedding import Cosines

NAN = math.nan


def test_blocks_and_the_way_of_counting_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks of few right photos are counted, those of many come from sorted similarities."""
    rng, names = np.random.default_rng(0), np.array(list("abc"), dtype=object)
    for kind in ("f2", "f4", "f8"):
        similarity = rng.choice([-np.inf, -1.0, -0.0, 0.0, 0.5, 0.7, np.inf], size=(30, 40)).astype(kind)
        ids, known, excluded = rng.choice(names, 30), rng.choice(names, 40), rng.random((30, 40)) < 0.3
        found = []
        for block_cells, few in ((1 << 20, 1000), (1, 0), (90, 9)):
            monkeypatch.setattr(metrics, "BLOCK_CELLS", block_cells)
            monkeypatch.setattr(metrics, "FEW", few)
            scores = retrieval_scores(similarity, ids, known, excluded)
            found.append((scores.to_numpy(float).tolist(), bootstrap_intervals(scores, ids, repeats=50)))
        assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("num_queries", [0, 1, 9])
def test_cosines_are_computed_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch, num_queries: int) -> None:
    monkeypatch.setattr(metrics, "BLOCK_CELLS", 30)
    sizes = []

    class Watched(Cosines):
        def __getitem__(self, rows: slice) -> NDArray[Any]:
            block = super().__getitem__(rows)
            sizes.append(block.shape)
            return block

    generator = np.random.default_rng(0)
    queries, gallery = (generator.integers(-2, 3, (count, 4)).astype(np.float32) for count in (num_queries, 10))
    names = generator.choice(["a", "b", "c"], num_queries), generator.choice(["a", "b"], 10)
    found = retrieval_scores(Watched(queries, gallery), *names)
    pd.testing.assert_frame_equal(found, retrieval_scores(queries @ gallery.T, *names))
    assert sizes == [(3, 10)] * (num_queries // 3) + [(1, 10)] * (num_queries % 3)


@pytest.mark.parametrize(
    ("similarity", "excluded", "message"),
    [
        (np.array([[0.5, NAN]]), None, "NaN"),
        (Cosines(np.full((1, 4), NAN), np.zeros((2, 4))), None, "NaN"),
        (Cosines(np.zeros((1, 4)), np.zeros((3, 4))), None, r"shape \(1, 2\), not \(1, 3\)"),
        (np.zeros((2, 2)), None, r"shape \(1, 2\)"),
        (np.zeros((1, 2)), np.zeros((1, 3), bool), r"shape \(1, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(similarity: Any, excluded: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        retrieval_scores(similarity, ["a"], ["a", "b"], excluded)


def test_labels_of_any_kind() -> None:
    similarity = np.array([[0.1, 0.9]])
    for kind in (list, np.array, pd.Series, lambda names: pd.Series(names, index=[5] * len(names), dtype=object)):
        assert retrieval_scores(similarity, kind(["a"]), kind(["b", "a"]))["R@1"].tolist() == [1.0]
    nul = np.array(["a\0"], dtype=object)
    assert retrieval_scores(similarity, nul, ["b", "a"])["answerable"].tolist() == [False]


def scored(seed: int, skill: float, num_ids: int = 40, each: int = 5) -> tuple[pd.DataFrame, NDArray[Any]]:
    generator = np.random.default_rng(seed)
    names = np.repeat([f"t{number}" for number in range(num_ids)], each)
    gallery = np.array([f"t{number}" for number in range(num_ids)])
    noise = generator.normal(size=(len(names), num_ids)) + generator.normal(size=(num_ids, 1)).repeat(each, axis=0)
    return retrieval_scores(noise + skill * (names[:, None] == gallery), names, gallery), names


def test_intervals_hold_the_average_and_resample_identities() -> None:
    scores, names = scored(0, skill=2)
    summary, intervals = summarise(scores, names), bootstrap_intervals(scores, names)
    assert list(intervals) == ["R@1", "R@5", "R@10", "mAP", "mINP"]
    assert all(0 <= low < (summary[name] or 0) < high <= 1 for name, (low, high) in intervals.items())
    order = np.random.default_rng(1).permutation(len(names))
    copies = pd.concat([scores] * 4, ignore_index=True)  # more photos of the same animals teach nothing new
    for again, of in ((scores, names), (scores.iloc[order], names[order]), (copies, np.tile(names, 4))):
        for name, interval in bootstrap_intervals(again, of).items():
            assert interval == pytest.approx(intervals[name])


def test_intervals_agree_with_a_plain_loop() -> None:
    scores, names = scored(3, skill=1, num_ids=15, each=3)
    figure = scores["AP"].to_numpy()
    draws = np.random.default_rng(9).choice(np.unique(names), size=(4000, 15))
    averages = [np.concatenate([figure[names == name] for name in drawn]).mean() for drawn in draws]
    expected = np.percentile(averages, [2.5, 97.5])
    assert bootstrap_intervals(scores, names, repeats=4000)["mAP"] == pytest.approx(expected, abs=0.02)


def test_paired_difference() -> None:
    better, names = scored(0, skill=4)
    worse, _ = scored(1, skill=1)
    found = paired_difference(better, worse, names)
    assert list(found) == ["R@1", "R@5", "R@10", "mAP", "mINP"]
    assert all(figure["low"] <= figure["difference"] <= figure["high"] for figure in found.values())
    assert found["mAP"]["low"] > 0
    back = paired_difference(worse, better, names)["mAP"]
    assert back["low"] == pytest.approx(-found["mAP"]["high"])
    assert paired_difference(better, better, names)["R@1"] == {"difference": 0.0, "low": 0.0, "high": 0.0}


def test_paired_difference_takes_queries_answerable_in_both() -> None:
    similarity, names, gallery = np.array([[0.9, 0.1], [0.9, 0.1]]), ["a", "b"], ["a", "b"]
    first = retrieval_scores(similarity, names, gallery)
    second = retrieval_scores(-similarity, names, gallery, np.array([[False, False], [False, True]]))
    assert paired_difference(first, second, names)["R@1"] == {"difference": 1.0, "low": 1.0, "high": 1.0}
    with pytest.raises(ValueError, match="same queries"):
        paired_difference(first, second.iloc[:1], names)
    with pytest.raises(ValueError, match="same columns"):
        paired_difference(first, retrieval_scores(similarity, names, gallery, ks=(1,)), names)


@pytest.mark.parametrize(
    ("probabilities", "truth", "k", "expected"),
    [
        ([[0.7, 0.2, 0.1]], [1], 1, 0.0),
        ([[0.7, 0.2, 0.1]], [1], 2, 1.0),
        ([[0.4, 0.4, 0.2]], [1], 1, 0.0),
        ([[0.4, 0.4, 0.2]], [0], 1, 1.0),
        ([[0.4, 0.4, 0.2], [0.1, 0.1, 0.8]], [1, 2], 1, 0.5),
        ([[0.5, 0.5]], [1], 5, 1.0),
    ],
)
def test_top_k_accuracy(probabilities: list[list[float]], truth: list[int], k: int, expected: Any) -> None:
    assert top_k_accuracy(np.array(probabilities, dtype=np.float32), np.array(truth), k) == expected


def test_top_k_accuracy_of_nothing_and_of_broken_input() -> None:
    assert math.isnan(top_k_accuracy(np.zeros((0, 3)), np.zeros(0, dtype=int), 1))
    one, wrong = np.zeros((1, 3)), "do not fit 3 columns"
    for values, truth, message in (
        (one, 3, wrong),
        (one, -1, wrong),
        (one + NAN, 0, "NaN"),
        (np.zeros((2, 3)), 0, "fit truth"),
    ):
        with pytest.raises(ValueError, match=message):
            top_k_accuracy(values, np.array([truth]), 1)
