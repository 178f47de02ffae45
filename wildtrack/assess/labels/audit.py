"""Label audit: labels that the photos themselves contradict.

In: the catalogue's table and an embedding a row, from any model. Out: three lists for a person to look through, the
most suspicious first, each with the photos that are the evidence. A model can be wrong; a list is no verdict.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates.hashes import Hashes, Rows
from wildtrack.assess.labels.likeness import Floats, Photos, comparable_photos, neighbours, other_links, own_links
from wildtrack.assess.labels.suspicions import NEIGHBOURS, Scale, alike_identities, mixed_identities, odd_photos
from wildtrack.console import counted

TRUSTED = 0.5  # share of photos whose nearest other one shows the same animal, from which on an audit is of use
KNOWN = 0.5  # share of photos learnt, below which these are not the model's animals; a training learns two thirds
EVIDENCE = ["photos_a", "photos_b", "image_id_a", "path_a", "image_id_b", "path_b"]
PHOTO_COLUMNS = [
    *("image_id", "identity", "path", "orientation", "suggested_identity", "score", "votes", "own_votes"),
    *("evidence_image_id", "evidence_path", "own_image_id", "own_path"),
]
PAIR_COLUMNS = ["identity_a", "identity_b", "orientation", "score", "similarity", *EVIDENCE]
MIXED_COLUMNS = ["identity", "orientation", "score", "similarity", *EVIDENCE]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Audit:
    """Labels that the embeddings contradict.

    Likeness is cosine similarity on a scale that any embedding can be put on: 0 is how similar a photo typically
    (median) is to the most similar photo of any other identity, 1 how similar it typically is to the most similar
    independent photo of its own.

    Attributes:
        photos: Photos nearer to another identity than to their own: most of the nearest independent photos (as many
            as its own identity could give, at most `NEIGHBOURS`) show `suggested_identity` (`votes` of them, against
            `own_votes`). `score`: by how much likeness it is nearer, from the mean of its `LINKS` best links to
            each, `HALF_WAY` or more. The evidence is its most similar photo of the suggested and of its own identity.
        pairs: Pairs of identities that look like one animal. `score`: their likeness, from the mean best link of
            a photo of one to the other (the lower of the two directions, so that one mislabelled photo does not make
            a pair), at least half-way from a photo's most similar other animal to its own. The evidence is the
            most similar two photos.
        identities: Identities that look like two animals: parted in two, the parts resemble each other less than
            `HALF_WAY`, and the photos of each part resemble each other more. `score`: 1 - the parts' likeness. The
            evidence is the most typical photo of each part.
        found_share: The share of photos whose nearest independent photo shows their own identity, of those that
            have one, 0 to 1 (None: no photo has one): how far the embedding can be trusted at all. Of photos that
            the model learnt, it says too much.
        compared: How many labelled photos there are.
        learnt: How many of them the model was trained on; None where it is not known.
    """

    photos: pd.DataFrame
    pairs: pd.DataFrame
    identities: pd.DataFrame
    found_share: float | None
    compared: int
    learnt: int | None

    @property
    def tells_apart(self) -> bool:
        """Whether the model tells these animals apart well enough for an audit."""
        return self.found_share is not None and self.found_share >= TRUSTED

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
    table: pd.DataFrame,
    embeddings: Floats,
    encounter_hours: float,
    hashes: Hashes | None,
    learnt: npt.NDArray[np.bool_] | None = None,
) -> Audit:
    """Compare every labelled photo with all others of the same viewpoint.

    Photos of different `orientation` are not compared, because each side of an animal has a pattern of its own; those
    without one are compared with each other. Links between photos of one encounter, one source photo or
    near-duplicates do not count. A photo without an independent one of its own identity is not audited itself.

    Args:
        table: A catalogue with `image_id`, `identity` and `path`, perhaps `date`, `orientation` and `photo_id`, N
            rows; those of the identity "unknown" are left out.
        embeddings: float32 (N, D), length one.
        encounter_hours: The longest gap inside an encounter, in hours.
        hashes: Perceptual hashes, bool (N, 64), or None to let near-duplicates count.
        learnt: Which photos the model was trained on, bool (N,), or None where it is not known; only counted.

    Returns:
        The three lists. A viewpoint whose photos typically are no more similar to their own identity than to some
        other one adds nothing to them, which is logged.

    Raises:
        UserError: `encounter_hours` is negative or not a number.
        ValueError: Not one embedding or hash a row, or embeddings that are not of length one.
    """
    if len(embeddings) != len(table) or (hashes is not None and len(hashes) != len(table)):
        raise ValueError(f"{len(table)} rows need as many embeddings and hashes; there must be one of each a row.")
    if not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3):
        raise ValueError("The embeddings are not of length one; divide each by its length.")
    lists: dict[str, list[dict[str, Any]]] = {"photos": [], "pairs": [], "identities": []}
    found: list[npt.NDArray[np.bool_]] = [np.zeros(0, dtype=np.bool_)]
    for viewpoint, rows in _viewpoints(table):
        photos = comparable_photos(table, embeddings, encounter_hours, hashes, rows)
        own, near = own_links(photos), neighbours(photos, NEIGHBOURS)
        judged = own[2] > 0
        found.append((photos.identities[near[:, 0]] == photos.identities)[judged])
        scale = _scale(photos, own[0][judged], viewpoint)
        if scale is not None:
            suspicions = {
                "photos": odd_photos(photos, own, near, scale),
                "pairs": alike_identities(photos, near, scale),
                "identities": mixed_identities(photos, scale),
            }
            for name, rows_found in suspicions.items():
                lists[name] += [{**row, "orientation": viewpoint} for row in rows_found]
    nearest_is_own = np.concatenate(found)
    labelled = (table["identity"] != UNKNOWN).to_numpy()
    return Audit(
        _ranked(lists["photos"], PHOTO_COLUMNS),
        _ranked(lists["pairs"], PAIR_COLUMNS),
        _ranked(lists["identities"], MIXED_COLUMNS),
        float(nearest_is_own.mean()) if len(nearest_is_own) else None,
        int(labelled.sum()),
        None if learnt is None else int(learnt[labelled].sum()),
    )


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


def _viewpoints(table: pd.DataFrame) -> Iterator[tuple[str, Rows]]:
    """The labelled rows of each orientation; "" is without one."""
    known = np.flatnonzero(table["identity"].to_numpy(dtype=object) != UNKNOWN)
    viewpoints = pd.Series("", index=known, dtype=object)
    if "orientation" in table:
        words = table["orientation"].iloc[known].astype(object)
        viewpoints[:] = words.where(words.notna() & (words != UNKNOWN), "").to_numpy()
    for viewpoint, places in viewpoints.groupby(viewpoints).indices.items():
        yield str(viewpoint), known[places]


def _ranked(found: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    ranked = pd.DataFrame(found, columns=columns).sort_values("score", ascending=False, kind="stable")
    return ranked.reset_index(drop=True)
