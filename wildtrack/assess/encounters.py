"""Which photos belong to one occasion: catalogue in, a label a row out.

Photos of one occasion look alike, so no split may tear them apart, and none of them proves anything about another.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates.hashes import near_duplicate_labels
from wildtrack.errors import UserError


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

    Two rows are linked when they are of one photo (or of files that are equal byte by byte, whatever their names), or
    of one identity and one encounter, or (with hashes) of one identity and near-duplicates; a group is whatever such
    links connect.

    Args:
        table: A catalogue with `identity` and `path`, perhaps `photo_id`, `date` and `sha256` ("" where a file cannot
            be read), N rows.
        encounter_hours: The longest gap inside an encounter, in hours.
        hashes: Perceptual hashes, bool, shape (N, 64), or None to leave near-duplicates out.

    Returns:
        Labels, 0 up to the number of groups, shape (N,).

    Raises:
        UserError: `encounter_hours` is negative or not a number.
        ValueError: Not one hash a row.
    """
    labelings = [pd.factorize(photo_keys(table))[0], encounters(table, encounter_hours)]
    if "sha256" in table:
        digests = table["sha256"].to_numpy(dtype=object)
        labelings.append(pd.factorize(np.where(digests == "", photo_keys(table), digests))[0])
    if hashes is not None:
        labelings.append(_near_duplicate_labels(table, hashes))
    rows = np.arange(len(table))
    firsts = [np.unique(labels, return_index=True)[1][labels] for labels in labelings]  # each links a row to one row
    ends = (np.tile(rows, len(labelings)), np.concatenate(firsts))
    links = coo_array((np.ones(len(ends[0]), dtype=np.bool_), ends), shape=(len(table), len(table)))
    groups: npt.NDArray[np.intp] = connected_components(links, directed=False)[1].astype(np.intp)
    return groups


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
