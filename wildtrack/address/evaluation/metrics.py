"""How good a ranking is: similarities and labels in, the retrieval figures and their uncertainty out."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.matching.embedding import Cosines

BLOCK_CELLS = 1 << 23  # query-gallery pairs in memory at once: about 100 MB with what is made of them
FEW = 20  # right photos, up to which counting what is ahead of each is quicker than sorting the gallery
SUMMARY_NAMES = {"AP": "mAP"}  # a column's mean goes by another name than the column

Labels = Sequence[str] | npt.NDArray[np.object_] | pd.Series


def retrieval_scores(
    similarity: npt.NDArray[np.floating] | Cosines,
    query_ids: Labels,
    gallery_ids: Labels,
    excluded: npt.NDArray[np.bool_] | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> pd.DataFrame:
    """Score the ranking of every query.

    The ranking is by descending similarity, ties by gallery row. R@K is 1 when a photo of the right identity is among
    the K best, else 0. AP is the mean of precision at each right photo's rank, over all right photos. mINP is the
    number of right photos over the rank of the hardest one.

    Args:
        similarity: Float, shape (Q, G); infinities allowed, NaN not. Of `Cosines` one block is in memory at a time.
        query_ids: Identities, length Q.
        gallery_ids: Identities, length G.
        excluded: Bool, shape (Q, G): gallery photos that are taken out of a query's ranking altogether.
        ks: The values of K, 1 or more.

    Returns:
        Q rows; float columns `R@K`, `AP` and `mINP` in 0-1, NaN where the query has no right photo left, and the bool
        column `answerable` that says whether it has.

    Raises:
        ValueError: NaN in the similarities, or shapes that do not fit.
    """
    shape = len(query_ids), len(gallery_ids)
    if similarity.shape != shape or (excluded is not None and excluded.shape != shape):
        found = similarity.shape if excluded is None else (similarity.shape, excluded.shape)
        raise ValueError(f"{shape[0]} queries and {shape[1]} gallery photos need shape {shape}, not {found}.")
    codes = pd.factorize(np.concatenate([_objects(query_ids), _objects(gallery_ids)]))[0]
    query_codes, gallery_codes = codes[: shape[0]], codes[shape[0] :]
    by_identity = np.argsort(gallery_codes, kind="stable")  # (G,), each identity's photos beside each other
    starts, stops = (np.searchsorted(gallery_codes[by_identity], query_codes, side) for side in ("left", "right"))
    figures = np.empty((shape[0], len(ks) + 2))
    for rows in _blocks(*shape):
        for query, row in enumerate(similarity[rows], start=rows.start):
            right = by_identity[starts[query] : stops[query]]
            figures[query] = _score_query(row, right, None if excluded is None else excluded[query], ks)
    scores = pd.DataFrame(figures, columns=[*(f"R@{count}" for count in ks), "AP", "mINP"])
    return scores.assign(answerable=scores["AP"].notna())


def summarise(scores: pd.DataFrame, query_ids: Labels) -> dict[str, float | None]:
    """Average the scores of the answerable queries.

    Args:
        scores: What `retrieval_scores` returned, Q rows.
        query_ids: Identities, length Q.

    Returns:
        "R@K" for each K, "mAP" and "mINP" in 0-1, None when no query is answerable; and the counts "num_queries"
        (answerable), "num_unanswerable" and "num_ids" (identities with an answerable query), as int.
    """
    answerable = scores["answerable"].to_numpy(dtype=np.bool_)
    num_queries = int(answerable.sum())
    summary: dict[str, float | None] = {
        SUMMARY_NAMES.get(name, name): float(scores.loc[answerable, name].mean()) if num_queries else None
        for name in scores.columns.drop("answerable")
    }
    counts = {"num_queries": num_queries, "num_unanswerable": len(scores) - num_queries}
    return summary | counts | {"num_ids": len(set(_objects(query_ids)[answerable]))}


def bootstrap_intervals(
    scores: pd.DataFrame, query_ids: Labels, seed: int = 0, repeats: int = 2000
) -> dict[str, tuple[float, float]]:
    """95% intervals of the averages: how far they could be off, had other individuals been photographed.

    Identities with an answerable query are drawn with replacement, each with all its queries.

    Args:
        scores: What `retrieval_scores` returned, Q rows.
        query_ids: Identities, length Q.
        seed: Names the random draw.
        repeats: How many times to draw.

    Returns:
        (low, high) for each figure of `summarise`; empty when no query is answerable.
    """
    answerable = scores["answerable"].to_numpy(dtype=np.bool_)
    if not answerable.any():
        return {}
    return _intervals(scores[answerable].drop(columns="answerable"), _objects(query_ids)[answerable], seed, repeats)


def paired_difference(
    scores_a: pd.DataFrame, scores_b: pd.DataFrame, query_ids: Labels, seed: int = 0, repeats: int = 2000
) -> dict[str, dict[str, float]]:
    """Compare two methods on the same queries, with the same resampled identities for both.

    Args:
        scores_a: What `retrieval_scores` returned for one method, Q rows.
        scores_b: The same for the other, of the same queries in the same order and with the same columns.
        query_ids: Identities, length Q.
        seed: Names the random draw.
        repeats: How many times to draw.

    Returns:
        For each figure of `summarise`: "difference" (a minus b over the queries answerable in both) and the "low" and
        "high" end of its 95% interval; empty when no query is answerable in both.

    Raises:
        ValueError: Scores of different length or columns.
    """
    if len(scores_a) != len(scores_b) or list(scores_a) != list(scores_b):
        raise ValueError("The two sets of scores must have the same queries and the same columns.")
    both = scores_a["answerable"].to_numpy(dtype=np.bool_) & scores_b["answerable"].to_numpy(dtype=np.bool_)
    if not both.any():
        return {}
    first, second = (scores[both].drop(columns="answerable") for scores in (scores_a, scores_b))
    differences = first.reset_index(drop=True) - second.reset_index(drop=True)
    intervals = _intervals(differences, _objects(query_ids)[both], seed, repeats)
    means = [float(differences[name].to_numpy().mean()) for name in differences]
    found = zip(means, intervals.items(), strict=True)
    return {name: {"difference": mean, "low": low, "high": high} for mean, (name, (low, high)) in found}


def top_k_accuracy(probabilities: npt.NDArray[np.floating], truth: npt.NDArray[np.integer], k: int) -> float:
    """Share of rows whose true class is among the k most probable, ties by class index.

    Args:
        probabilities: Float, shape (N, C).
        truth: Class indices, int, shape (N,).
        k: 1 or more.

    Returns:
        0 to 1, or NaN when there are no rows.

    Raises:
        ValueError: NaN in the probabilities, a class that is not there, or shapes that do not fit.
    """
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[:1]:
        raise ValueError(f"Probabilities of shape {probabilities.shape} do not fit truth of shape {truth.shape}.")
    if not len(truth):
        return float("nan")
    if truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise ValueError(f"Classes {truth.min()} to {truth.max()} do not fit {probabilities.shape[1]} columns.")
    if np.isnan(probabilities).any():
        raise ValueError("The probabilities hold NaN.")
    return float((ranks_of(probabilities, truth) <= k).mean())


def ranks_of(scores: npt.NDArray[np.floating], truth: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """The rank of each row's true column (N,) by descending scores (N, C), from 1, ties by column."""
    own = np.take_along_axis(scores, truth[:, None], axis=1)
    earlier = np.arange(scores.shape[1]) < truth[:, None]
    return np.asarray(1 + ((scores > own) | ((scores == own) & earlier)).sum(axis=1))


def _objects(labels: Labels) -> npt.NDArray[np.object_]:
    return np.asarray(labels, dtype=object)  # NumPy's own strings would drop trailing NULs


def _blocks(num_rows: int, num_columns: int) -> Iterator[slice]:
    """Cut rows so that a block has a bounded number of cells."""
    block = max(1, BLOCK_CELLS // max(1, num_columns))
    return (slice(start, start + block) for start in range(0, num_rows, block))


def _score_query(
    similarity: npt.NDArray[np.floating],
    right: npt.NDArray[np.intp],
    excluded: npt.NDArray[np.bool_] | None,
    ks: Sequence[int],
) -> list[float]:
    """Figures of one query: similarities (G,), places of the right photos (P,), excluded (G,) -> R@K..., AP, mINP."""
    if np.isnan(similarity).any():
        raise ValueError("The similarities hold NaN; an embedding is broken.")
    if excluded is not None:
        right = right[~excluded[right]]
        similarity = np.where(excluded, np.nan, similarity)  # NaN is ahead of nothing
    if not len(right):
        return [np.nan] * (len(ks) + 2)
    ranks = _ranks(similarity, right)
    found = np.arange(1, len(ranks) + 1)
    return [*(float(ranks[0] <= count) for count in ks), (found / ranks).mean(), len(ranks) / ranks[-1]]


def _ranks(similarity: npt.NDArray[np.floating], photos: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Ranks of the photos at some places (P,) among all (G,), ties by place, from 1, ascending; NaN is not ranked."""
    if len(photos) <= FEW:  # photos before one are ahead when as similar, those after it only when more similar
        before = [np.count_nonzero(similarity[:place] >= similarity[place]) for place in photos]
        after = [np.count_nonzero(similarity[place:] > similarity[place]) for place in photos]
        return 1 + np.sort(np.add(before, after))
    ordered = -similarity
    ordered.sort()  # values alone sort many times as fast as places do
    own = similarity[photos]
    first, last = (np.searchsorted(ordered, -own, side) for side in ("left", "right"))
    ranks = 1 + first
    for value in np.unique(own[last - first > 1]):
        tied = own == value
        ranks[tied] += np.searchsorted(np.flatnonzero(similarity == value), photos[tied])
    return np.sort(ranks)


def _intervals(
    figures: pd.DataFrame, names: npt.NDArray[np.object_], seed: int, repeats: int
) -> dict[str, tuple[float, float]]:
    """The middle 95% of the averages of each figure over identities drawn with replacement, with all their queries."""
    codes, identities = pd.factorize(names, sort=True)
    num_queries = np.bincount(codes, minlength=len(identities))  # (I,)
    sums = np.zeros((len(identities), figures.shape[1]))
    np.add.at(sums, codes, figures.to_numpy(dtype=np.float64))
    chances = np.full(len(identities), 1 / len(identities))
    generator = np.random.default_rng(seed)
    averages = np.empty((repeats, figures.shape[1]))
    for rows in _blocks(repeats, len(identities)):
        counts = generator.multinomial(len(identities), chances, size=len(averages[rows]))  # (block, I)
        averages[rows] = (counts @ sums) / (counts @ num_queries)[:, None]
    lows, highs = np.percentile(averages, [2.5, 97.5], axis=0).tolist()
    shown = [SUMMARY_NAMES.get(name, name) for name in figures.columns]
    return dict(zip(shown, zip(lows, highs, strict=True), strict=True))
