"""What is in a catalogue: a table in, one dict of plain numbers out, ready for statistics.json."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.encounters import encounters, photo_keys, photo_times
from wildtrack.assess.splits import SUBSETS

Numbers = dict[str, Any]


def catalogue_statistics(table: pd.DataFrame, encounter_hours: float) -> Numbers:
    """Count what a catalogue holds.

    Rows of the identity "unknown" count as rows and photos, and never as an identity. A photo is named as
    `encounters.photo_keys` names it; an animal that has two boxes in one photo has one photo.

    Args:
        table: A catalogue with `identity` and `path`, any of the optional columns, any number of rows.
        encounter_hours: The longest gap inside an encounter, in hours, 0 or more.

    Returns:
        Builtins only. `rows`, `photos`, `identities`, `unknown_rows`, and these sections, each None where the
        catalogue has nothing to count:

        - `photos_per_identity`: a summary and `singletons`, the identities with one photo.
        - `encounters`: of the dated photos of known identities: `identities`, a summary `per_identity`, `met_twice`
          (identities with two encounters or more), and whether a `time_aware_split` is possible. It needs an
          identity that was met twice.
        - `dates`: `rows` and `share` that have one, `first` and `last` (ISO 8601), photos `per_month` and `per_day`.
        - `orientation`, `species`: rows a word, the most frequent first, and `missing`; orientation also has the
          `identities_with_both_viewpoints`, seen both "left" and "right".
        - `sizes`: of the photos that give theirs: `photos`, summaries of `width`, `height` (pixels) and `megapixels`.
        - `animals_per_photo`: {rows in a photo: photos}, fewest first.
        - `boxes`: `rows` and `share` with one, and a summary of the `area_share` of the photo inside it, where the
          photo's size is known.
        - `split`: for each subset `rows`, `photos` and `identities`, and the rows in none as `missing`.

        A summary is `min`, `median`, `mean` and `max`.

    Raises:
        UserError: `encounter_hours` is negative or not a number.
    """
    table = table.reset_index(drop=True)
    photos = photo_keys(table)
    known = table[table["identity"] != UNKNOWN]
    return {
        "rows": len(table),
        "photos": _distinct(photos),
        "identities": _distinct(known["identity"]),
        "unknown_rows": len(table) - len(known),
        "photos_per_identity": _photos_per_identity(known),
        "encounters": _encounters(known, encounter_hours),
        "dates": _dates(table, photos),
        "orientation": _orientation(table, known),
        "species": _balance(table, "species"),
        "sizes": _sizes(table, photos),
        "animals_per_photo": animals_per_photo(table) or None,
        "boxes": _boxes(table),
        "split": _split(table, photos),
    }


def encounters_per_identity(table: pd.DataFrame, encounter_hours: float) -> "pd.Series[int]":
    """Count the encounters of each identity that has a dated photo, dated photos only, "unknown" left out.

    Args:
        table: A catalogue with `identity` and perhaps `date`.
        encounter_hours: The longest gap inside an encounter, in hours, 0 or more.

    Returns:
        Encounters, int, indexed by identity; empty where nothing has a date.

    Raises:
        UserError: `encounter_hours` is negative or not a number.
    """
    dated = table[~np.isnat(photo_times(table)) & (table["identity"] != UNKNOWN).to_numpy(dtype=np.bool_)]
    labels = pd.Series(encounters(dated, encounter_hours), index=dated.index)
    return labels.groupby(dated["identity"].to_numpy(dtype=object)).nunique()


def animals_per_photo(table: pd.DataFrame) -> dict[int, int]:
    """Count the photos by how many rows they have: {rows in a photo: photos}, fewest rows first."""
    rows_in_photo = Counter(photo_keys(table).tolist())
    return dict(sorted(Counter(rows_in_photo.values()).items()))


def _photos_per_identity(known: pd.DataFrame) -> Numbers | None:
    counts = pd.Series(photo_keys(known)).groupby(known["identity"].to_numpy(dtype=object)).nunique()
    summary = _summary(counts.to_numpy())
    return summary and {**summary, "singletons": int((counts == 1).sum())}


def _encounters(known: pd.DataFrame, encounter_hours: float) -> Numbers | None:
    counts = encounters_per_identity(known, encounter_hours)
    if counts.empty:
        return None
    met_twice = int((counts > 1).sum())
    return {
        "identities": len(counts),
        "per_identity": _summary(counts.to_numpy()),
        "met_twice": met_twice,
        "time_aware_split": met_twice > 0,
    }


def _dates(table: pd.DataFrame, photos: npt.NDArray[np.object_]) -> Numbers | None:
    times = pd.Series(photo_times(table))
    dated = times.notna()
    if not dated.any():
        return None
    taken = times[~pd.Series(photos).duplicated() & dated]
    return {
        "rows": int(dated.sum()),
        "share": float(dated.mean()),
        "first": times.min().isoformat(),
        "last": times.max().isoformat(),
        "per_month": _counts(taken.dt.strftime("%Y-%m").value_counts().sort_index()),
        "per_day": _counts(taken.dt.strftime("%Y-%m-%d").value_counts().sort_index()),
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
    if given.empty:
        return None
    return {"rows": _counts(given.value_counts()), "missing": len(table) - len(given)}


def _sizes(table: pd.DataFrame, photos: npt.NDArray[np.object_]) -> Numbers | None:
    if "width" not in table or "height" not in table:
        return None
    sizes = table[["width", "height"]][~pd.Series(photos).duplicated()].dropna().astype("float64")
    if sizes.empty:
        return None
    width, height = sizes["width"].to_numpy(), sizes["height"].to_numpy()
    return {
        "photos": len(sizes),
        "width": _summary(width),
        "height": _summary(height),
        "megapixels": _summary(width * height / 1e6),
    }


def _boxes(table: pd.DataFrame) -> Numbers | None:
    boxes = _given(table, "bbox")
    if boxes.empty:
        return None
    area_share = np.empty(0)
    if "width" in table and "height" in table:
        photo = table.loc[boxes.index, ["width", "height"]].to_numpy(dtype="float64")  # (N, 2)
        edges = np.array(boxes.tolist(), dtype="float64")  # (N, 4)
        inside = np.minimum(edges[:, :2] + edges[:, 2:], photo) - np.maximum(edges[:, :2], 0)
        area_share = (np.maximum(inside, 0) / photo).prod(axis=1)
    return {
        "rows": len(boxes),
        "share": len(boxes) / len(table),
        "area_share": _summary(area_share[np.isfinite(area_share)]),
    }


def _split(table: pd.DataFrame, photos: npt.NDArray[np.object_]) -> Numbers | None:
    given = _given(table, "split")
    if given.empty:
        return None
    subsets: Numbers = {}
    for subset in SUBSETS:
        here = (table["split"] == subset).to_numpy(dtype=np.bool_)
        names = table["identity"][here]
        subsets[subset] = {
            "rows": int(here.sum()),
            "photos": _distinct(photos[here]),
            "identities": _distinct(names[names != UNKNOWN]),
        }
    return {**subsets, "missing": len(table) - len(given)}


def _given(table: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """The cells of a column that hold something; none where there is no such column."""
    if column not in table:
        return pd.Series(dtype=object)
    cells = table[column]
    return cells[cells.notna() & (cells.astype("str") != "")]


def _counts(counts: "pd.Series[int]") -> dict[str, int]:
    return {str(value): int(count) for value, count in counts.items()}


def _distinct(values: Any) -> int:
    return int(pd.Series(values, dtype=object).nunique())


def _summary(values: npt.NDArray[Any]) -> Numbers | None:
    """`min`, `median`, `mean`, `max` as builtins, whole numbers staying whole; None for no values."""
    if not len(values):
        return None
    return {
        "min": values.min().item(),
        "median": float(np.median(values)),
        "mean": float(values.mean()),
        "max": values.max().item(),
    }
