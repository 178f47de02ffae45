"""What the retrieval figures must be, whatever the ranking: bounds, plain loops, and what may not matter."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
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
def cases(draw: st.DrawFn, ties: bool = True, most: int = 30) -> Case:
    names = st.sampled_from(NAMES)
    queries = draw(st.lists(names, max_size=8))
    gallery = draw(st.lists(names, max_size=most))
    cells = len(queries) * len(gallery)
    if ties:
        value = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, math.inf]) | st.floats(-1, 1, width=32)
        values = draw(st.lists(value, min_size=cells, max_size=cells))
    else:
        values = [place / max(1, cells) for place in draw(st.permutations(range(cells)))]
    similarity = np.array(values, dtype=draw(st.sampled_from([np.float32, np.float64])) if ties else np.float64)
    taken = draw(st.none() | st.lists(st.booleans(), min_size=cells, max_size=cells))
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
def test_each_figure_is_that_of_a_plain_loop(case: Case) -> None:
    scores = case.scores()
    assert len(scores) == len(case.queries)
    for query, row in enumerate(scores.to_dict("records")):
        expected = plain(case, query)
        assert row["answerable"] == (expected is not None)
        for name in ("AP", "mINP", *FIGURES[: len(KS)]):
            if expected is None:
                assert math.isnan(row[name])
            else:
                assert math.isclose(row[name], expected[name], rel_tol=1e-12)


@given(case=cases())
def test_the_summary_is_the_mean_over_those_that_can_be_answered(case: Case) -> None:
    """A query without a right photo is left out, and counted."""
    expected = [plain(case, query) for query in range(len(case.queries))]
    answered = [figures for figures in expected if figures is not None]
    summary = summarise(case.scores(), case.queries)
    assert summary["num_queries"] == len(answered)
    assert summary["num_unanswerable"] == len(expected) - len(answered)
    asked = zip(case.queries, expected, strict=True)
    assert summary["num_ids"] == len({name for name, figures in asked if figures is not None})
    for name in FIGURES:
        value = summary[name]
        column = "AP" if name == "mAP" else name
        if not answered:
            assert value is None
        else:
            mean = sum(figures[column] for figures in answered) / len(answered)
            assert value is not None
            assert math.isclose(value, mean, rel_tol=1e-12)
            assert 0 <= value <= 1


@given(case=cases())
def test_figures_have_their_bounds_and_order(case: Case) -> None:
    scores = case.scores()
    scores = scores[scores["answerable"]]
    figures = scores.drop(columns="answerable").to_numpy(dtype=float)
    assert ((figures >= 0) & (figures <= 1)).all()
    recalls = scores[FIGURES[: len(KS)]].to_numpy(dtype=float)
    assert (np.diff(recalls, axis=1) >= 0).all()  # never less among more
    assert (recalls[:, -1] == 1).all()  # 100 are all photos


@given(case=cases(ties=False), chance=st.randoms(use_true_random=False))
def test_the_order_of_photos_does_not_matter_without_ties(case: Case, chance: Any) -> None:
    asked = chance.sample(range(len(case.queries)), len(case.queries))
    known = chance.sample(range(len(case.gallery)), len(case.gallery))
    moved = Case(
        case.similarity[asked][:, known],
        [case.queries[place] for place in asked],
        [case.gallery[place] for place in known],
        None if case.excluded is None else case.excluded[asked][:, known],
    )
    pd.testing.assert_frame_equal(moved.scores(), case.scores().iloc[asked].reset_index(drop=True))


@given(case=cases(), chance=st.randoms(use_true_random=False))
def test_with_ties_the_earlier_photo_is_ahead_and_queries_may_still_come_in_any_order(case: Case, chance: Any) -> None:
    asked = chance.sample(range(len(case.queries)), len(case.queries))
    excluded = None if case.excluded is None else case.excluded[asked]
    moved = Case(case.similarity[asked], [case.queries[place] for place in asked], case.gallery, excluded)
    pd.testing.assert_frame_equal(moved.scores(), case.scores().iloc[asked].reset_index(drop=True))
    flat = Case(np.zeros_like(case.similarity), case.queries, case.gallery, case.excluded)
    for query, row in enumerate(flat.scores().to_dict("records")):  # all alike: ranked as they stand
        shown = [
            name == case.queries[query]
            for photo, name in enumerate(case.gallery)
            if case.excluded is None or not case.excluded[query, photo]
        ]
        assert math.isnan(row["R@1"]) if not any(shown) else row["R@1"] == shown[0]


@given(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=20), asked=st.lists(st.sampled_from(NAMES)))
def test_perfect_embeddings_are_perfect(names: list[str], asked: list[str]) -> None:
    similarity = np.array([[float(query == name) for name in names] for query in asked]).reshape(len(asked), len(names))
    scores = retrieval_scores(similarity, asked, names, ks=KS)
    assert scores["answerable"].tolist() == [query in names for query in asked]
    summary = summarise(scores, asked)
    answered = any(query in names for query in asked)
    assert [summary[name] for name in FIGURES] == [1.0 if answered else None] * len(FIGURES)
    if answered:
        assert set(bootstrap_intervals(scores, asked, repeats=20).values()) == {(1.0, 1.0)}


@given(case=cases(), seed=st.integers(0, 2**32))
def test_an_interval_stays_inside_what_the_animals_show(case: Case, seed: int) -> None:
    """It never leaves the range of the averages of single animals, and repeats with its seed."""
    scores = case.scores()
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


@given(case=cases())
def test_a_method_differs_from_itself_by_nothing(case: Case) -> None:
    scores = case.scores()
    for found in paired_difference(scores, scores, case.queries, repeats=20).values():
        assert found == {"difference": 0.0, "low": 0.0, "high": 0.0}
