"""Which photos belong to one occasion, look alike, and stay in one subset of a split: catalogue in, labels out."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates.hashes import Hashes, Rows, check_hashes, join, near_duplicate_labels
from wildtrack.errors import UserError

Times = npt.NDArray[np.datetime64]


def photo_times(table: pd.DataFrame) -> Times:
    """The column `date` as datetime64[us] (N,), NaT where it is missing or not ISO 8601.

    UTC where a date has a zone, as written where it has none, midnight where it has no time.
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


def encounters(table: pd.DataFrame, encounter_hours: float) -> Rows:
    """Label the encounters, 0 upwards, shape (N,): photos of one identity with gaps of at most `encounter_hours`.

    A row without a date is an encounter of its own, and so is a row of the identity "unknown", which may be anyone.
    """
    if not encounter_hours >= 0:
        raise UserError(f"encounter_hours = {encounter_hours} is not allowed; give hours, 0 or more (12 is usual).")
    times, names = photo_times(table), table["identity"].to_numpy(dtype=object)
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


def linked_groups(table: pd.DataFrame, encounter_hours: float, hashes: Hashes | None) -> Rows:
    """Label the groups of rows that no split may tear apart by their first rows, shape (N,).

    Two rows are linked when they are of one photo, of equal files (`sha256`, "" where a file cannot be read), or of one
    identity and one encounter or (with hashes) near-duplicates; a group is whatever such links connect.
    """
    check_hashes(hashes, len(table))
    rows, groups, photos = np.arange(len(table)), np.arange(len(table)), photo_keys(table)
    labelings = [pd.factorize(photos)[0], encounters(table, encounter_hours)]
    if "sha256" in table:
        digests = table["sha256"].to_numpy(dtype=object)
        labelings.append(pd.factorize(np.where(digests == "", photos, digests))[0])
    if hashes is not None:
        for identity, own in pd.Series(rows).groupby(table["identity"].to_numpy(dtype=object)).indices.items():
            if identity != UNKNOWN:  # one identity at a time keeps the pairs few
                groups[own] = own[near_duplicate_labels(hashes[own])]
    for labels in labelings:
        groups = join(groups, rows, np.unique(labels, return_index=True)[1][labels])
    return groups
