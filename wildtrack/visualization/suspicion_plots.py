"""Pictures of what the audit and the search for duplicates suspect: two photos side by side, row by row.

In: a list from `audit_labels` or `check_for_duplicates` and a way to read a photo. Out: a matplotlib Figure, which
needs no display.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from wildtrack.access.photos.thumbnails import Thumbnails
from wildtrack.visualization.style import INK, SMALL, TEXT, blank_figure, fitted, fitted_lines, frame_photo

PAIRS_PER_ROW = 2
PHOTO_INCHES = 1.75  # so that a picture is about as wide as the charts, and a telephone need not shrink it to nothing
ROOM = 68.0 * PHOTO_INCHES  # points there are for a text over or under a photo, a little less than its width
BOLD = 1.15  # how much wider bold letters are


@dataclass(frozen=True)
class Suspicion:
    """Two photos and what is odd about them.

    Attributes:
        image_ids: Whose photos to show, left and right.
        names: What stands over each, in as many lines as it has.
        remark: What stands under both.
    """

    image_ids: tuple[str, str]
    names: tuple[str, str]
    remark: str


def odd_photos(photos: pd.DataFrame) -> list[Suspicion]:
    """Describe `Audit.photos`: the photo on the left, the most similar one of the suggested identity on the right."""
    return [
        Suspicion(
            (row["image_id"], row["evidence_image_id"]),
            (
                f"labelled\n{row['identity']}\nsimilar photos: {row['own_votes']}",
                f"looks like\n{row['suggested_identity']}\nsimilar photos: {row['votes']}",
            ),
            "",
        )
        for _, row in photos.iterrows()
    ]


def alike_identities(pairs: pd.DataFrame) -> list[Suspicion]:
    """Describe `Audit.pairs`: the most similar photos of two identities that may be one animal."""
    return [
        Suspicion(
            (row["image_id_a"], row["image_id_b"]),
            (row["identity_a"], row["identity_b"]),
            f"one animal? likeness {row['score']:.2f}",
        )
        for _, row in pairs.iterrows()
    ]


def mixed_identities(identities: pd.DataFrame) -> list[Suspicion]:
    """Describe `Audit.identities`: typical photos of the two parts of an identity that may be two animals."""
    return [
        Suspicion(
            (row["image_id_a"], row["image_id_b"]),
            (f"{row['identity']}\n{row['photos_a']} photos", f"{row['identity']}\n{row['photos_b']} photos"),
            f"two animals? likeness {1 - row['score']:.2f}",
        )
        for _, row in identities.iterrows()
    ]


def duplicates_across_identities(duplicates: pd.DataFrame) -> list[Suspicion]:
    """Describe the duplicates under two names: for each group, the first photo of its first two identities."""
    found = []
    for _, rows in duplicates[duplicates["across_identities"]].groupby("group"):
        firsts = rows.drop_duplicates("identity")
        two = firsts.iloc[:2]
        remark = f"one picture, {len(firsts)} names" + (f"; 2 of {len(rows)} photos shown" if len(rows) > 2 else "")
        found.append(Suspicion(tuple(two["image_id"]), tuple(two["identity"]), remark))
    return found


def plain_copies(duplicates: pd.DataFrame) -> list[Suspicion]:
    """Describe the removable duplicates: the photo that stays on the left, the one that can go on the right."""
    return [
        Suspicion(
            (row["duplicate_of"], row["image_id"]),
            (f"{row['identity']}\nstays", f"{row['identity']}\ncan go"),
            f"near: {row['distance']} of 64 bits differ" if row["kind"] == "near" else row["kind"],
        )
        for _, row in duplicates[duplicates["removable"]].iterrows()
    ]


def plot_suspicions(suspicions: Sequence[Suspicion], read: Thumbnails, title: str) -> Figure:
    """Show pairs of photos side by side, so that a person can judge.

    Args:
        suspicions: One pair or more, the most suspicious first; the caller chooses how many.
        read: Gives the photo of an image_id, uint8 (H, W, 3).
        title: Above the picture.

    Returns:
        The figure: `PAIRS_PER_ROW` pairs a row, each with both names above and the remark below.
    """
    columns = min(PAIRS_PER_ROW, len(suspicions))
    rows = -(-len(suspicions) // columns)
    figure = blank_figure(2 * PHOTO_INCHES * columns + 0.4, (PHOTO_INCHES + 1.05) * rows + 0.6, title)
    figure.set_layout_engine(ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08))
    cells = np.ravel(figure.subfigures(rows, columns, squeeze=False))
    for cell, suspicion in zip(cells, suspicions, strict=False):
        axes = cell.subplots(1, 2)
        for axis, image_id, name in zip(axes, suspicion.image_ids, suspicion.names, strict=True):
            frame_photo(axis, read(image_id))
            axis.set_box_aspect(1)
            lines = fitted_lines(name, ROOM / BOLD, TEXT)
            axis.set_title(lines, fontsize=TEXT, fontweight="bold", color=INK, parse_math=False)
            axis.set_xlabel(fitted(image_id, ROOM, SMALL), fontsize=SMALL, color=INK, parse_math=False)
        cell.set_facecolor("none")
        cell.supxlabel(fitted(suspicion.remark, 2 * ROOM, TEXT), fontsize=TEXT, color=INK, parse_math=False)
    return figure
