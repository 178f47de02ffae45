"""The retrieval figures of any ranking, with and without ties, are those of plain loops."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wildtrack.address.evaluation.metrics import bootstrap_intervals, paired_difference, retrieval_scores, summarise

KS = (1, 2, 3, 5, 10, 100)
FIGURES = [*(f"R@{count}" for count in KS), "mAP", "mINP"]
NAMES = ["a", "b", "Blå", "007", "nan", ""]


@dataclass(frozen=True)
class Case:
    similarity: NDArray[Any]  # (Q, G)
    queries: list[str]
    gallery: list[str]
    excluded: NDArray[np.bool_] | None

    def scores(self) -> pd.DataFrame:
        return retrieval_scores(self.similarity, self.queries, self.gallery, self.excluded, KS)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = st.sampled_from(NAMES)
    queries = draw(st.lists(names, max_size=8))
    gallery = draw(st.lists(names, max_size=30))
    size = len(queries) * len(gallery)
    value = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, math.inf]) | st.floats(-1, 1, width=32)
    values = draw(st.lists(value, min_size=size, max_size=size))
    similarity = np.array(values, dtype=draw(st.sampled_from([np.float32, np.float64])))
    taken = draw(st.none() | st.lists(st.booleans(), min_size=size, max_size=size))
    shape = (len(queries), len(gallery))
    excluded = None if taken is None else np.array(taken, dtype=bool).reshape(shape)
    return Case(similarity.reshape(shape), queries, gallery, excluded)


def plain(case: Case, query: int) -> dict[str, float] | None:
    """The figures of one query, by their definitions; None without a right photo."""
    ranking = [photo for photo in range(len(case.gallery)) if case.excluded is None or not case.excluded[query, photo]]
    ranking.sort(key=lambda photo: (-case.similarity[query, photo], photo))
    right = [case.gallery[photo] == case.queries[query] for photo in ranking]
    if not any(right):
        return None
    found = {f"R@{count}": float(any(right[:count])) for count in KS}
    precisions = [sum(right[: rank + 1]) / (rank + 1) for rank, is_right in enumerate(right) if is_right]
    hardest = max(rank + 1 for rank, is_right in enumerate(right) if is_right)
    return found | {"AP": sum(precisions) / len(precisions), "mINP": sum(right) / hardest}


@given(case=cases())
def test_each_figure_is_that_of_a_plain_loop_and_the_summary_their_mean(case: Case) -> None:
    """A query without a right photo is left out of the mean, and counted."""
    scores, expected = case.scores(), [plain(case, query) for query in range(len(case.queries))]
    columns = ["AP" if name == "mAP" else name for name in FIGURES]
    assert scores["answerable"].tolist() == [figures is not None for figures in expected]
    for row, figures in zip(scores[columns].to_dict("records"), expected, strict=True):
        wanted = dict.fromkeys(columns, math.nan) if figures is None else figures
        assert row == pytest.approx(wanted, rel=1e-12, nan_ok=True)
    answered = [figures for figures in expected if figures is not None]
    summary = summarise(scores, case.queries)
    assert summary["num_queries"] == len(answered)
    assert summary["num_unanswerable"] == len(expected) - len(answered)
    asked = zip(case.queries, expected, strict=True)
    assert summary["num_ids"] == len({name for name, figures in asked if figures is not None})
    for name, column in zip(FIGURES, columns, strict=True):
        mean = sum(figures[column] for figures in answered) / len(answered) if answered else None
        assert summary[name] == (None if mean is None else pytest.approx(mean, rel=1e-12))


@given(case=cases(), seed=st.integers(0, 2**32))
def test_an_interval_stays_inside_what_the_animals_show(case: Case, seed: int) -> None:
    """It never leaves the range of the averages of single animals, and repeats with its seed."""
    scores = case.scores()
    for found in paired_difference(scores, scores, case.queries, repeats=20).values():
        assert found == {"difference": 0.0, "low": 0.0, "high": 0.0}
    intervals = bootstrap_intervals(scores, case.queries, seed, repeats=200)
    summary = summarise(scores, case.queries)
    if not summary["num_queries"]:
        assert intervals == {}
        return
    assert intervals == bootstrap_intervals(scores, case.queries, seed, repeats=200)
    assert list(intervals) == FIGURES
    answerable = scores[scores["answerable"]].assign(
        name=[name for name, can_be in zip(case.queries, scores["answerable"], strict=True) if can_be]
    )
    means = answerable.drop(columns="answerable").groupby("name").mean()
    for name, (low, high) in intervals.items():
        own = means["AP" if name == "mAP" else name]
        assert own.min() - 1e-9 <= low <= high <= own.max() + 1e-9
        if len(own) == 1:  # one animal: nothing to draw from
            assert math.isclose(low, high, abs_tol=1e-12)


@given(values=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=12, max_size=40))
def test_an_interval_of_a_dozen_animals_holds_the_figure(values: list[list[bool]]) -> None:
    """Each animal is asked about three times, and found or not."""
    queries = [f"t{animal}" for animal in range(len(values)) for _ in range(3)]
    scores = retrieval_scores(
        np.array([[1.0, 0.0] if found else [0.0, 1.0] for animal in values for found in animal]),
        ["right"] * len(queries),
        ["right", "wrong"],
        ks=(1,),
    )
    summary, intervals = summarise(scores, queries), bootstrap_intervals(scores, queries, repeats=400)
    for name, (low, high) in intervals.items():
        value = summary[name]
        assert value is not None
        assert low - 1e-9 <= value <= high + 1e-9, name
