"""Which photos to learn from and which to ask about: catalogue in, one side a row out.

Photos of one occasion look alike, so they stay on one side together; see `linked_groups`.
"""

import hashlib
import logging
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from wildtrack.access.catalogue import UNKNOWN
from wildtrack.assess.duplicates import near_duplicate_labels
from wildtrack.errors import UserError

SIDES = ("train", "valid", "test")
SPLITS = ("auto", "catalogue", "encounter", "random")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Split:
    """The sides of a catalogue's rows, and how they were chosen.

    Attributes:
        side: "train", "valid" or "test" for each row, shape (N,).
        method: One plain sentence for reports.
    """

    side: npt.NDArray[np.str_]
    method: str


def photo_times(table: pd.DataFrame) -> npt.NDArray[np.datetime64]:
    """Read the column `date`.

    Args:
        table: A catalogue, N rows.

    Returns:
        datetime64[us], shape (N,): UTC where the date has a zone, as written where it has none, midnight where it
        has no time, NaT where it is missing or is not ISO 8601 (or there is no such column).
    """
    if "date" not in table:
        return np.full(len(table), "NaT", dtype="datetime64[us]")
    # Through text, because a column may mix strings, dates, and timestamps with and without a zone.
    times = pd.to_datetime(table["date"].astype("string"), format="ISO8601", utc=True, errors="coerce")
    return times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")


def photo_keys(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Name the source photo of each row: its `photo_id` where it has one, else its `path`; shape (N,)."""
    keys = table["path"].astype(object)
    if "photo_id" in table:
        photo_ids = table["photo_id"].astype(object)
        keys = photo_ids.where(photo_ids.notna() & (photo_ids != ""), keys)
    return keys.to_numpy(dtype=object)


def encounters(table: pd.DataFrame, encounter_hours: float) -> npt.NDArray[np.intp]:
    """Label the encounters: photos of one identity, each at most `encounter_hours` after the one before.

    A row without a date is an encounter of its own, and so is a row of the identity "unknown", which may be anyone.

    Args:
        table: A catalogue with `identity` and perhaps `date`, N rows.
        encounter_hours: The longest gap inside an encounter, in hours, 0 or more.

    Returns:
        Labels, 0 up to the number of encounters, shape (N,).

    Raises:
        UserError: `encounter_hours` is negative or not a number.
    """
    if not encounter_hours >= 0:
        raise UserError(f"encounter_hours = {encounter_hours} is not allowed; give hours, 0 or more (12 is usual).")
    times = photo_times(table)
    names = table["identity"].to_numpy(dtype=object)
    identities = pd.factorize(names)[0]
    chained = ~np.isnat(times) & (names != UNKNOWN)  # (N,)
    order = np.lexsort((times, identities))
    order = order[chained[order]]
    starts = np.ones(len(order), dtype=np.bool_)
    gap_hours = np.diff(times[order]) / np.timedelta64(1, "h")
    starts[1:] = (np.diff(identities[order]) != 0) | (gap_hours > encounter_hours)
    labels = np.empty(len(table), dtype=np.intp)
    labels[order] = np.cumsum(starts) - 1
    labels[~chained] = np.arange(np.count_nonzero(~chained)) + np.count_nonzero(starts)
    return labels


def linked_groups(
    table: pd.DataFrame, encounter_hours: float, hashes: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.intp]:
    """Label the groups of rows that must not be torn apart by a split.

    Two rows are linked when they are of one photo, or of one identity and one encounter, or (with hashes) of one
    identity and near-duplicates; a group is whatever such links connect.

    Args:
        table: A catalogue with `identity` and `path`, perhaps `photo_id` and `date`, N rows.
        encounter_hours: The longest gap inside an encounter, in hours.
        hashes: Perceptual hashes, bool, shape (N, 64), or None to leave near-duplicates out.

    Returns:
        Labels, 0 up to the number of groups, shape (N,).

    Raises:
        UserError: `encounter_hours` is negative or not a number.
        ValueError: Not one hash a row.
    """
    labelings = [pd.factorize(photo_keys(table))[0], encounters(table, encounter_hours)]
    if hashes is not None:
        labelings.append(_near_duplicate_labels(table, hashes))
    rows = np.arange(len(table))
    firsts = [np.unique(labels, return_index=True)[1][labels] for labels in labelings]  # each links a row to one row
    ends = (np.tile(rows, len(labelings)), np.concatenate(firsts))
    links = coo_array((np.ones(len(ends[0]), dtype=np.bool_), ends), shape=(len(table), len(table)))
    groups: npt.NDArray[np.intp] = connected_components(links, directed=False)[1].astype(np.intp)
    return groups


def make_split(
    table: pd.DataFrame,
    hashes: npt.NDArray[np.bool_] | None,
    *,
    split: str,
    encounter_hours: float,
    test_share: float,
    valid_share: float,
    seed: int,
) -> Split:
    """Put every row on the train, valid or test side.

    "catalogue" takes the column `split`; "encounter" sends each identity's later encounters to test; "random" sends
    groups drawn by `seed`. "auto" is the first of catalogue, encounter (any row has a date) and random that can be
    done. Groups as `linked_groups` defines them go whole, except that a catalogue's own sides are left as they are.

    An identity with two groups or more gets at least one on the test side, and more while that brings its test photos
    nearer to `test_share`; then likewise valid out of what is left. One group always stays in train, and so does, by
    encounter, every group with an undated row. The result depends on neither row order nor, unless photos show
    several animals, the other identities.

    Args:
        table: A catalogue with `image_id`, `identity`, `path`, perhaps `photo_id`, `date` and `split`, N rows, none
            of them "unknown".
        hashes: Perceptual hashes, bool, shape (N, 64), or None to leave near-duplicates out.
        split: "auto", "catalogue", "encounter" or "random".
        encounter_hours: The longest gap inside an encounter, in hours.
        test_share: Share of each identity's photos to ask about, 0 up to 1; 0 for no test side.
        valid_share: Share of each identity's photos left after test, 0 up to 1; 0 for no valid side.
        seed: Names the random draw.

    Returns:
        The sides, shape (N,), and a sentence on how they were chosen.

    Raises:
        UserError: An unknown word or share, or a catalogue that has not what `split` asks for.
        ValueError: A row of the identity "unknown", or not one hash a row.
    """
    if (table["identity"] == UNKNOWN).any():
        raise ValueError(f'Rows of the identity "{UNKNOWN}" have no side; drop them before splitting.')
    for name, share in (("test_share", test_share), ("valid_share", valid_share)):
        if not 0 <= share < 1:
            raise UserError(f"{name} = {share} is not allowed; give a share from 0 up to (not including) 1.")
    rule = _rule(table, split)
    times = photo_times(table)
    dated = bool((~np.isnat(times)).any())
    by_time = dated and rule != "random"
    parts = pd.DataFrame(
        {
            "identity": table["identity"].to_numpy(dtype=object),
            "group": linked_groups(table, encounter_hours, hashes),
            "rank": _ranks(table, times if by_time else None),
            "movable": ~np.isnat(times) if by_time else np.ones(len(table), dtype=np.bool_),
        }
    )
    draw = None if by_time else seed
    if rule == "catalogue":
        side = _catalogue_sides(table)
        method = "the catalogue's own split"
        if valid_share > 0 and not (side == "valid").any():
            side[_carve(parts, side == "train", valid_share, draw)] = "valid"
            method += f", valid carved out of train {'by encounter' if by_time else 'at random'}"
        return Split(side, method)
    side = np.full(len(table), "train", dtype="<U5")
    side[_carve(parts, side == "train", test_share, draw)] = "test"
    side[_carve(parts, side == "train", valid_share, draw)] = "valid"
    if test_share > 0 and not (side == "test").any():
        logger.warning(
            "No photo is on the test side: no identity has two groups of photos that can be parted. "
            "Add photos of other days, or lower encounter_hours = %s%s.",
            encounter_hours,
            ', or choose split = "random", which needs no dates' if by_time and np.isnat(times).any() else "",
        )
    return Split(side, _method(rule, dated, hashes is not None, int(np.isnat(times).sum())))


def identity_generator(seed: int, identity: str) -> np.random.Generator:
    """A random generator of this identity's own, so that its draws do not depend on the others."""
    name = f"{seed}\0{identity}".encode(errors="surrogatepass")  # a folder's name need not be valid Unicode
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name).digest(), "little"))


def _near_duplicate_labels(table: pd.DataFrame, hashes: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Label near-duplicates of one identity alike, shape (N,); one identity at a time keeps the pairs few."""
    if len(hashes) != len(table):
        raise ValueError(f"{len(hashes)} hashes for {len(table)} rows; there must be one a row.")
    labels = np.arange(len(table))
    names = table["identity"].to_numpy(dtype=object)
    for identity, rows in pd.Series(labels).groupby(names).indices.items():
        if identity != UNKNOWN:
            labels[rows] = rows[near_duplicate_labels(hashes[rows])]
    return pd.factorize(labels)[0]


def _rule(table: pd.DataFrame, split: str) -> str:
    """Turn the knob into "catalogue", "encounter" or "random", or say why it cannot be."""
    if split not in SPLITS:
        raise UserError(f'split = "{split}" is not known; allowed: {", ".join(SPLITS)}. "auto" suits most catalogues.')
    has_sides = "split" in table and bool((table["split"].notna() & (table["split"] != "")).any())
    has_dates = bool((~np.isnat(photo_times(table))).any())
    if split == "auto":
        return "catalogue" if has_sides else "encounter" if has_dates else "random"
    if split == "catalogue" and not has_sides:
        raise UserError('split = "catalogue", but the catalogue has no column `split`; add one, or choose "auto".')
    if split == "encounter" and not has_dates:
        raise UserError('split = "encounter", but no photo has an ISO 8601 date; add dates, or choose "random".')
    return split


def _catalogue_sides(table: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Read and check the column `split`, shape (N,)."""
    column = table["split"].to_numpy(dtype=object)
    column = np.where(pd.isna(column), "", column)  # on no side: left out
    strange = sorted({str(word) for word in column} - {*SIDES, ""})
    advice = 'mend the column, or choose split = "encounter" or "random"'
    if strange:
        raise UserError(f"The column `split` says {', '.join(strange[:5])}; allowed: {', '.join(SIDES)}; {advice}.")
    side = column.astype("<U5")
    for needed in ("train", "test"):
        if not (side == needed).any():
            raise UserError(f"The column `split` has no {needed} rows, and both train and test are needed; {advice}.")
    if (side == "").any():
        logger.warning("%d rows are on no side of the catalogue's own split and are left out.", (side == "").sum())
    torn = int((pd.Series(side).groupby(photo_keys(table)).nunique() > 1).sum())
    if torn:
        logger.warning("The catalogue's own split has %d photo(s) with rows on two sides; left as they are.", torn)
    return side


def _ranks(table: pd.DataFrame, times: npt.NDArray[np.datetime64] | None) -> npt.NDArray[np.intp]:
    """Rank rows by time and then name, or by name alone, so that the order of the table has no say; shape (N,)."""
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


def _method(rule: str, dated: bool, hashed: bool, num_undated: int) -> str:
    """Say in one sentence how the sides were chosen."""
    if rule == "encounter":
        stay = f"; photos without a date ({num_undated}) stay in train" if num_undated else ""
        return f"by encounter: the later ones are the test side{stay}"
    kept = [word for word, given in (("encounters", dated), ("near-duplicate photos", hashed)) if given]
    undated = "" if dated else "; without dates, photos of one occasion may be on both sides and flatter the figures"
    return f"random, with {' and '.join(kept) or 'rows of one photo'} kept on one side{undated}"
