"""What is in a catalogue: a table in, one dict of plain numbers out, ready for statistics.json."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.encounters import encounters, photo_keys, photo_times
from wildtrack.storage.json_files import plain

Numbers = dict[str, Any]


def catalogue_statistics(table: pd.DataFrame, encounter_hours: float) -> Numbers:
    """What a catalogue holds, in builtins; a section is None where the catalogue has nothing to count.

    Rows of the identity "unknown" count as rows and photos, and never as an identity; an animal that has two boxes in
    one photo has one photo.
    """
    table = table.reset_index(drop=True).assign(photo=photo_keys(table))
    photos, known = table.drop_duplicates("photo"), table[table["identity"] != UNKNOWN]
    return {
        "rows": len(table),
        "photos": len(photos),
        "identities": int(known["identity"].nunique()),
        "unknown_rows": len(table) - len(known),
        "photos_per_identity": _photos_per_identity(known),
        "encounters": _encounters(known, encounter_hours),
        "dates": _dates(table),
        "orientation": _orientation(table, known),
        "species": _balance(table, "species"),
        "animals_per_photo": animals_per_photo(table) or None,
    }


def encounters_per_identity(table: pd.DataFrame, encounter_hours: float) -> "pd.Series[int]":
    """Count the encounters of each identity that has a dated photo, dated photos only, "unknown" left out."""
    dated = table[~np.isnat(photo_times(table)) & (table["identity"] != UNKNOWN).to_numpy(dtype=np.bool_)]
    labels = pd.Series(encounters(dated, encounter_hours), index=dated.index)
    return labels.groupby(dated["identity"].to_numpy(dtype=object)).nunique()


def animals_per_photo(table: pd.DataFrame) -> dict[int, int]:
    """Count the photos by how many rows they have: {rows in a photo: photos}, fewest rows first."""
    rows_in_photo = Counter(photo_keys(table).tolist())
    return dict(sorted(Counter(rows_in_photo.values()).items()))


def _photos_per_identity(known: pd.DataFrame) -> Numbers | None:
    counts = known.groupby("identity")["photo"].nunique()
    summary = _summary(counts)
    return summary and {**summary, "singletons": int((counts == 1).sum())}


def _encounters(known: pd.DataFrame, encounter_hours: float) -> Numbers | None:
    counts = encounters_per_identity(known, encounter_hours)
    met_twice = int((counts > 1).sum())
    numbers = {"identities": len(counts), "per_identity": _summary(counts), "met_twice": met_twice}
    return None if counts.empty else {**numbers, "time_aware_split": met_twice > 0}


def _dates(table: pd.DataFrame) -> Numbers | None:
    times = pd.Series(photo_times(table, local=True))
    if times.isna().all():
        return None
    return {
        "rows": int(times.notna().sum()),
        "share": float(times.notna().mean()),
        "first": times.min().isoformat(),
        "last": times.max().isoformat(),
    }


def _orientation(table: pd.DataFrame, known: pd.DataFrame) -> Numbers | None:
    balance = _balance(table, "orientation")
    if balance is None:
        return None
    viewpoints = known["orientation"].astype("str").str.casefold()
    left, right = (set(known.loc[viewpoints == word, "identity"]) for word in ("left", "right"))
    return {**balance, "identities_with_both_viewpoints": len(left & right)}


def _balance(table: pd.DataFrame, column: str) -> Numbers | None:
    given = _given(table, column)
    return None if given.empty else plain({"rows": given.value_counts().to_dict(), "missing": len(table) - len(given)})


def _given(table: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """The cells of a column that hold something; none where there is no such column."""
    if column not in table:
        return pd.Series(dtype=object)
    cells = table[column]
    return cells[cells.notna() & (cells.astype("str") != "")]


def _summary(values: "pd.Series[Any]") -> Numbers | None:
    """`min`, `median`, `mean`, `max` as builtins, whole numbers staying whole; None for no values."""
    summary = {"min": values.min(), "median": values.median(), "mean": values.mean(), "max": values.max()}
    return plain(summary) if len(values) else None
