"""Labels that comparable photos contradict: photos of one viewpoint in, a row of a list for each suspicion out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage

from wildtrack.assess.duplicates.hashes import Rows
from wildtrack.assess.labels.likeness import NOBODY, Links, Photos, best_links, spaced

NEIGHBOURS = 10  # photos that vote on a label
LINKS = 3  # of a photo to an identity, whose mean similarity is compared
HALF_WAY = 0.5  # likeness, from two animals to one
FEWEST = 2  # photos that make an animal of its own; a single odd one may have a wrong label
LARGEST = 2000  # photos of an identity that are parted; of more, evenly spaced ones


@dataclass(frozen=True)
class Scale:
    """Typical (median) best links: to another identity, to the most similar other identity, to the own one."""

    others: float
    nearest: float
    own: float

    def likeness(self, similarity: float) -> float:
        """Where a similarity lies: 0 is typical of two animals, 1 of one."""
        return (similarity - self.others) / (self.own - self.others)


def odd_photos(photos: Photos, own: Links, near: Rows, scale: Scale) -> Iterator[dict[str, Any]]:
    """Photos outvoted by another identity, and nearer to it; `own` from `own_links`, `near` from `neighbours`."""
    members, identities = photos.members(), photos.identities
    voters = np.minimum(own[2], NEIGHBOURS)
    votes = np.where(np.arange(NEIGHBOURS) < voters[:, None], near, NOBODY)
    own_votes = ((identities[votes] == identities[:, None]) & (votes != NOBODY)).sum(axis=1)
    # With half the votes or more, the own identity cannot be outvoted.
    for place in np.flatnonzero((voters > 0) & (2 * own_votes < voters)).tolist():
        others = pd.Series(identities[votes[place][votes[place] != NOBODY]]).value_counts(sort=False)
        other = int(others.drop(identities[place], errors="ignore").idxmax())  # ties: the nearest
        if others[other] <= own_votes[place]:
            continue
        count = min(LINKS, int(own[2][place]))
        to_other, to_own = (_mean_link(photos, place, members[key], count) for key in (other, identities[place]))
        score = scale.likeness(to_other) - scale.likeness(to_own)
        if score < HALF_WAY:
            continue
        yield {
            **_file(photos, place),
            "identity": photos.table["identity"].iloc[place],
            "suggested_identity": photos.table["identity"].iloc[members[other][0]],
            "score": score,
            "votes": int(others[other]),
            "own_votes": int(own_votes[place]),
            **_file(photos, best_links(photos, np.array([place]), members[other])[1][0], "evidence_"),
            **_file(photos, own[1][place], "own_"),
        }


def alike_identities(photos: Photos, near: Rows, scale: Scale) -> Iterator[dict[str, Any]]:
    """Pairs of identities whose photos find each other; a pair must be among the neighbours of one of its photos."""
    one_animal = (1 + scale.likeness(scale.nearest)) / 2
    members = photos.members()
    found = np.where(near != NOBODY, photos.identities[near], NOBODY).ravel()
    ones = np.repeat(photos.identities, NEIGHBOURS)
    met = np.stack([ones, found], axis=1)[(found != NOBODY) & (found != ones)]
    for one, other in np.unique(np.sort(met, axis=1), axis=0).tolist():
        links = best_links(photos, members[one], members[other])
        similarities = _mean_links(links, best_links(photos, members[other], members[one]))
        if not similarities or scale.likeness(min(similarities)) < one_animal:
            continue
        closest = links[0].argmax()
        pair = members[one][closest], links[1][closest]
        yield {
            "identity_a": photos.table["identity"].iloc[pair[0]],
            "identity_b": photos.table["identity"].iloc[pair[1]],
            "score": scale.likeness(min(similarities)),
            "similarity": min(similarities),
            **_evidence(photos, pair, len(members[one]), len(members[other])),
        }


def mixed_identities(photos: Photos, scale: Scale) -> Iterator[dict[str, Any]]:
    """Identities whose two most different parts have few links between them."""
    for places in photos.members().values():
        if len(places) < 2 * FEWEST:
            continue
        some = spaced(places, LARGEST)
        part = fcluster(linkage(photos.vectors[some], "ward"), 2, "maxclust")
        ones, others = sorted((some[part == 1], some[part == 2]), key=len, reverse=True)
        within = _mean_links(best_links(photos, ones, ones), best_links(photos, others, others))
        # Parts that do not look like one animal each are odd photos in one folder.
        if len(others) < FEWEST or any(scale.likeness(mean) < HALF_WAY for mean in within):
            continue
        similarities = _mean_links(best_links(photos, ones, others), best_links(photos, others, ones))
        if not similarities or scale.likeness(max(similarities)) >= HALF_WAY:
            continue
        pair = _most_typical(photos, ones), _most_typical(photos, others)
        yield {
            "identity": photos.table["identity"].iloc[pair[0]],
            "score": 1 - scale.likeness(max(similarities)),
            "similarity": max(similarities),
            **_evidence(photos, pair, len(ones), len(others)),
        }


def _mean_link(photos: Photos, place: int, members: Rows, count: int) -> float:
    """Mean similarity of a photo's best independent links to an identity, at most `count` of them."""
    links = photos.vectors[members] @ photos.vectors[place]
    links = np.sort(links[photos.independent(np.array([place]), members)])
    return float(links[-count:].mean())


def _mean_links(*directions: Links) -> list[float]:
    """Mean similarity of each direction that has independent photos."""
    return [float(links[0][links[2] > 0].mean()) for links in directions if (links[2] > 0).any()]


def _most_typical(photos: Photos, places: Rows) -> int:
    """The place of the photo nearest to the mean."""
    vectors = photos.vectors[places]
    return int(places[(vectors @ vectors.mean(axis=0)).argmax()])


def _file(photos: Photos, place: int, prefix: str = "", suffix: str = "") -> dict[str, str]:
    return {f"{prefix}{name}{suffix}": photos.table[name].iloc[place] for name in ("image_id", "path")}


def _evidence(photos: Photos, pair: tuple[int, int], count_a: int, count_b: int) -> dict[str, Any]:
    files = {**_file(photos, pair[0], suffix="_a"), **_file(photos, pair[1], suffix="_b")}
    return {"photos_a": count_a, "photos_b": count_b, **files}
