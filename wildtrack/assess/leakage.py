"""How easy a split makes it: queries and gallery in, the pairs that flatter the figures out."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.catalogue import UNKNOWN
from wildtrack.assess.duplicates import near_duplicates
from wildtrack.assess.splits import encounters, photo_keys


def suspicious_pairs(
    queries: pd.DataFrame,
    gallery: pd.DataFrame,
    encounter_hours: float,
    query_hashes: npt.NDArray[np.bool_] | None,
    gallery_hashes: npt.NDArray[np.bool_] | None,
    others: pd.DataFrame | None = None,
) -> npt.NDArray[np.bool_]:
    """Find gallery photos that give a query's answer away.

    That is a photo of the same identity that is also of the same encounter (labelled over all photos
    handed in), or a near-duplicate, or the same source photo. Rows of the identity "unknown" give nothing away.

    Args:
        queries: A catalogue with `identity` and `path`, perhaps `photo_id` and `date`, Q rows.
        gallery: The same, G rows.
        encounter_hours: The longest gap inside an encounter, in hours.
        query_hashes: Perceptual hashes, bool, shape (Q, 64), or None to leave near-duplicates out.
        gallery_hashes: The same, shape (G, 64).
        others: The catalogue's further photos, which may bridge the gap between two photos of one encounter.

    Returns:
        Bool, shape (Q, G).

    Raises:
        UserError: `encounter_hours` is negative or not a number.
        ValueError: Not one hash a row, or hashes for one table only.
    """
    columns = ["identity", "path", "photo_id", "date"]
    sides = (queries, gallery) if others is None else (queries, gallery, others)
    photos = pd.concat(
        [side[[name for name in columns if name in side]].astype(object) for side in sides], ignore_index=True
    )
    both = photos.iloc[: len(queries) + len(gallery)]
    suspicious = _equal(encounters(photos, encounter_hours)[: len(both)], len(queries))  # (Q, G)
    suspicious |= _equal(pd.factorize(photo_keys(both))[0], len(queries))
    if query_hashes is not None and gallery_hashes is not None:
        if (len(query_hashes), len(gallery_hashes)) != suspicious.shape:
            raise ValueError(f"{len(query_hashes)} and {len(gallery_hashes)} hashes for {suspicious.shape} rows.")
        suspicious |= near_duplicates(query_hashes, gallery_hashes)
    elif query_hashes is not None or gallery_hashes is not None:
        raise ValueError("Give the hashes of both queries and gallery, or of neither.")
    names = both["identity"].to_numpy(dtype=object)
    suspicious &= _equal(pd.factorize(names)[0], len(queries))
    suspicious[names[: len(queries)] == UNKNOWN] = False
    return suspicious


def same_side_share(queries: pd.DataFrame, gallery: pd.DataFrame) -> float | None:
    """Share of queries that have no gallery photo of the same identity with the same orientation.

    A turtle's left side cannot be told from its right side alone, so these queries are harder than they look.

    Args:
        queries: A catalogue with `identity` and perhaps `orientation`, Q rows; rows without one are left out.
        gallery: The same, G rows.

    Returns:
        0 to 1, or None where no query has an orientation or a table has no such column.
    """
    if "orientation" not in queries or "orientation" not in gallery:
        return None
    known = set(zip(gallery["identity"], gallery["orientation"], strict=True))
    asked = [
        (identity, orientation)
        for identity, orientation in zip(queries["identity"], queries["orientation"], strict=True)
        if not pd.isna(orientation) and orientation not in ("", "unknown")
    ]
    if not asked:
        return None
    return sum(pair not in known for pair in asked) / len(asked)


def _equal(labels: npt.NDArray[np.intp], num_queries: int) -> npt.NDArray[np.bool_]:
    """Compare the first labels with the rest, shape (Q, G)."""
    return np.equal(labels[:num_queries, None], labels[None, num_queries:])
