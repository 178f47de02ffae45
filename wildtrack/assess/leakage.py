"""How easy a split makes it: queries and gallery, or any split column, in; what flatters the figures out."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates.hashes import near_duplicates
from wildtrack.assess.encounters import encounters, photo_keys
from wildtrack.assess.splits import SUBSETS, split_subsets

GALLERY = {"valid": ["train"], "test": ["train", "valid"]}  # subset of the queries -> subsets of their gallery


def suspicious_pairs(
    table: pd.DataFrame,
    queries: npt.NDArray[np.intp],
    gallery: npt.NDArray[np.intp],
    encounter_hours: float,
    hashes: npt.NDArray[np.bool_] | None,
) -> npt.NDArray[np.bool_]:
    """Find gallery photos that give a query's answer away.

    That is a photo of the same identity that is also of the same encounter (labelled over the whole catalogue, whose
    other photos may bridge the gap between two), or a near-duplicate, or the same source photo. Rows of the identity
    "unknown" give nothing away.

    Args:
        table: A catalogue with `identity` and `path`, perhaps `photo_id` and `date`, N rows.
        queries: Rows, int (Q,).
        gallery: Rows, int (G,).
        encounter_hours: The longest gap inside an encounter, in hours.
        hashes: Perceptual hashes, bool, shape (N, 64), or None to leave near-duplicates out.

    Returns:
        Bool, shape (Q, G).

    Raises:
        UserError: `encounter_hours` is negative or not a number.
        ValueError: Not one hash a row.
    """
    _check_hashes(hashes, table)

    def equal(labels: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        return np.equal(labels[queries, None], labels[None, gallery])  # (Q, G)

    suspicious = equal(encounters(table, encounter_hours)) | equal(pd.factorize(photo_keys(table))[0])
    if hashes is not None:
        suspicious |= near_duplicates(hashes[queries], hashes[gallery])
    names = table["identity"].to_numpy(dtype=object)
    suspicious &= equal(pd.factorize(names)[0])
    suspicious[names[queries] == UNKNOWN] = False
    return suspicious


def share_without_same_viewpoint(queries: pd.DataFrame, gallery: pd.DataFrame) -> float | None:
    """Share of queries that have no gallery photo of the same identity with the same orientation.

    The left of a turtle says nothing about its right, so these queries are harder than they look.

    Args:
        queries: A catalogue with `identity` and perhaps `orientation`, Q rows; rows without one are left out.
        gallery: The same, G rows.

    Returns:
        0 to 1, or None where no query has an orientation or a table has no such column.
    """
    if "orientation" not in queries or "orientation" not in gallery:
        return None
    known = set(zip(gallery["identity"], gallery["orientation"], strict=True))
    pairs = [
        (identity, orientation)
        for identity, orientation in zip(queries["identity"], queries["orientation"], strict=True)
        if not pd.isna(orientation) and orientation not in ("", "unknown")
    ]
    if not pairs:
        return None
    return sum(pair not in known for pair in pairs) / len(pairs)


def leaking_photos(
    table: pd.DataFrame, column: str, encounter_hours: float, hashes: npt.NDArray[np.bool_] | None
) -> pd.DataFrame:
    """Find the valid and test photos whose answer a photo of an earlier subset gives away.

    Test photos are held against train and valid, which are their gallery, and valid photos against train. What gives
    an answer away is what `suspicious_pairs` says, here without an array of all pairs.

    Args:
        table: A catalogue with `identity`, `path` and `column`, perhaps `photo_id` and `date`, N rows.
        column: The split: train, valid and test, or their other names in `SPLIT_WORDS`; empty is in no subset.
        encounter_hours: The longest gap inside an encounter, in hours.
        hashes: Perceptual hashes, bool, shape (N, 64), or None to leave near-duplicates out.

    Returns:
        One row a labelled valid or test photo: `image_id`, `identity`, `path`, `subset`, and bool `same_encounter`,
        `near_duplicate`, `same_photo`, `any`, each with a gallery photo of the same identity.

    Raises:
        UserError: There is no such column, it says something else, or `encounter_hours` is no time.
        ValueError: Not one hash a row.
    """
    _check_hashes(hashes, table)
    subsets = split_subsets(table, column)
    names = table["identity"].to_numpy(dtype=object)
    identities = pd.factorize(names)[0]
    photos = pd.factorize(photo_keys(table))[0] * (identities.max(initial=0) + 1) + identities
    labels = {"same_encounter": encounters(table, encounter_hours), "same_photo": photos}
    reports = []
    for subset, against in GALLERY.items():
        queries = np.flatnonzero((subsets == subset) & (names != UNKNOWN))
        gallery = np.flatnonzero(np.isin(subsets, against))
        found = {name: np.isin(values[queries], values[gallery]) for name, values in labels.items()}
        found["near_duplicate"] = _near_in_gallery(identities, hashes, queries, gallery)
        report = table[["image_id", "identity", "path"]].iloc[queries].assign(subset=subset, **found)
        reports.append(report.assign(any=np.logical_or.reduce(list(found.values()))))
    columns = ["image_id", "identity", "path", "subset", "same_encounter", "near_duplicate", "same_photo", "any"]
    return pd.concat(reports, ignore_index=True)[columns]


def split_leakage(
    table: pd.DataFrame, column: str, encounter_hours: float, hashes: npt.NDArray[np.bool_] | None
) -> dict[str, Any]:
    """Summarise how easy a split column makes it; arguments and errors are those of `leaking_photos`.

    Returns:
        Plain values: `column`; `photos` (rows of each subset, and of "none"); `identities` (named ones of each subset);
        and for `valid` and `test`: `photos` (labelled), `identities_in_gallery` (how many of the subset's identities
        also have a photo in the gallery; the others are unknown animals), and for each of `same_encounter`,
        `near_duplicate`, `same_photo` and `any` a `count` and a `share` (0 to 1, None without photos). Without
        hashes, no photo counts as a near-duplicate.
    """
    leaks = leaking_photos(table, column, encounter_hours, hashes)
    subsets = split_subsets(table, column)
    known = table["identity"].to_numpy(dtype=object) != UNKNOWN
    members = {subset: set(table["identity"].to_numpy(dtype=object)[known & (subsets == subset)]) for subset in SUBSETS}
    report: dict[str, Any] = {
        "column": column,
        "photos": {subset: int((subsets == subset).sum()) for subset in SUBSETS} | {"none": int((subsets == "").sum())},
        "identities": {subset: len(names) for subset, names in members.items()},
    }
    for subset, against in GALLERY.items():
        found = leaks[leaks["subset"] == subset]
        gallery = set().union(*(members[other] for other in against))
        report[subset] = {"photos": len(found), "identities_in_gallery": len(members[subset] & gallery)}
        for reason in ("same_encounter", "near_duplicate", "same_photo", "any"):
            count = int(found[reason].sum())
            report[subset][reason] = {"count": count, "share": count / len(found) if len(found) else None}
    return report


def _near_in_gallery(
    identities: npt.NDArray[np.intp],
    hashes: npt.NDArray[np.bool_] | None,
    queries: npt.NDArray[np.intp],
    gallery: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """Whether each query has a near-duplicate of their identity among the gallery's rows."""
    found = np.zeros(len(queries), dtype=np.bool_)
    if hashes is None:
        return found
    known = pd.Series(gallery).groupby(identities[gallery]).indices
    for identity, places in pd.Series(queries).groupby(identities[queries]).indices.items():
        if identity in known:
            rows = gallery[known[identity]]
            found[places] = near_duplicates(hashes[queries[places]], hashes[rows]).any(axis=1)
    return found


def _check_hashes(hashes: npt.NDArray[np.bool_] | None, table: pd.DataFrame) -> None:
    if hashes is not None and len(hashes) != len(table):
        raise ValueError(f"{len(hashes)} hashes for {len(table)} rows; there must be one a row.")
