"""Labels that comparable photos contradict: photos of one viewpoint in, a row of a list for each suspicion out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.assess.duplicates.hashes import Rows
from wildtrack.assess.labels.likeness import NOBODY, Floats, Photos, best_links

NEIGHBOURS = 10  # photos that vote on a label
LINKS = 3  # of a photo to an identity, whose mean similarity is compared
HALF_WAY = 0.5  # likeness, from two animals to one
FEWEST = 2  # photos that make an animal of its own; a single odd one is a matter of its label
LARGEST = 2000  # photos of an identity that are parted; of more, evenly spaced ones
ROUNDS = 20  # of two-means; it settles in a few


@dataclass(frozen=True)
class Scale:
    """Typical (median) best links: to another identity, to the most similar other identity, to the own one."""

    others: float
    nearest: float
    own: float

    def likeness(self, similarity: float) -> float:
        """Where a similarity lies: 0 is typical of two animals, 1 of one."""
        return (similarity - self.others) / (self.own - self.others)


def odd_photos(
    table: pd.DataFrame,
    viewpoint: str,
    photos: Photos,
    own: tuple[Floats, Rows, Rows],
    near: tuple[Rows, Floats],
    scale: Scale,
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


def alike_identities(
    table: pd.DataFrame, viewpoint: str, photos: Photos, near: tuple[Rows, Floats], scale: Scale
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


def mixed_identities(table: pd.DataFrame, viewpoint: str, photos: Photos, scale: Scale) -> Iterator[dict[str, Any]]:
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


def _coherent(photos: Photos, places: Rows, scale: Scale) -> bool:
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
