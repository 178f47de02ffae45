"""The evaluation protocol: who is asked, who is ranked, and every figure that follows from the similarities."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from wildtrack.address.metrics import (
    bootstrap_intervals,
    identity_similarity,
    paired_difference,
    retrieval_scores,
    summarise,
    top_k_accuracy,
)
from wildtrack.assess.leakage import suspicious_pairs
from wildtrack.assess.splits import identity_generator
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Protocol:
    """Rows of the catalogue on each side, and in words how they came there."""

    queries: np.ndarray  # int (Q,)
    gallery: np.ndarray  # int (G,)
    method: str
    left_out: int  # photos on neither side: the saved split does not name them, or names other ones so
    # int (S,): test photos of identities that have no photo in the gallery, so "nobody we know"
    strangers: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))

    def same(self, identities: np.ndarray) -> np.ndarray:
        """Which pairs show one animal: str (N,) -> bool (Q, G)."""
        return np.asarray(np.equal(identities[self.queries][:, None], identities[self.gallery][None]), dtype=bool)

    def __str__(self) -> str:
        """For the screen: who is asked, and who is not."""
        said = f"{len(self.queries)} queries, {len(self.gallery)} gallery photos: {self.method}."
        if self.left_out or len(self.strangers):
            said += (
                f"\nNot asked: {len(self.strangers)} test photos of animals that are not in the gallery. "
                f"Left out: {self.left_out} photos that the saved split does not name, or not with this content."
            )
        return said


def choose_protocol(table: pd.DataFrame, split: pd.DataFrame | None, queries_per_identity: int, seed: int) -> Protocol:
    """Choose queries and gallery.

    With a saved split, `test` photos are asked and `train` and `valid` photos are the gallery; a test photo that is
    not asked enters neither side. Where none of the test identities is in that gallery (a disjoint split), the test
    side is a catalogue of its own. Of such a catalogue, and of all photos where no split is saved (a stranger's model,
    or photos the split does not know), photos of every identity with at least two are drawn as queries and all others
    are the gallery.

    Args:
        table: The catalogue, N rows, no "unknown"; with a split also `sha256`, from `photo_contents`.
        split: Columns image_id, sha256 and split, or None.
        queries_per_identity: How many photos of each identity to ask; 0 asks all test photos (without a
            gallery: half of each identity's photos).
        seed: Names the draw; each identity's draw depends on nothing but the seed and its own photos.

    Raises:
        UserError: Nobody can be asked.
    """
    sides = pd.Series(np.nan, index=table.index) if split is None else _saved_sides(table, split)
    asks, answers = (sides == "test").to_numpy(), sides.isin(["train", "valid"]).to_numpy()
    can_be_found = table["identity"].isin(table["identity"][answers]).to_numpy()
    left_out, strangers = int(sides.isna().sum()), np.zeros(0, dtype=int)
    if (asks & can_be_found).any():
        method = "the split saved with the model: test photos ask, train and valid photos are the gallery"
        queries = _drawn(table, asks & can_be_found, queries_per_identity, 0, seed)
        gallery, strangers = np.flatnonzero(answers), np.flatnonzero(asks & ~can_be_found)
    elif asks.any():
        method = "test photos of the split saved with the model ask each other: none of their animals is in its gallery"
        queries = _drawn(table, asks, queries_per_identity, 1, seed)
        gallery = np.setdiff1d(np.flatnonzero(asks), queries)
    elif sides.isna().all():
        method = "all photos: no split was saved, so the model may have been trained on its own queries"
        if split is not None:
            method = "all photos: none of them was in the training's catalogue"
        queries = _drawn(table, np.ones(len(table), dtype=bool), queries_per_identity, 1, seed)
        gallery, left_out = np.setdiff1d(np.arange(len(table)), queries), 0
    else:
        queries = gallery = np.zeros(0, dtype=int)
    if not len(queries):
        raise UserError(
            "nobody can be asked about: no identity has a test photo and another one in the gallery; "
            "add a second photo of at least one animal (of another day, for an honest figure)"
        )
    return Protocol(queries, gallery, method, left_out, strangers)


def validation_protocol(table: pd.DataFrame, split: pd.DataFrame | None) -> Protocol | None:
    """All validation photos ask the training's photos, as they did while the model was trained.

    Args:
        table: The catalogue with `sha256`, N rows.
        split: Columns image_id, sha256 and split, or None.

    Returns:
        None where no validation photo shows an animal that is among the training's.
    """
    if split is None:
        return None
    sides = _saved_sides(table, split)
    gallery = np.flatnonzero(sides == "train")
    queries = np.flatnonzero((sides == "valid") & table["identity"].isin(table["identity"].iloc[gallery]))
    if not len(queries):
        return None
    return Protocol(queries, gallery, "validation photos ask the training's photos", 0)


def _drawn(table: pd.DataFrame, askable: np.ndarray, per_identity: int, kept: int, seed: int) -> np.ndarray:
    """Draw queries from the rows where `askable` (N,) is true, keeping that many of each identity back; int (Q,).

    0 an identity asks all of them, or half where some are kept back.
    """
    names = table["image_id"].to_numpy()
    candidates = np.flatnonzero(askable)
    queries: list[int] = []
    for identity, places in table.iloc[candidates].groupby("identity", sort=True).indices.items():
        rows = candidates[places]
        rows = rows[np.argsort(names[rows])]  # so that the order of the table has no say
        wanted = min(len(rows) - kept, per_identity or len(rows) // (1 + kept))
        queries += identity_generator(seed, str(identity)).permutation(rows)[:wanted].tolist()
    return np.sort(np.array(queries, dtype=int))


def _saved_sides(table: pd.DataFrame, split: pd.DataFrame) -> "pd.Series[Any]":
    """Each row's side, NaN where the split has no photo of that content: other seasons repeat file names.

    A photo of that content under another name is the same photo, unless the split has such photos on several sides.
    """
    keys = ["image_id", "sha256"]
    sides = table[keys].merge(split[[*keys, "split"]], how="left", on=keys)["split"].set_axis(table.index)
    by_content = split[split["sha256"] != ""].drop_duplicates(["sha256", "split"]).drop_duplicates("sha256", keep=False)
    return sides.fillna(table["sha256"].map(by_content.set_index("sha256")["split"]))


def leaky_pairs(table: pd.DataFrame, protocol: Protocol, hashes: np.ndarray, encounter_hours: float) -> np.ndarray:
    """Which gallery photos give a query's answer away; see `suspicious_pairs`.

    Args:
        table: The catalogue, N rows.
        protocol: Who asks and who is ranked.
        hashes: Perceptual hashes, bool (N, 64).
        encounter_hours: The longest gap inside an encounter, in hours.

    Returns:
        bool (Q, G).
    """
    return suspicious_pairs(
        table.iloc[protocol.queries],
        table.iloc[protocol.gallery],
        encounter_hours,
        hashes[protocol.queries],
        hashes[protocol.gallery],
        others=table.drop(index=[*protocol.queries, *protocol.gallery]),
    )


@dataclass(frozen=True)
class Retrieval:
    """One method's scores of the same queries, with and without the gallery photos that give answers away."""

    all_photos: pd.DataFrame  # from `retrieval_scores`
    honest: pd.DataFrame
    by_identity: pd.DataFrame  # all photos, merged to identities: what a person who is shown names sees


def cosines(embeddings: np.ndarray, protocol: Protocol) -> np.ndarray:
    """How alike queries and gallery photos are: embeddings (N, D) of length one -> (Q, G)."""
    return np.asarray(embeddings[protocol.queries] @ embeddings[protocol.gallery].T)


def score(similarity: np.ndarray, protocol: Protocol, identities: np.ndarray, leaky: np.ndarray) -> Retrieval:
    """Rank the gallery for every query.

    Args:
        similarity: float (Q, G), from `cosines` or any other measure of likeness.
        protocol: Who asks and who is ranked.
        identities: str (N,).
        leaky: bool (Q, G): gallery photos that give the query's answer away.
    """
    query_ids, gallery_ids = identities[protocol.queries], identities[protocol.gallery]
    merged, names = identity_similarity(similarity, gallery_ids)  # (Q, I)
    return Retrieval(
        retrieval_scores(similarity, query_ids, gallery_ids),
        retrieval_scores(similarity, query_ids, gallery_ids, excluded=leaky),
        retrieval_scores(merged, query_ids, names),
    )


def figures_of(scores: pd.DataFrame, query_ids: np.ndarray, seed: int) -> dict[str, Any]:
    """The averages with their 95% intervals over identities."""
    return {**summarise(scores, query_ids), "confidence_intervals": bootstrap_intervals(scores, query_ids, seed=seed)}


def retrieval_report(
    methods: dict[str, Retrieval], query_ids: np.ndarray, leaky: np.ndarray, seed: int
) -> dict[str, Any]:
    """The retrieval part of `metrics.json`.

    Args:
        methods: Scores by method, "trained" among them; the others are compared with it.
        query_ids: str (Q,).
        leaky: bool (Q, G).
        seed: For the bootstrap.

    Returns:
        Plain values: the trained model's figures on top, then "leakage" and "methods".
    """
    trained = methods["trained"]
    report = figures_of(trained.all_photos, query_ids, seed)
    report["leakage"] = {
        "share_of_queries_with_a_leaky_gallery_photo": float(leaky.any(axis=1).mean()),
        "leaky_pairs": int(leaky.sum()),
        "without_leaky_photos": figures_of(trained.honest, query_ids, seed),
    }
    report["methods"] = {
        name: method_figures(retrieval, None if name == "trained" else trained, query_ids, seed)
        for name, retrieval in methods.items()
    }
    return report


def method_figures(retrieval: Retrieval, trained: Retrieval | None, query_ids: np.ndarray, seed: int) -> dict[str, Any]:
    """One method's figures, and how far the trained model is ahead of it on the same queries.

    Args:
        retrieval: Its scores.
        trained: The trained model's; None where there is nothing to compare with.
        query_ids: str (Q,).
        seed: For the bootstrap.
    """
    figures = figures_of(retrieval.all_photos, query_ids, seed)
    figures["without_leaky_photos"] = figures_of(retrieval.honest, query_ids, seed)
    if trained is not None:
        figures["trained_minus_this"] = paired_difference(
            trained.all_photos, retrieval.all_photos, query_ids, seed=seed
        )
        figures["trained_minus_this_without_leaky_photos"] = paired_difference(
            trained.honest, retrieval.honest, query_ids, seed=seed
        )
    return figures


def open_set_report(embeddings: np.ndarray, protocol: Protocol) -> dict[str, Any]:
    """How well the best similarity tells queries of known animals from photos of nobody we know.

    Args:
        embeddings: float32 (N, D), length one.
        protocol: Who asks; its strangers are compared with its queries.

    Returns:
        "AUROC" (the share of pairs of a known and a new photo in which the known one has the higher best similarity,
        0 to 1, ties counting half; None without either), "num_known" and "num_new".
    """
    gallery = embeddings[protocol.gallery]
    known, new = ((embeddings[rows] @ gallery.T).max(axis=1) for rows in (protocol.queries, protocol.strangers))
    report: dict[str, Any] = {"AUROC": None, "num_known": len(known), "num_new": len(new)}
    if len(known) and len(new):
        ranks = rankdata(np.concatenate([known, new]))
        wins = ranks[: len(known)].sum() - len(known) * (len(known) + 1) / 2  # Mann and Whitney's U
        report["AUROC"] = float(wins / (len(known) * len(new)))
    return report


def identity_ranking(retrieval: Retrieval, query_ids: np.ndarray) -> dict[str, Any]:
    """R@K over identities instead of photos; `query_ids` is str (Q,)."""
    summary = summarise(retrieval.by_identity, query_ids)
    return {name: value for name, value in summary.items() if name.startswith("R@")}


def classifier_report(probabilities: np.ndarray, identities: np.ndarray, known: tuple[str, ...]) -> dict[str, Any]:
    """Top-1 and top-5 accuracy of the classifier on photos of identities it was trained on.

    Args:
        probabilities: float (N, classes), every class a column, whichever occur.
        identities: str (N,): the truth.
        known: Class number -> identity.
    """
    if probabilities.shape[1] != len(known):
        raise UserError(
            f"the model tells {probabilities.shape[1]} classes apart, but {len(known)} identities are named for it"
        )
    numbers = {identity: number for number, identity in enumerate(known)}
    truth = pd.Series(identities).map(numbers)
    asked = truth.notna().to_numpy()
    if not asked.any():
        return {"top1": None, "top5": None, "num_photos": 0, "num_untrained_identity": len(truth)}
    classes = truth[asked].to_numpy(dtype=int)
    return {
        "top1": top_k_accuracy(probabilities[asked], classes, 1),
        "top5": top_k_accuracy(probabilities[asked], classes, 5),
        "num_photos": int(asked.sum()),
        "num_untrained_identity": int((~asked).sum()),
    }
