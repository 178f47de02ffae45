import math
from collections.abc import Sequence
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

COLUMNS = ["R@1", "R@5", "R@10", "AP", "mINP", "answerable"]
NAN = float("nan")

Case = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.bool_] | None]


def brute_force(
    similarity: NDArray[Any],
    query_ids: NDArray[Any],
    gallery_ids: NDArray[Any],
    excluded: NDArray[np.bool_] | None,
    ks: Sequence[int],
) -> list[list[float]]:
    """The definitions, word by word."""
    rows = []
    for query, name in enumerate(query_ids):
        ranking = [photo for photo in range(len(gallery_ids)) if excluded is None or not excluded[query][photo]]
        ranking = sorted(ranking, key=[(-value, photo) for photo, value in enumerate(similarity[query])].__getitem__)
        right_ranks = [rank for rank, photo in enumerate(ranking, start=1) if gallery_ids[photo] == name]
        if not right_ranks:
            rows.append([NAN] * (len(ks) + 2) + [False])
            continue
        recall = [float(any(rank <= count for rank in right_ranks)) for count in ks]
        precisions = [sum(other <= rank for other in right_ranks) / rank for rank in right_ranks]
        rows.append([*recall, sum(precisions) / len(precisions), len(right_ranks) / max(right_ranks), True])
    return rows


def random_case(seed: int) -> Case:
    generator = np.random.default_rng(seed)
    num_queries, num_gallery = int(generator.integers(0, 9)), int(generator.choice([0, 1, 1, 2, 7, 15, 40]))
    names = np.array(["a", "b", "ç", "d", "e"][: generator.integers(1, 6)], dtype=object)
    values = generator.choice([-1.0, -0.0, 0.0, 0.25, 0.5, 1.0, np.inf, -np.inf], size=generator.integers(1, 6))
    if seed % 4 == 0:
        values = generator.normal(size=1000)  # hardly any ties
    similarity = generator.choice(values, size=(num_queries, num_gallery)).astype(generator.choice(["f2", "f4", "f8"]))
    excluded = generator.random(similarity.shape) < generator.choice([0.1, 0.5, 0.9]) if seed % 3 else None
    return similarity, generator.choice(names, num_queries), generator.choice(names, num_gallery), excluded


@pytest.mark.parametrize(("block_cells", "few"), [(1, 2), (20, 1000), (1 << 20, 0)])  # both, counting, sorting
def test_scores_agree_with_a_plain_double_loop(monkeypatch: pytest.MonkeyPatch, block_cells: int, few: int) -> None:
    monkeypatch.setattr(metrics, "BLOCK_CELLS", block_cells)
    monkeypatch.setattr(metrics, "FEW", few)
    for seed in range(300):
        case = random_case(seed)
        scores = retrieval_scores(*case, ks=(1, 3, 10))
        expected = brute_force(*case, ks=(1, 3, 10))
        assert list(scores) == ["R@1", "R@3", "R@10", "AP", "mINP", "answerable"]
        np.testing.assert_allclose(
            scores.to_numpy(dtype=float), np.array(expected, dtype=float).reshape(-1, 6), rtol=1e-12, err_msg=str(seed)
        )


@pytest.mark.parametrize(
    ("similarity", "gallery_ids", "excluded", "expected"),
    [
        ([0.9, 0.5, 0.1], "aba", None, [1, 1, 1, (1 + 2 / 3) / 2, 2 / 3, True]),
        ([0.5, 0.5], "ba", None, [0, 1, 1, 0.5, 0.5, True]),
        ([0.5, 0.5], "ab", None, [1, 1, 1, 1, 1, True]),
        ([-0.0, 0.0], "ba", None, [0, 1, 1, 0.5, 0.5, True]),
        ([0.9, 0.5], "ba", [True, False], [1, 1, 1, 1, 1, True]),
        ([0.9, 0.5], "ba", [False, True], [NAN] * 5 + [False]),
        ([-np.inf, -np.inf], "ba", [True, False], [1, 1, 1, 1, 1, True]),
        ([0.9], "b", None, [NAN] * 5 + [False]),
        ([0.9], "a", None, [1, 1, 1, 1, 1, True]),
        ([], "", None, [NAN] * 5 + [False]),
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], "bbbbba", None, [0, 0, 1, 1 / 6, 1 / 6, True]),
    ],
)
def test_scores_of_one_query(
    similarity: list[float], gallery_ids: str, excluded: list[bool] | None, expected: Any
) -> None:
    mask = None if excluded is None else np.array([excluded])
    scores = retrieval_scores(np.array([similarity], dtype=np.float32), ["a"], list(gallery_ids), mask)
    assert list(scores) == COLUMNS
    np.testing.assert_allclose(scores.to_numpy(dtype=float)[0], expected)


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


def test_cosines_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 2\), not \(1, 3\)"):
        retrieval_scores(Cosines(np.zeros((1, 4)), np.zeros((3, 4))), ["a"], ["a", "b"])
    with pytest.raises(ValueError, match="NaN"):
        retrieval_scores(Cosines(np.full((1, 4), NAN), np.zeros((2, 4))), ["a"], ["a", "b"])


def test_no_queries() -> None:
    scores = retrieval_scores(np.zeros((0, 3)), [], ["a", "b", "c"])
    assert list(scores) == COLUMNS
    assert len(scores) == 0
    assert scores["answerable"].dtype == np.bool_
    nothing = dict.fromkeys(["R@1", "R@5", "R@10", "mAP", "mINP"])
    assert summarise(scores, []) == nothing | {"num_queries": 0, "num_unanswerable": 0, "num_ids": 0}
    assert bootstrap_intervals(scores, []) == {}
    assert paired_difference(scores, scores, []) == {}


def test_labels_of_any_kind() -> None:
    similarity = np.array([[0.1, 0.9]])
    for kind in (list, np.array, pd.Series, lambda names: pd.Series(names, index=[5] * len(names), dtype=object)):
        assert retrieval_scores(similarity, kind(["a"]), kind(["b", "a"]))["R@1"].tolist() == [1.0]
    nul = np.array(["a\0"], dtype=object)
    assert retrieval_scores(similarity, nul, ["b", "a"])["answerable"].tolist() == [False]


def test_scores_of_broken_input() -> None:
    with pytest.raises(ValueError, match="NaN"):
        retrieval_scores(np.array([[0.5, NAN]]), ["a"], ["a", "b"])
    with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        retrieval_scores(np.zeros((2, 2)), ["a"], ["a", "b"])
    with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        retrieval_scores(np.zeros((1, 2)), ["a"], ["a", "b"], np.zeros((1, 3), bool))


def test_the_input_is_left_alone() -> None:
    similarity = np.array([[0.5, 0.1]])
    excluded = np.array([[True, False]])
    retrieval_scores(similarity, ["a"], ["a", "a"], excluded)
    assert similarity.tolist() == [[0.5, 0.1]]
    assert excluded.tolist() == [[True, False]]


def test_summary_counts_and_averages() -> None:
    similarity = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    names = ["a", "b", "b", "c"]
    summary = summarise(retrieval_scores(similarity, names, ["a", "b"]), names)
    assert summary == {
        "R@1": pytest.approx(1 / 3),
        "R@5": 1.0,
        "R@10": 1.0,
        "mAP": pytest.approx(2 / 3),
        "mINP": pytest.approx(2 / 3),
        "num_queries": 3,
        "num_unanswerable": 1,
        "num_ids": 2,
    }
    assert {name: type(value) for name, value in summary.items() if name.startswith("num")} == dict.fromkeys(
        ["num_queries", "num_unanswerable", "num_ids"], int
    )
    assert type(summary["mAP"]) is float


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
    for name, (low, high) in intervals.items():
        value = summary[name]
        assert value is not None
        assert 0 <= low < value < high <= 1
    assert intervals == bootstrap_intervals(scores, names)
    order = np.random.default_rng(1).permutation(len(names))
    for name, interval in bootstrap_intervals(scores.iloc[order], names[order]).items():
        assert interval == pytest.approx(intervals[name])

    copies = pd.concat([scores] * 4, ignore_index=True)  # more photos of the same animals teach nothing new
    for name, interval in bootstrap_intervals(copies, np.tile(names, 4)).items():
        assert interval == pytest.approx(intervals[name])


def test_intervals_agree_with_a_plain_loop() -> None:
    scores, names = scored(3, skill=1, num_ids=15, each=3)
    figure = scores["AP"].to_numpy()
    generator = np.random.default_rng(9)
    averages = []
    for _ in range(4000):
        drawn = generator.choice(np.unique(names), size=15)
        averages.append(np.concatenate([figure[names == name] for name in drawn]).mean())
    expected = np.percentile(averages, [2.5, 97.5])
    assert bootstrap_intervals(scores, names, repeats=4000)["mAP"] == pytest.approx(expected, abs=0.02)


def test_interval_of_one_identity_is_its_average() -> None:
    scores = retrieval_scores(np.array([[0.9, 0.1], [0.1, 0.9]]), ["a", "a"], ["a", "b"])
    assert bootstrap_intervals(scores, ["a", "a"])["R@1"] == (0.5, 0.5)


def test_blocks_do_not_change_the_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, names = scored(0, skill=2)
    whole = bootstrap_intervals(scores, names, repeats=50)
    monkeypatch.setattr(metrics, "BLOCK_CELLS", 100)
    assert bootstrap_intervals(scores, names, repeats=50) == whole


def test_paired_difference() -> None:
    better, names = scored(0, skill=4)
    worse, _ = scored(1, skill=1)
    found = paired_difference(better, worse, names)
    assert list(found) == ["R@1", "R@5", "R@10", "mAP", "mINP"]
    for figure in found.values():
        assert figure["low"] <= figure["difference"] <= figure["high"]
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
        ([[0.7, 0.2, 0.1]], [0], 1, 1.0),
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


def test_top_k_accuracy_agrees_with_sorting() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.choice([0.0, 0.1, 0.2], size=(200, 8))
    truth = generator.integers(0, 8, 200)
    order = np.argsort(-probabilities, axis=1, kind="stable")
    for k in (1, 3, 8):
        expected = np.mean([own in row[:k] for own, row in zip(truth, order, strict=True)])
        assert top_k_accuracy(probabilities, truth, k) == pytest.approx(expected)


def test_top_k_accuracy_of_nothing_and_of_broken_input() -> None:
    assert math.isnan(top_k_accuracy(np.zeros((0, 3)), np.zeros(0, dtype=int), 1))
    for truth in ([3], [-1]):
        with pytest.raises(ValueError, match="do not fit 3 columns"):
            top_k_accuracy(np.zeros((1, 3)), np.array(truth), 1)
    with pytest.raises(ValueError, match="NaN"):
        top_k_accuracy(np.array([[NAN, 0.5]]), np.array([0]), 1)
    with pytest.raises(ValueError, match="do not fit truth"):
        top_k_accuracy(np.zeros((2, 3)), np.array([0]), 1)
