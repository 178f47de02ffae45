"""Label audit: labels that the photos themselves contradict.

In: the catalogue's table and an embedding a row, from any model. Out: three lists for a person to look through, the
most suspicious first, each with the photos that are the evidence. An embedding can be wrong; a list is no verdict.
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
from wildtrack.assess.labels.likeness import (
    NOBODY,
    Floats,
    Photos,
    best_links,
    comparable_photos,
    neighbours,
    other_links,
    own_links,
)

NEIGHBOURS = 10  # photos that vote on a label
LINKS = 3  # of a photo to an identity, whose mean similarity is compared
HALF_WAY = 0.5  # likeness, from two animals to one
FEWEST = 2  # photos that make an animal of its own; a single odd one is a matter of its label
LARGEST = 2000  # photos of an identity that are parted; of more, evenly spaced ones
ROUNDS = 20  # of two-means; it settles in a few

PHOTO_COLUMNS = [
    *("image_id", "identity", "path", "orientation", "suggested_identity", "score", "votes", "own_votes"),
    *("evidence_image_id", "evidence_path", "own_image_id", "own_path"),
]
PAIR_COLUMNS = [
    *("identity_a", "identity_b", "orientation", "score", "similarity", "photos_a", "photos_b"),
    *("image_id_a", "path_a", "image_id_b", "path_b"),
]
MIXED_COLUMNS = [
    *("identity", "orientation", "score", "similarity", "photos_a", "photos_b"),
    *("image_id_a", "path_a", "image_id_b", "path_b"),
]

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
        learnt: How many of them the model was trained on; None where nobody knows.
    """

    photos: pd.DataFrame
    pairs: pd.DataFrame
    identities: pd.DataFrame
    found_share: float | None
    compared: int
    learnt: int | None


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
        learnt: Which photos the model was trained on, bool (N,), or None where nobody knows; it is only counted.

    Returns:
        The three lists. A viewpoint whose photos typically are no more similar to their own identity than to some
        other one adds nothing to them, which is logged: such an embedding knows nothing about labels.

    Raises:
        UserError: `encounter_hours` is negative or not a number.
        ValueError: Not one embedding or hash a row, or embeddings that are not of length one.
    """
    if len(embeddings) != len(table) or (hashes is not None and len(hashes) != len(table)):
        raise ValueError(f"{len(table)} rows need as many embeddings and hashes; there must be one of each a row.")
    if not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3):
        raise ValueError("The embeddings are not of length one; divide each by its length.")
    lists: dict[str, list[dict[str, Any]]] = {"photos": [], "pairs": [], "identities": []}
    found: list[npt.NDArray[np.bool_]] = []
    for viewpoint, rows in _viewpoints(table):
        photos = comparable_photos(table, embeddings, encounter_hours, hashes, rows)
        own = own_links(photos)
        near = neighbours(photos, NEIGHBOURS)
        judged = own[2] > 0
        found.append((photos.identities[near[0][:, 0]] == photos.identities)[judged])
        scale = _scale(photos, own[0][judged], viewpoint)
        if scale is not None:
            lists["photos"] += _odd_photos(table, viewpoint, photos, own, near, scale)
            lists["pairs"] += _alike_identities(table, viewpoint, photos, near, scale)
            lists["identities"] += _mixed_identities(table, viewpoint, photos, scale)
    every = np.concatenate(found) if found else np.zeros(0, dtype=np.bool_)
    labelled = (table["identity"] != UNKNOWN).to_numpy()
    return Audit(
        _ranked(lists["photos"], PHOTO_COLUMNS),
        _ranked(lists["pairs"], PAIR_COLUMNS),
        _ranked(lists["identities"], MIXED_COLUMNS),
        float(every.mean()) if len(every) else None,
        int(labelled.sum()),
        None if learnt is None else int(learnt[labelled].sum()),
    )


@dataclass(frozen=True)
class _Scale:
    """Typical (median) best links: to another identity, to the most similar other identity, to the own one."""

    others: float
    nearest: float
    own: float

    def likeness(self, similarity: float) -> float:
        return (similarity - self.others) / (self.own - self.others)


def _scale(photos: Photos, own: Floats, viewpoint: str) -> _Scale | None:
    """Measure what is typical; None where own photos are no more similar than another animal's, or there are no two."""
    nearest, middle = other_links(photos)
    if not len(own) or not len(middle):
        return None
    scale = _Scale(*(float(np.median(links)) for links in (middle, nearest, own)))
    if scale.own <= scale.nearest:
        logger.warning(
            "The embedding does not tell these animals apart%s, so it says nothing about their labels: photos of one "
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


def _odd_photos(
    table: pd.DataFrame,
    viewpoint: str,
    photos: Photos,
    own: tuple[Floats, Rows, Rows],
    near: tuple[Rows, Floats],
    scale: _Scale,
) -> Iterator[dict[str, Any]]:
    """Photos outvoted by another identity, and nearer to it."""
    members = photos.members()
    voters = np.minimum(own[2], NEIGHBOURS)
    votes = np.where(np.arange(NEIGHBOURS) < voters[:, None], near[0], NOBODY)  # (N, NEIGHBOURS)
    own_votes = ((photos.identities[votes] == photos.identities[:, None]) & (votes != NOBODY)).sum(axis=1)
    # With half the votes or more, the own identity cannot be outvoted.
    for place in np.flatnonzero((voters > 0) & (2 * own_votes < voters)).tolist():
        others = pd.Series(photos.identities[votes[place][votes[place] != NOBODY]]).value_counts(sort=False)
        other = int(others.drop(photos.identities[place], errors="ignore").idxmax())  # ties: the nearest
        if others[other] <= own_votes[place]:
            continue
        count = min(LINKS, int(own[2][place]))
        theirs, ours = (_mean_link(photos, place, members[key], count) for key in (other, photos.identities[place]))
        score = scale.likeness(theirs) - scale.likeness(ours)
        if score < HALF_WAY:
            continue
        rows = photos.rows
        evidence = int(best_links(photos, np.array([place]), members[other])[1][0])
        yield {
            **_named(table, rows[place]),
            "identity": table["identity"].iloc[rows[place]],
            "orientation": viewpoint,
            "suggested_identity": table["identity"].iloc[rows[members[other][0]]],
            "score": score,
            "votes": int(others[other]),
            "own_votes": int(own_votes[place]),
            **_named(table, rows[evidence], "evidence_"),
            **_named(table, rows[own[1][place]], "own_"),
        }


def _mean_link(photos: Photos, place: int, members: Rows, count: int) -> float:
    """Mean similarity of a photo's best independent links to an identity, at most `count` of them."""
    links = photos.vectors[members] @ photos.vectors[place]
    links = np.sort(links[photos.independent(np.array([place]), members)])
    return float(links[-count:].mean())


def _alike_identities(
    table: pd.DataFrame, viewpoint: str, photos: Photos, near: tuple[Rows, Floats], scale: _Scale
) -> Iterator[dict[str, Any]]:
    """Pairs of identities whose photos find each other; a pair must show among the neighbours of one of its photos."""
    one_animal = (1 + scale.likeness(scale.nearest)) / 2
    members = photos.members()
    theirs = np.where(near[0] != NOBODY, photos.identities[near[0]], NOBODY)
    ones = np.repeat(photos.identities, NEIGHBOURS)
    met = np.stack([ones, theirs.ravel()], axis=1)[(theirs.ravel() != NOBODY) & (theirs.ravel() != ones)]
    for one, other in np.unique(np.sort(met, axis=1), axis=0).tolist():
        there, back = best_links(photos, members[one], members[other]), best_links(photos, members[other], members[one])
        means = [links[0][links[2] > 0].mean() for links in (there, back) if (links[2] > 0).any()]
        if not means or scale.likeness(float(min(means))) < one_animal:
            continue
        closest = there[0].argmax()
        pair = photos.rows[members[one][closest]], photos.rows[there[1][closest]]
        yield {
            "identity_a": table["identity"].iloc[pair[0]],
            "identity_b": table["identity"].iloc[pair[1]],
            "orientation": viewpoint,
            "score": scale.likeness(float(min(means))),
            "similarity": float(min(means)),
            **_pictured(table, pair, len(members[one]), len(members[other])),
        }


def _mixed_identities(table: pd.DataFrame, viewpoint: str, photos: Photos, scale: _Scale) -> Iterator[dict[str, Any]]:
    """Identities whose two most different parts have few links between them."""
    for places in photos.members().values():
        if len(places) < 2 * FEWEST:
            continue
        some = places[np.unique(np.linspace(0, len(places) - 1, min(LARGEST, len(places))).astype(np.intp))]
        second = _parts(photos.vectors[some])
        ones, others = some[~second], some[second]
        if min(len(ones), len(others)) < FEWEST or not all(_coherent(photos, part, scale) for part in (ones, others)):
            continue
        both = best_links(photos, ones, others), best_links(photos, others, ones)
        means = [links[0][links[2] > 0].mean() for links in both if (links[2] > 0).any()]
        if not means or scale.likeness(float(max(means))) >= HALF_WAY:
            continue
        pair = photos.rows[_most_typical(photos, ones)], photos.rows[_most_typical(photos, others)]
        yield {
            "identity": table["identity"].iloc[pair[0]],
            "orientation": viewpoint,
            "score": 1 - scale.likeness(float(max(means))),
            "similarity": float(max(means)),
            **_pictured(table, pair, len(ones), len(others)),
        }


def _coherent(photos: Photos, places: Rows, scale: _Scale) -> bool:
    """Whether the independent ones of these photos look like one animal; odd photos in one folder do not."""
    similarity, _, count = best_links(photos, places, places)
    return not count.any() or scale.likeness(float(similarity[count > 0].mean())) >= HALF_WAY


def _parts(vectors: Floats) -> npt.NDArray[np.bool_]:
    """Part photos in two by two-means, begun along their widest spread; bool (N,): who is in the second part."""
    centred = vectors - vectors.mean(axis=0)
    widest = np.linalg.svd(centred, full_matrices=False)[2][0]
    second: npt.NDArray[np.bool_] = centred @ widest > 0
    for _ in range(ROUNDS):
        if second.all() or not second.any():
            break
        centres = np.stack([vectors[~second].mean(axis=0), vectors[second].mean(axis=0)])
        moved = ((vectors[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1).astype(np.bool_)
        if (moved == second).all():
            break
        second = moved
    return second


def _most_typical(photos: Photos, places: Rows) -> int:
    """The place of the photo nearest to the mean."""
    vectors = photos.vectors[places]
    return int(places[(vectors @ vectors.mean(axis=0)).argmax()])


def _named(table: pd.DataFrame, row: int, prefix: str = "", suffix: str = "") -> dict[str, str]:
    return {f"{prefix}{name}{suffix}": table[name].iloc[row] for name in ("image_id", "path")}


def _pictured(table: pd.DataFrame, pair: tuple[int, int], count_a: int, count_b: int) -> dict[str, Any]:
    named = {**_named(table, pair[0], suffix="_a"), **_named(table, pair[1], suffix="_b")}
    return {"photos_a": count_a, "photos_b": count_b, **named}


def _ranked(found: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """The rows found, the highest score first."""
    ranked = pd.DataFrame(found, columns=columns).sort_values("score", ascending=False, kind="stable")
    return ranked.reset_index(drop=True)
