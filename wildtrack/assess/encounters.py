"""Which photos belong to one occasion, look alike, and stay in one subset of a split: catalogue in, labels out."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.dates import span
from wildtrack.assess.duplicates.hashes import Hashes, Rows, check_hashes, join, near_duplicate_labels
from wildtrack.errors import UserError

Times = npt.NDArray[np.datetime64]


def photo_times(table: pd.DataFrame, *, local: bool = False) -> Times:
    """The first moment of each row's `date`, datetime64[us] (N,); NaT where it is missing or not ISO 8601.

    UTC where a date has a zone, or, if `local`, what the clocks there showed; as written where it has none.
    """
    first, _, zones = _spans(table)
    return first + np.where(np.isnat(zones), np.timedelta64(0, "us"), zones) if local else first


def photo_keys(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Name the source photo of each row: its `photo_id` where it has one, else its `path`; shape (N,)."""
    keys = table["path"].astype(object)
    if "photo_id" in table:
        photo_ids = table["photo_id"].astype(object)
        keys = photo_ids.where(photo_ids.notna() & (photo_ids != ""), keys)
    return keys.to_numpy(dtype=object)


def shown_together(table: pd.DataFrame) -> Rows:
    """Number what each row shows, its photo and box, shape (N,); -1 where that shows no two named animals."""
    shows = pd.factorize(pd.Series(list(zip(table["path"], map(str, boxes(table)), strict=True)), dtype=object))[0]
    named = table["identity"].where(table["identity"] != UNKNOWN)
    return np.where(named.groupby(shows).transform("nunique").to_numpy() > 1, shows, -1)


def encounters(table: pd.DataFrame, encounter_hours: float) -> Rows:
    """Label the encounters, 0 upwards, shape (N,): photos of one identity with gaps of at most `encounter_hours`.

    Where a day without a time meets a time, the gap is the shortest that may have been, and so it is where a time
    without a zone, which may be in UTC or any zone of the table, meets one with a zone. The column `encounter` decides
    where it is filled: rows of an identity with one value are one encounter, with two values they are two; a row
    without a value joins the one that it is near to.

    Any other row without a date is an encounter of its own, and so is a row of the identity "unknown", which may be
    anyone.
    """
    if not encounter_hours >= 0:
        raise UserError(f"--encounter-hours {encounter_hours} is not allowed; give hours, 0 or more (12 is usual)")
    names = table["identity"].to_numpy(dtype=object)
    identities, groups = pd.factorize(names)[0], _Groups(_given_encounters(table))
    first, last = _possible_times(table)
    order = np.lexsort((first, identities))
    rows = order[((names != UNKNOWN) & ~np.isnat(first))[order]].tolist()
    longest = encounter_hours * 3600 * 1e6  # in microseconds
    starts, ends = first.astype(np.int64).tolist(), last.astype(np.int64).tolist()
    recent: list[int] = []  # earlier rows of the identity that this or a later one may be near to, the latest first
    for row in rows:
        if recent and identities[row] != identities[recent[0]]:
            recent = []
        still_recent = []
        for other in recent:
            if starts[row] - ends[other] > longest:
                continue
            # of two days, or of two times on one clock, the difference is known
            are_alike = ends[row] - starts[row] == ends[other] - starts[other]
            is_near = not are_alike or starts[row] - starts[other] <= longest
            if not (is_near and groups.join(other, row) and are_alike):  # else this row is as near to later ones
                still_recent.append(other)
        recent = [row, *still_recent]
    return groups.labels()


class _Groups:
    """Rows that are joined step by step, except where two values of the column `encounter` say that they are two."""

    def __init__(self, values: Rows) -> None:
        self._values = values.tolist()  # at the root of each group; -1: none
        self._parents = list(range(len(values)))  # the next row up in a tree for each group; a root's is itself

    def _root(self, row: int) -> int:
        while self._parents[row] != row:
            self._parents[row] = row = self._parents[self._parents[row]]
        return row

    def join(self, one: int, other: int) -> bool:
        """Whether two rows are in one group from now on."""
        one, other = self._root(one), self._root(other)
        values = {self._values[one], self._values[other]} - {-1}
        if len(values) > 1:
            return False
        self._parents[other] = one
        self._values[one] = max(values, default=-1)
        return True

    def labels(self) -> Rows:
        """A number for each row's group; groups of one value are one."""
        roots = np.array([self._root(row) for row in range(len(self._parents))], dtype=np.intp)
        values = np.array(self._values, dtype=np.intp)[roots]
        labels: Rows = pd.factorize(np.where(values >= 0, values, -1 - roots))[0]
        return labels


def _given_encounters(table: pd.DataFrame) -> Rows:
    """A number for each identity's value in the column `encounter`, shape (N,); -1 where it is empty."""
    if "encounter" not in table:
        return np.full(len(table), -1)
    filled = table["encounter"].notna() & (table["encounter"] != "") & (table["identity"] != UNKNOWN)
    numbers = table.groupby(["identity", "encounter"], sort=False, dropna=False).ngroup()
    return np.where(filled, numbers, -1)


def _possible_times(table: pd.DataFrame) -> tuple[Times, Times]:
    """The first and last moment (UTC) that each row's date may mean, if one without a zone has any of the table's."""
    first, last, zones = _spans(table)
    known = [*zones[~np.isnat(zones)], np.timedelta64(0, "us")]
    bare = np.isnat(zones)
    return np.where(bare, first - max(known), first), np.where(bare, last - min(known), last)


def _spans(table: pd.DataFrame) -> tuple[Times, Times, npt.NDArray[np.timedelta64]]:
    """The first and last moment of each row's date, in UTC where it has a zone, and the zone; each (N,), or NaT."""
    dates = table["date"].astype("string") if "date" in table else pd.Series(pd.NA, index=table.index, dtype="string")
    codes, texts = pd.factorize(dates)  # through text, because a column may mix texts, dates and timestamps
    spans = [*(_span(text) for text in texts), (None, None, None)]  # code -1 is what is missing
    first, last, zones = zip(*spans, strict=True)
    kinds = ("datetime64[us]", "datetime64[us]", "timedelta64[us]")
    moments = (np.array(each, dtype=kind)[codes] for each, kind in zip((first, last, zones), kinds, strict=True))
    return tuple(moments)  # type: ignore[return-value]


def _span(text: str) -> tuple[datetime | None, datetime | None, timedelta | None]:
    try:
        first, last = span(text)
        zone = first.utcoffset()
        away = timedelta(0) if zone is None else zone
        return first.replace(tzinfo=None) - away, last.replace(tzinfo=None) - away, zone
    except (ValueError, OverflowError):  # OverflowError: in the year 1 or 9999
        return None, None, None


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
