"""Labels that the photos contradict: an embedding for each row, from any model, in; three lists for a person out."""

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates.hashes import Flags, Hashes
from wildtrack.assess.encounters import shown_together
from wildtrack.assess.labels.likeness import Floats, Photos, comparable_photos, neighbours, other_links, own_links
from wildtrack.assess.labels.suspicions import NEIGHBOURS, Scale, alike_identities, mixed_identities, odd_photos
from wildtrack.assess.labels.trials import Trials, alike_trials, mixed_trials, odd_photo_trials
from wildtrack.console import counted

TRUSTED = 0.5  # share of photos whose nearest other one shows the same animal, from which on an audit is of use
KNOWN = 0.5  # share of photos learnt, below which these are not the model's animals; a training learns two thirds
EVIDENCE = ["photos_a", "photos_b", "image_id_a", "path_a", "image_id_b", "path_b"]
PHOTO_COLUMNS = [
    "image_id",
    "identity",
    "path",
    "orientation",
    "suggested_identity",
    "score",
    "votes",
    "own_votes",
    "evidence_image_id",
    "evidence_path",
    "own_image_id",
    "own_path",
]
PAIR_COLUMNS = ["identity_a", "identity_b", "orientation", "score", "similarity", *EVIDENCE]
MIXED_COLUMNS = ["identity", "orientation", "score", "similarity", *EVIDENCE]
LISTS = {"photos": PHOTO_COLUMNS, "pairs": PAIR_COLUMNS, "identities": MIXED_COLUMNS}  # of an `Audit`

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Audit:
    """Labels that the embeddings contradict.

    Likeness is cosine similarity on a scale: 0 is how similar a photo typically (median) is to the most similar photo
    of any other identity, 1 to the most similar independent photo of its own.
    """

    # nearer to `suggested_identity`, by the likeness `score`, and outvoted by it: see `odd_photos`
    photos: pd.DataFrame
    pairs: pd.DataFrame  # two identities like one animal; `score`: likeness, of the direction where it is lower
    identities: pd.DataFrame  # one identity like two animals; `score`: 1 - the likeness of its two parts
    found_share: float | None  # of photos, 0 to 1, whose nearest independent photo shows their own identity
    compared: int  # labelled photos
    learnt: int | None  # how many of them the model was trained on; None where it is not known
    trials: dict[str, Trials] = field(default_factory=dict)  # how often each list is right, by its name

    @property
    def tells_apart(self) -> bool:
        """Whether the model tells these animals apart well enough for an audit."""
        return self.found_share is not None and self.found_share >= TRUSTED

    def believable(self) -> "Audit":
        """The audit without the lists that, by their trials, are wrong more often than not."""
        wrong = [name for name, tried in self.trials.items() if not tried.is_right]
        return replace(self, **{name: getattr(self, name)[:0] for name in wrong})

    @property
    def is_of_others(self) -> bool:
        """Whether the model was trained on other animals, or it is not known on which."""
        return self.learnt is None or self.learnt < KNOWN * self.compared

    @property
    def origin(self) -> str:
        """On which of these photos the model was trained and what follows from it, without the final full stop."""
        if self.learnt is None:
            return (
                "It is not known which photos the model was trained on: it may confuse animals that it never saw, and "
                "it repeats a wrong name that it learnt"
            )
        photos = counted(self.compared, "photo", "photos")
        if not self.learnt:
            return f"The model was trained on none of the {photos} here, so it may confuse animals that it never saw"
        learnt = f"The model was trained on {self.learnt} of the {photos} here"
        repeats = "A wrong name that the model learnt may not show"
        if self.is_of_others:
            return f"{learnt} only, so it may confuse animals that it never saw. {repeats}"
        return f"{learnt}. {repeats}; a model that was trained on other photos finds such errors"


def audit_labels(
    table: pd.DataFrame, embeddings: Floats, encounter_hours: float, hashes: Hashes | None, learnt: Flags | None = None
) -> Audit:
    """Compare every labelled photo with all others of its `orientation`; embeddings are float32 (N, D), length one.

    Links between photos of one encounter, one source photo or near-duplicates do not count. `learnt`, bool (N,), are
    the photos the model was trained on. A viewpoint that the model does not tell apart adds nothing, and is logged.
    """
    if len(embeddings) != len(table) or (hashes is not None and len(hashes) != len(table)):
        raise ValueError(f"{len(table)} rows need as many embeddings and hashes; there must be one of each a row.")
    if not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3):
        raise ValueError("The embeddings are not of length one; divide each by its length.")
    lists: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
    trials = {name: Trials() for name in LISTS}
    nearest_is_own: list[bool] = []
    validation = np.ones(len(table), np.bool_) if learnt is None else ~learnt
    labelled = (table["identity"] != UNKNOWN).to_numpy() & (shown_together(table) < 0)  # two names are no wrong name
    words = table.reindex(columns=["orientation"])["orientation"].astype(object).reset_index(drop=True)[labelled]
    words = words.where(words.notna() & (words != UNKNOWN), "")
    for viewpoint, rows in words.groupby(words).groups.items():
        photos = comparable_photos(table, embeddings, encounter_hours, hashes, rows.to_numpy())
        own, near = own_links(photos), neighbours(photos, NEIGHBOURS)
        judged = own[2] > 0
        nearest_is_own += (photos.identities[near[:, 0]] == photos.identities)[judged].tolist()
        if scale := _scale(photos, own[0][judged], str(viewpoint)):
            found = {
                "photos": odd_photos(photos, own, near, scale),
                "pairs": alike_identities(photos, near, scale),
                "identities": mixed_identities(photos, scale),
            }
            for name, suspicions in found.items():
                lists[name] += [{**row, "orientation": viewpoint} for row in suspicions]
            trials["photos"] += odd_photo_trials(photos, near, scale, validation[rows.to_numpy()])
            trials["pairs"] += alike_trials(photos, near, scale)
            trials["identities"] += mixed_trials(photos, scale)
    tables = {
        name: pd.DataFrame(lists[name], columns=columns).sort_values(
            "score", ascending=False, kind="stable", ignore_index=True
        )
        for name, columns in LISTS.items()
    }
    found_share = float(np.mean(nearest_is_own)) if nearest_is_own else None
    num_learnt = None if learnt is None else int(learnt[labelled].sum())
    return Audit(**tables, found_share=found_share, compared=int(labelled.sum()), learnt=num_learnt, trials=trials)


def _scale(photos: Photos, own: Floats, viewpoint: str) -> Scale | None:
    """The typical similarities; None where photos are as similar to another animal as to their own."""
    nearest, middle = other_links(photos)
    if not len(own) or not len(middle):
        return None
    scale = Scale(*(float(np.median(links)) for links in (middle, nearest, own)))
    if scale.own <= scale.nearest:
        logger.warning(
            "The embedding does not tell these animals apart%s, so their labels cannot be checked: photos of one "
            "animal are typically %.2f similar, the most similar ones of two animals %.2f.",
            f" ({viewpoint})" if viewpoint else "",
            scale.own,
            scale.nearest,
        )
        return None
    return scale
