"""How often an audit is right: wrong names are planted among photos that are taken to be named well, and looked for.

A twentieth of the names is wrong in each trial. A flag on anything but what was planted counts as wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from wildtrack.assess.duplicates.hashes import Flags, Rows
from wildtrack.assess.labels.likeness import Photos, own_links
from wildtrack.assess.labels.suspicions import FEWEST, Scale, alike_identities, mixed_identities, odd_photos

TRIALS = 10  # for each viewpoint
PLANTED = 0.05  # share of photos, or identities, with a planted error; at least one


@dataclass(frozen=True)
class Trials:
    """Flags that were raised in trials."""

    right: int = 0  # on planted errors
    raised: int = 0  # all
    planted: int = 0

    def __add__(self, other: "Trials") -> "Trials":
        """Both together."""
        return Trials(self.right + other.right, self.raised + other.raised, self.planted + other.planted)

    @property
    def is_right(self) -> bool:
        """Whether flags are right more often than not."""
        return 2 * self.right > self.raised

    def __str__(self) -> str:
        """In words."""
        return f"on trial, {self.right} of {self.raised} flags were right, and {self.planted} errors were planted"


def odd_photo_trials(photos: Photos, near: Rows, scale: Scale, validation: Flags) -> Trials:
    """Trials of `odd_photos`, by the photos that the model did not learn: bool (N,)."""
    own = own_links(photos)
    candidates = np.flatnonzero(validation & (own[2] > 0))
    if not len(candidates) or len(photos.members()) < 2:
        return Trials()
    judged = set(photos.table["image_id"].to_numpy()[validation])

    def trial(generator: np.random.Generator) -> Trials:
        places = _some(candidates, generator)
        planted = photos.identities.copy()
        for place in places:
            others = np.unique(photos.identities[photos.identities != photos.identities[place]])
            planted[place] = generator.choice(others)
        changed = replace(photos, identities=planted)
        flags = {row["image_id"] for row in odd_photos(changed, own_links(changed), near, scale)} & judged
        wrong = set(photos.table["image_id"].to_numpy()[places])
        return Trials(len(flags & wrong), len(flags), len(wrong))

    return _repeated(trial)


def alike_trials(photos: Photos, near: Rows, scale: Scale) -> Trials:
    """Trials of `alike_identities`: some identities are made two, each with half of the encounters."""
    members = photos.members()
    candidates = np.array(
        [key for key, rows in members.items() if len(np.unique(photos.encounters[rows])) >= 2 * FEWEST]
    )

    def trial(generator: np.random.Generator) -> Trials:
        planted, chosen = photos.identities.copy(), _some(candidates, generator)
        for key in chosen:
            met = generator.permutation(np.unique(photos.encounters[members[key]]))
            half = np.isin(photos.encounters, met[: len(met) // 2]) & (photos.identities == key)
            planted[half] = planted.max() + 1
        flags = list(alike_identities(replace(photos, identities=planted), near, scale))
        return Trials(sum(row["identity_a"] == row["identity_b"] for row in flags), len(flags), len(chosen))

    return _repeated(trial) if len(candidates) else Trials()


def mixed_trials(photos: Photos, scale: Scale) -> Trials:
    """Trials of `mixed_identities`: some pairs of identities are made one."""
    names = dict(zip(photos.table["image_id"], photos.identities, strict=True))
    members = photos.members()
    candidates = np.array([key for key, rows in members.items() if len(rows) >= FEWEST])

    def trial(generator: np.random.Generator) -> Trials:
        planted, chosen = photos.identities.copy(), _some(candidates, generator)
        for key in chosen:
            planted[planted == key] = generator.choice(candidates[candidates != key])
        flags = list(mixed_identities(replace(photos, identities=planted), scale))
        right = sum(bool(names[row["image_id_a"]] != names[row["image_id_b"]]) for row in flags)
        return Trials(right, len(flags), len(chosen))

    return _repeated(trial) if len(candidates) > 1 else Trials()


def _some(candidates: Rows, generator: np.random.Generator) -> Rows:
    return generator.choice(candidates, max(1, round(PLANTED * len(candidates))), replace=False)


def _repeated(trial: Callable[[np.random.Generator], Trials]) -> Trials:
    return sum((trial(np.random.default_rng(seed)) for seed in range(TRIALS)), Trials())
