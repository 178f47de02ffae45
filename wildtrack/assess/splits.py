"""Which photos to learn from and which to ask about: catalogue in, a subset for each row out.

Photos of one occasion look alike, so they stay in one subset; see `linked_groups`. The kinds of split are those of
wildlife-datasets (Cermak et al., "WildlifeDatasets: An Open-Source Toolkit for Animal Re-Identification", 2024).
"""

import hashlib
import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.encounters import linked_groups, photo_keys, photo_times
from wildtrack.errors import UserError

SUBSETS = ("train", "valid", "test")
SplitRule = Literal["auto", "catalogue", "encounter", "random", "cutoff"]
IdentityRule = Literal["closed", "open", "disjoint"]
SPLITS, IDENTITIES = get_args(SplitRule), get_args(IdentityRule)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitConfig:
    """How to split a catalogue.

    Attributes:
        split: "catalogue" takes the column `split`; "encounter" sends each identity's later encounters to test (a
            time-aware proportion); "random" sends groups drawn by `seed`; "cutoff" sends what begins on the day
            `cutoff` or later, so that animals first met then are new. "auto" is the first of catalogue, encounter (any
            row has a date) and random that can be done.
        cutoff: An ISO 8601 day, or a year; for "cutoff" only. It begins at midnight UTC for dates with a zone.
        identities: Each of "closed" identities is trained on. "open" first holds out some identities with all their
            photos for test: they are unknown animals. "disjoint" holds them out too and leaves all others to train
            and valid, so that test is a catalogue of its own.
        held_out_share: Share of the identities to hold out where they are not closed, above 0 and below 1.
        encounter_hours: The longest gap inside an encounter, in hours.
        test_share: Share of each identity's photos to test, 0 up to 1; 0 for none.
        valid_share: Share of each identity's photos left after test, 0 up to 1; 0 for none.
        seed: Names the random draw.
    """

    split: SplitRule = "auto"
    cutoff: str | None = None
    identities: IdentityRule = "closed"
    held_out_share: float = 0.2
    encounter_hours: float = 12.0
    test_share: float = 0.2
    valid_share: float = 0.15
    seed: int = 0

    def check(self) -> None:
        """Raise a UserError for what `make_split` can do with no catalogue."""
        for name, share in (("test_share", self.test_share), ("valid_share", self.valid_share)):
            if not 0 <= share < 1:
                raise UserError(f"{name} = {share} is not allowed; give a share from 0 up to (not including) 1.")
        if self.split not in SPLITS:
            raise UserError(
                f'split = "{self.split}" is not known; allowed: {", ".join(SPLITS)}. "auto" suits most catalogues.'
            )
        if self.identities not in IDENTITIES:
            raise UserError(f'identities = "{self.identities}" is not known; allowed: {", ".join(IDENTITIES)}.')
        if (self.split == "cutoff") != (self.cutoff is not None):
            raise UserError(
                f'split = "{self.split}" and cutoff = {self.cutoff} do not go together; '
                'split = "cutoff" needs a day such as 2023-06-01, and no other split takes one.'
            )
        if self.identities != "closed" and self.split in ("catalogue", "cutoff"):
            raise UserError(
                f'identities = "{self.identities}" chooses the test photos itself, and so does '
                f'split = "{self.split}"; choose "encounter" or "random".'
            )
        if not 0 < self.held_out_share < 1:
            raise UserError(f"held_out_share = {self.held_out_share} is not allowed; give a share above 0 and below 1.")


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Split:
    """The subsets of a catalogue's rows, and how they were chosen.

    Attributes:
        subset: "train", "valid" or "test" for each row, shape (N,).
        method: One plain sentence for reports.
    """

    subset: npt.NDArray[np.str_]
    method: str


def make_split(table: pd.DataFrame, hashes: npt.NDArray[np.bool_] | None, config: SplitConfig) -> Split:
    """Put every row into train, valid or test.

    Groups as `linked_groups` defines them go whole, except that a catalogue's own subsets are left as they are.
    Identities that share a photo are held out together.

    An identity with two groups or more gets at least one in test, and more while that brings its test photos nearer to
    `test_share`; then likewise valid out of what is left. One group always stays in train, and so does, by encounter
    and cutoff, every group with an undated row. The result does not depend on row order, nor, with closed identities
    and unless photos show several animals, on the other identities.

    Args:
        table: A catalogue with `image_id`, `identity`, `path`, perhaps `photo_id`, `date`, `sha256` and `split`, N
            rows, none of them "unknown".
        hashes: Perceptual hashes, bool, shape (N, 64), or None to leave near-duplicates out.
        config: How to split it.

    Returns:
        The subsets, shape (N,), and a sentence on how they were chosen.

    Raises:
        UserError: An unknown word or share, or a catalogue that has not what `config.split` needs.
        ValueError: A row of the identity "unknown", or not one hash a row.
    """
    if (table["identity"] == UNKNOWN).any():
        raise ValueError(f'Rows of the identity "{UNKNOWN}" have no subset; drop them before splitting.')
    config.check()
    times = photo_times(table)
    dated = bool((~np.isnat(times)).any())
    rule = _rule(table, config, dated)
    draw = None if dated and rule != "random" else config.seed
    groups = linked_groups(table, config.encounter_hours, hashes)
    parts = _parts(table, groups, times if draw is None else None)
    if rule == "catalogue":
        return _own_split(table, parts, config.valid_share, draw)
    subset = np.full(len(table), "train", dtype="<U5")
    if config.identities != "closed":
        subset[_held_out(parts, config.held_out_share, config.seed)] = "test"
    if rule == "cutoff":
        subset[_begins_after(parts["group"], times, str(config.cutoff))] = "test"
    elif config.identities != "disjoint":
        subset[_carve(parts, subset == "train", config.test_share, draw)] = "test"
    subset[_carve(parts, subset == "train", config.valid_share, draw)] = "valid"
    undated = int(np.isnat(times).sum())
    if config.test_share > 0 and not (subset == "test").any():
        logger.warning(
            "No photo is in test: no identity has two groups of photos that can be parted. "
            "Add photos of other days, or lower encounter_hours = %s%s.",
            config.encounter_hours,
            ', or choose split = "random", which needs no dates' if draw is None and undated else "",
        )
    method = _method(rule, dated, hashes is not None, undated, config.cutoff)
    if config.identities != "closed":
        count = parts["identity"].nunique() - parts["identity"][subset != "test"].nunique()
        others = "" if config.identities == "disjoint" else f", the others {method}"
        method = f"with {count} identities held out whole{others}"
    return Split(subset, method)


def identity_generator(seed: int, identity: str) -> np.random.Generator:
    """A random generator of this identity's own, so that its draws do not depend on the others."""
    name = f"{seed}\0{identity}".encode(errors="surrogatepass")  # a folder's name need not be valid Unicode
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest(), "little"))


def _rule(table: pd.DataFrame, config: SplitConfig, dated: bool) -> str:
    """The rule of the split, "auto" settled; UserError where the catalogue has not what the rule needs."""
    has_split = "split" in table and bool((table["split"].notna() & (table["split"] != "")).any())
    if config.split == "auto":
        if config.identities == "closed" and has_split:
            return "catalogue"
        return "encounter" if dated else "random"
    if config.split == "catalogue" and not has_split:
        raise UserError('split = "catalogue", but the catalogue has no column `split`; add one, or choose "auto".')
    if config.split in ("encounter", "cutoff") and not dated:
        raise UserError(f'split = "{config.split}", but no photo has an ISO 8601 date; add dates, or choose "random".')
    return config.split


def _parts(table: pd.DataFrame, groups: npt.NDArray[np.intp], times: npt.NDArray[np.datetime64] | None) -> pd.DataFrame:
    """What `_carve` looks at, N rows; with `times`, later rows come later and undated ones stay."""
    return pd.DataFrame(
        {
            "identity": table["identity"].to_numpy(dtype=object),
            "group": groups,
            "rank": _ranks(table, times),
            "movable": np.ones(len(table), dtype=np.bool_) if times is None else ~np.isnat(times),
        }
    )


def _own_split(table: pd.DataFrame, parts: pd.DataFrame, valid_share: float, draw: int | None) -> Split:
    """The catalogue's own split; valid comes out of train where it has none."""
    subset = _own_subsets(table)
    method = "the catalogue's own split"
    if valid_share > 0 and not (subset == "valid").any():
        subset[_carve(parts, subset == "train", valid_share, draw)] = "valid"
        method += f", valid carved out of train {'by encounter' if draw is None else 'at random'}"
    return Split(subset, method)


def _own_subsets(table: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Read and check the column `split`, shape (N,)."""
    column = table["split"].to_numpy(dtype=object)
    column = np.where(pd.isna(column), "", column)  # in no subset: left out
    strange = sorted({str(word) for word in column} - {*SUBSETS, ""})
    advice = 'mend the column, or choose split = "encounter" or "random"'
    if strange:
        raise UserError(f"The column `split` says {', '.join(strange[:5])}; allowed: {', '.join(SUBSETS)}; {advice}.")
    subset = column.astype("<U5")
    for needed in ("train", "test"):
        if not (subset == needed).any():
            raise UserError(f"The column `split` has no {needed} rows, and both train and test are needed; {advice}.")
    if (subset == "").any():
        logger.warning("Rows in no subset of the catalogue's own split, left out: %d.", (subset == "").sum())
    torn = int((pd.Series(subset).groupby(photo_keys(table)).nunique() > 1).sum())
    if torn:
        logger.warning("Photos with rows in two subsets of the catalogue's own split, left as they are: %d.", torn)
    return subset


def _ranks(table: pd.DataFrame, times: npt.NDArray[np.datetime64] | None) -> npt.NDArray[np.intp]:
    """Rank rows by time and then name, or by name alone, whatever the order of the table; shape (N,)."""
    names = pd.factorize(table["image_id"].to_numpy(dtype=object), sort=True)[0]
    order = np.argsort(names) if times is None else np.lexsort((names, times))
    ranks = np.empty(len(table), dtype=np.intp)
    ranks[order] = np.arange(len(table))
    return ranks


def _carve(
    parts: pd.DataFrame, candidates: npt.NDArray[np.bool_], share: float, draw: int | None
) -> npt.NDArray[np.bool_]:
    """Choose groups worth about `share` of each identity's candidate rows, leaving each identity one group at least.

    Args:
        parts: Columns `identity`, `group`, `rank` (the order of rows) and `movable` (false keeps its whole group).
        candidates: Bool, shape (N,): the rows to choose from.
        share: Share of each identity's candidates.
        draw: Seed of the order in which groups are taken, or None to take those of the highest rank first.

    Returns:
        Bool, shape (N,): the rows chosen.
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


def _held_out(parts: pd.DataFrame, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Draw about `share` of the identities, those that share a group together; bool (N,): their rows."""
    identities, names = pd.factorize(parts["identity"], sort=True)
    count = len(names)
    shape = (count, int(parts["group"].max()) + 1)
    meets = coo_array((np.ones(len(parts)), (identities, parts["group"])), shape=shape)  # (identities, groups)
    herds = connected_components(meets @ meets.T, directed=False)[1]  # (identities,)
    sizes = np.bincount(herds)
    wanted, chosen = min(count - 1, max(1, round(share * count))), np.zeros(len(sizes), dtype=np.bool_)
    for herd in herds[np.random.default_rng(seed).permutation(count)]:
        chosen[herd] |= sizes[chosen].sum() + sizes[herd] <= wanted
    if not chosen.any():
        raise UserError(
            f"held_out_share = {share} allows {wanted} of {count} identities, but all of them share photos with more "
            "than that; raise it"
        )
    rows: npt.NDArray[np.bool_] = chosen[herds[identities]]
    return rows


def _begins_after(groups: "pd.Series[int]", times: npt.NDArray[np.datetime64], cutoff: str) -> npt.NDArray[np.bool_]:
    """The rows of groups that begin on the day `cutoff` or later, bool (N,); an undated row holds its group back."""
    day = pd.to_datetime(cutoff, format="ISO8601", utc=True, errors="coerce")
    dated = times[~np.isnat(times)]
    known = (
        f"the photos are dated {np.datetime_as_string(dated.min(), 'D')} to {np.datetime_as_string(dated.max(), 'D')}"
    )
    if pd.isna(day):
        raise UserError(f'cutoff = "{cutoff}" is no ISO 8601 day such as 2023-06-01; {known}.')
    before = pd.Series(np.isnat(times) | (times < day.tz_localize(None).to_datetime64()))
    after = ~before.groupby(groups.to_numpy()).transform("any").to_numpy(dtype=np.bool_)
    if after.all() or not after.any():
        raise UserError(f'cutoff = "{cutoff}" leaves no photo {"before" if after.all() else "after"} it; {known}.')
    return after


def _method(rule: str, dated: bool, hashed: bool, num_undated: int, cutoff: str | None) -> str:
    """Say in one sentence how the subsets were chosen."""
    stay = f"; photos without a date ({num_undated}) stay in train" if num_undated else ""
    if rule == "cutoff":
        return f"by date: what begins on {cutoff} or later is tested{stay}"
    if rule == "encounter":
        return f"by encounter: the later ones are tested{stay}"
    kept = [word for word, given in (("encounters", dated), ("near-duplicate photos", hashed)) if given]
    undated = "" if dated else "; without dates, photos of one occasion may be torn apart and flatter the figures"
    return f"random, with {' and '.join(kept) or 'rows of one photo'} kept in one subset{undated}"
