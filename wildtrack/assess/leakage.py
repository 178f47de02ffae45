"""Photos that give the answer of a query or of a test photo away, which makes figures too good."""

from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates.hashes import Flags, Hashes, Rows, check_hashes, near_duplicates
from wildtrack.assess.encounters import encounters, photo_keys
from wildtrack.assess.splits import SUBSETS, split_subsets

GALLERY = {"valid": ["train"], "test": ["train", "valid"]}  # subset of the queries -> subsets of their gallery
REASONS = ["same_encounter", "near_duplicate", "same_photo", "any"]


def suspicious_pairs(
    table: pd.DataFrame, queries: Rows, gallery: Rows, encounter_hours: float, hashes: Hashes | None
) -> Flags:
    """Which gallery photos give a query's answer away; rows (Q,) and (G,) of a catalogue in, bool (Q, G) out.

    That is a photo of the same identity and encounter (labelled over the whole catalogue, whose other photos may bridge
    a gap), a near-duplicate, or the same source photo. Rows of the identity "unknown" give nothing away.
    """
    check_hashes(hashes, len(table))

    def equal(labels: Rows) -> Flags:
        return np.equal(labels[queries, None], labels[None, gallery])  # (Q, G)

    suspicious = equal(encounters(table, encounter_hours)) | equal(pd.factorize(photo_keys(table))[0])
    if hashes is not None:
        suspicious |= near_duplicates(hashes[queries], hashes[gallery])
    names = table["identity"].to_numpy(dtype=object)
    suspicious &= equal(pd.factorize(names)[0])
    suspicious[names[queries] == UNKNOWN] = False
    return suspicious


def share_without_same_viewpoint(queries: pd.DataFrame, gallery: pd.DataFrame) -> float | None:
    """The share of queries without a gallery photo of the same identity and `orientation`; None where none has one.

    The left of a turtle says nothing about its right, so these queries are harder than they look.
    """
    if "orientation" not in queries or "orientation" not in gallery:
        return None
    viewpoints = queries["orientation"]
    shown = queries[viewpoints.notna() & ~viewpoints.isin(["", UNKNOWN])]
    known = set(zip(gallery["identity"], gallery["orientation"], strict=True))
    missing = [pair not in known for pair in zip(shown["identity"], shown["orientation"], strict=True)]
    return sum(missing) / len(missing) if missing else None


def leaking_photos(table: pd.DataFrame, column: str, encounter_hours: float, hashes: Hashes | None) -> pd.DataFrame:
    """The labelled valid and test photos, with the reasons why a photo of an earlier subset gives their answer away.

    Reasons are those of `suspicious_pairs`, here without an array of all pairs; `column` is the split.
    """
    check_hashes(hashes, len(table))
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
    return pd.concat(reports, ignore_index=True)[["image_id", "identity", "path", "subset", *REASONS]]


def split_leakage(table: pd.DataFrame, column: str, encounter_hours: float, hashes: Hashes | None) -> dict[str, Any]:
    """How many photos of a split column leak, in plain values; arguments and errors are those of `leaking_photos`.

    `photos` counts the rows of each subset, `identities` the named ones. Of valid and test, `identities_in_gallery` are
    those with a photo in the gallery; each reason has a `count` of labelled photos and a `share` (None without photos).
    """
    leaks = leaking_photos(table, column, encounter_hours, hashes)
    subsets, names = split_subsets(table, column), table["identity"].to_numpy(dtype=object)
    members = {subset: set(names[(names != UNKNOWN) & (subsets == subset)]) for subset in SUBSETS}
    report: dict[str, Any] = {
        "column": column,
        "photos": {subset or "none": int((subsets == subset).sum()) for subset in (*SUBSETS, "")},
        "identities": {subset: len(identities) for subset, identities in members.items()},
    }
    for subset, against in GALLERY.items():
        found = leaks[leaks["subset"] == subset]
        gallery = set().union(*(members[other] for other in against))
        report[subset] = {"photos": len(found), "identities_in_gallery": len(members[subset] & gallery)}
        for reason in REASONS:
            count = int(found[reason].sum())
            report[subset][reason] = {"count": count, "share": count / len(found) if len(found) else None}
    return report


def _near_in_gallery(identities: Rows, hashes: Hashes | None, queries: Rows, gallery: Rows) -> Flags:
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
