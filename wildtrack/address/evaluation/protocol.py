"""Which photos are queries and which are the gallery: a catalogue and a saved split in, row numbers out."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.assess.encounters import shown_together
from wildtrack.assess.subsets import identity_generator
from wildtrack.errors import UserError

MOST_QUERIES = 1000  # where scores are learnt from or thresholds tried: more of them say little more


@dataclass(frozen=True)
class Protocol:
    """Row numbers of the queries and of the gallery, and in words how they were chosen."""

    queries: np.ndarray  # int (Q,)
    gallery: np.ndarray  # int (G,)
    method: str
    left_out: int  # photos that are neither: the saved split does not name them, or names other ones so
    # int (S,): test photos of identities that have no photo in the gallery, unknown animals
    unknown: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    # bool (Q, G): pairs of two animals that are shown together, on the one photo or the other, without boxes to tell
    # which is which; such a gallery photo is neither right nor wrong. None where there is none
    unclear: np.ndarray | None = None

    def same(self, identities: np.ndarray) -> np.ndarray:
        """Which pairs show one animal: str (N,) -> bool (Q, G)."""
        return np.asarray(np.equal(identities[self.queries][:, None], identities[self.gallery][None]), dtype=bool)

    def without_unclear(self, scores: np.ndarray) -> np.ndarray:
        """The scores (Q, G), -inf where a pair is neither right nor wrong."""
        return scores if self.unclear is None else np.where(self.unclear, -np.inf, scores).astype(scores.dtype)

    def __str__(self) -> str:
        """For the screen: what is a query, and what is left out."""
        text = f"{len(self.queries)} queries, {len(self.gallery)} gallery photos: {self.method}."
        if self.unclear is not None:
            text += "\nWhere a photo without boxes has several names, each of them is a right answer."
        if not self.left_out and not len(self.unknown):
            return text
        return (
            f"{text}\nNot queries: {len(self.unknown)} test photos of animals that are not in the gallery. "
            f"Left out: {self.left_out} photos that the saved split does not name, or not with this content."
        )


def choose_protocol(table: pd.DataFrame, split: pd.DataFrame | None, queries_per_identity: int, seed: int) -> Protocol:
    """Choose queries and gallery; a UserError where there is no query.

    With a saved split (columns image_id, sha256, split), `test` photos are queries, `train` and `valid` the gallery.
    Where that gallery has none of the test identities (a disjoint split), and where no split is saved or it names no
    photo, queries are drawn from the test photos, or from all, and the others are the gallery.

    `queries_per_identity` 0 takes all test photos (without a gallery: half of each identity's photos). Each identity's
    draw depends on nothing but the seed and its own photos.
    """
    subsets = pd.Series(np.nan, index=table.index) if split is None else _saved_subsets(table, split)
    asks, answers = (subsets == "test").to_numpy(), subsets.isin(["train", "valid"]).to_numpy()
    can_be_found = table["identity"].isin(table["identity"][answers]).to_numpy()
    left_out, unknown = int(subsets.isna().sum()), np.zeros(0, dtype=int)
    if (asks & can_be_found).any():
        method = "the split saved with the model: test photos are the queries, train and valid photos the gallery"
        queries = _drawn(table, asks & can_be_found, queries_per_identity, 0, seed)
        gallery, unknown = np.flatnonzero(answers), np.flatnonzero(asks & ~can_be_found)
    elif asks.any():
        method = "test photos of the split saved with the model, compared with each other: "
        method += "none of their animals is in its gallery"
        queries = _drawn(table, asks, queries_per_identity, 1, seed)
        gallery = np.setdiff1d(np.flatnonzero(asks), queries)
    elif subsets.isna().all():
        method = "all photos: no split was saved, so the model may have been trained on its own queries"
        if split is not None:
            method = "all photos: none of them was in the training's catalogue"
        queries = _drawn(table, np.ones(len(table), dtype=bool), queries_per_identity, 1, seed)
        gallery, left_out = np.setdiff1d(np.arange(len(table)), queries), 0
    else:
        queries = np.zeros(0, dtype=int)
    if not len(queries):
        raise UserError(
            "there is no query: no identity has a test photo and another one in the gallery; "
            "add a second photo of at least one animal (of another day, for a figure that does not rest on near-copies)"
        )
    return Protocol(queries, gallery, method, left_out, unknown, _unclear(table, queries, gallery))


def validation_protocol(table: pd.DataFrame, split: pd.DataFrame | None) -> Protocol | None:
    """All validation photos are queries, the training's photos the gallery; None without such a query.

    Validation photos of animals that training did not see are `unknown`.
    """
    if split is None:
        return None
    subsets = _saved_subsets(table, split)
    gallery, asks = np.flatnonzero(subsets == "train"), (subsets == "valid").to_numpy()
    can_be_found = table["identity"].isin(table["identity"].iloc[gallery]).to_numpy()
    queries, unknown = np.flatnonzero(asks & can_be_found), np.flatnonzero(asks & ~can_be_found)
    if not len(queries):
        return None
    method = "validation photos are queries, the training's photos the gallery"
    return Protocol(queries, gallery, method, 0, unknown, _unclear(table, queries, gallery))


def _unclear(table: pd.DataFrame, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray | None:
    """`Protocol.unclear`: an animal of the query's photo, or a photo that also shows the query's animal."""
    together, names = shown_together(table), table["identity"].to_numpy(dtype=object)
    if (together < 0).all():
        return None
    asked, known = names[queries], names[gallery]
    found = np.zeros((len(queries), len(gallery)), dtype=bool)
    for shown in np.unique(together[together >= 0]):
        animals = names[together == shown]
        found |= (together[queries] == shown)[:, None] & np.isin(known, animals)
        found |= np.isin(asked, animals)[:, None] & (together[gallery] == shown)
    return np.asarray(found & (asked[:, None] != known), dtype=bool)


def _drawn(table: pd.DataFrame, allowed: np.ndarray, per_identity: int, kept: int, seed: int) -> np.ndarray:
    """Draw queries from the rows where `allowed` (N,) is true, with so many of each identity `kept` back; int (Q,)."""
    names = table["image_id"].to_numpy()
    candidates = np.flatnonzero(allowed)
    queries: list[int] = []
    for identity, places in table.iloc[candidates].groupby("identity", sort=True).indices.items():
        rows = candidates[places]
        rows = rows[np.argsort(names[rows])]  # whatever the order of the table
        wanted = min(len(rows) - kept, per_identity or len(rows) // (1 + kept))
        queries += identity_generator(seed, str(identity)).permutation(rows)[:wanted].tolist()
    return np.sort(np.array(queries, dtype=int))


def _saved_subsets(table: pd.DataFrame, split: pd.DataFrame) -> "pd.Series[Any]":
    """Each row's subset, NaN where the split has no photo of that content: other seasons repeat file names.

    A photo of that content under another name is the same photo, unless the split has it in several subsets.
    """
    keys = ["image_id", "sha256"]
    subsets = table[keys].merge(split[[*keys, "split"]], how="left", on=keys)["split"].set_axis(table.index)
    by_content = split[split["sha256"] != ""].drop_duplicates(["sha256", "split"]).drop_duplicates("sha256", keep=False)
    return subsets.fillna(table["sha256"].map(by_content.set_index("sha256")["split"]))


def some_of(rows: np.ndarray) -> np.ndarray:
    """At most `MOST_QUERIES` of the rows, drawn by a fixed seed."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:MOST_QUERIES])
