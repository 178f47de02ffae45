"""Which groups of rows leave train: by time or at random, from a day on, or with their whole identity; bool (N,)."""

import hashlib
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from wildtrack.assess.duplicates.hashes import Flags, Rows, join
from wildtrack.assess.encounters import Times
from wildtrack.errors import UserError


def split_parts(table: pd.DataFrame, groups: Rows, times: Times | None) -> pd.DataFrame:
    """A row's `identity`, `group`, `rank` by time and name, or by name alone, and `movable`: undated rows stay."""
    names = pd.factorize(table["image_id"].to_numpy(dtype=object), sort=True)[0]
    order = np.argsort(names) if times is None else np.lexsort((names, times))
    ranks = np.empty(len(table), dtype=np.intp)
    ranks[order] = np.arange(len(table))
    movable = np.ones(len(table), dtype=np.bool_) if times is None else ~np.isnat(times)
    columns = {"identity": table["identity"].to_numpy(dtype=object), "group": groups, "rank": ranks, "movable": movable}
    return pd.DataFrame(columns)


def carve(parts: pd.DataFrame, candidates: Flags, share: float, draw: int | None) -> Flags:
    """Choose groups worth about `share` of each identity's candidate rows, leaving each identity one group at least.

    `draw` is the seed of the order in which groups are taken, or None to take those of the highest rank first.
    """
    chosen: set[int] = set()
    pool = parts[candidates]
    first = pool.groupby("group")["rank"].min().to_dict()
    movable = pool.groupby("group")["movable"].all().to_dict()
    sizes: defaultdict[str, Counter[int]] = defaultdict(Counter)  # identity -> group -> rows
    owners: defaultdict[int, set[str]] = defaultdict(set)  # group -> identities
    for identity, group in zip(pool["identity"], pool["group"], strict=True):
        sizes[identity][group] += 1
        owners[group].add(identity)
    staying = {identity: len(groups) for identity, groups in sizes.items()}
    for identity in sorted(sizes) if share > 0 else ():
        groups = sorted(sizes[identity], key=first.__getitem__)
        if draw is not None:
            groups = [groups[place] for place in identity_generator(draw, identity).permutation(len(groups))]
        target = share * sizes[identity].total()
        taken = sum(sizes[identity][group] for group in groups if group in chosen)  # by a mate in the same photo
        for group in reversed(groups):
            if group in chosen or not movable[group] or any(staying[owner] < 2 for owner in owners[group]):
                continue
            more = taken + sizes[identity][group]
            if taken and abs(more - target) >= abs(taken - target):
                break
            taken = more
            chosen.add(group)
            for owner in owners[group]:
                staying[owner] -= 1
    return candidates & parts["group"].isin(chosen).to_numpy(dtype=np.bool_)


def held_out(parts: pd.DataFrame, share: float, seed: int) -> Flags:
    """Draw about `share` of the identities, those that share a group together; bool (N,): their rows."""
    identities, names = pd.factorize(parts["identity"], sort=True)
    count = len(names)
    herds = join(np.arange(count), identities, identities[parts["group"]])  # a group is called by its first row
    sizes = np.bincount(herds)
    wanted, chosen = min(count - 1, max(1, round(share * count))), np.zeros(len(sizes), dtype=np.bool_)
    for herd in herds[np.random.default_rng(seed).permutation(count)]:
        chosen[herd] |= sizes[chosen].sum() + sizes[herd] <= wanted
    if not chosen.any():
        raise UserError(
            f"--held-out-share {share} allows {wanted} of {count} identities, but all of them share photos with more "
            "than that; raise it"
        )
    rows: Flags = chosen[herds[identities]]
    return rows


def cutoff_day(cutoff: str) -> np.datetime64:
    """The beginning of a day, or of a year, in UTC; a UserError for any other text."""
    day = pd.to_datetime(cutoff, format="ISO8601", utc=True, errors="coerce")
    if pd.isna(day):
        raise UserError(f"--cutoff {cutoff!r} is not a day; give one such as 2023-06-01")
    return day.tz_localize(None).to_datetime64()


def begins_after(groups: "pd.Series[int]", times: Times, cutoff: str) -> Flags:
    """The rows of groups that begin on the day `cutoff` or later, bool (N,); an undated row holds its group back."""
    day = cutoff_day(cutoff)
    first, last = (np.datetime_as_string(end(times[~np.isnat(times)]), "D") for end in (np.min, np.max))
    known = f"the photos are dated {first} to {last}"
    before = pd.Series(np.isnat(times) | (times < day))
    after = ~before.groupby(groups.to_numpy()).transform("any").to_numpy(dtype=np.bool_)
    if after.all() or not after.any():
        raise UserError(f"--cutoff {cutoff} leaves no photo {'before' if after.all() else 'after'} it; {known}.")
    return after


def identity_generator(seed: int, identity: str) -> np.random.Generator:
    """A random generator of this identity's own, so that its draws do not depend on the others."""
    name = f"{seed}\0{identity}".encode(errors="surrogatepass")  # a folder's name need not be valid Unicode
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest(), "little"))
