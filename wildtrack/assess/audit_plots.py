"""Pictures of what the audit and the search for duplicates suspect: two photos side by side, row by row.

In: a list from `audit_labels` or `check_for_duplicates` and a way to read a photo. Out: a matplotlib Figure, which
needs no display.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import shorten

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

Reader = Callable[[str], npt.NDArray[np.uint8]]  # image_id -> uint8 (H, W, 3)

PAIRS_PER_ROW = 3
PHOTO_INCHES = 2.1
LETTERS = 30  # that fit over or under a photo
FRAME = "#555555"


@dataclass(frozen=True)
class Suspicion:
    """Two photos and what is odd about them.

    Attributes:
        image_ids: Whose photos to show, left and right.
        names: What stands over each.
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
            (f"labelled {row['identity']}", f"{row['suggested_identity']}"),
            f"{row['votes']} of its nearest photos show the right one, {row['own_votes']} its own",
        )
        for _, row in photos.iterrows()
    ]


def alike_identities(pairs: pd.DataFrame) -> list[Suspicion]:
    """Describe `Audit.pairs`: the most similar photos of two identities that may be one animal."""
    return [
        Suspicion(
            (row["image_id_a"], row["image_id_b"]),
            (row["identity_a"], row["identity_b"]),
            f"one animal? likeness {row['score']:.2f} (1 is typical of one)",
        )
        for _, row in pairs.iterrows()
    ]


def mixed_identities(identities: pd.DataFrame) -> list[Suspicion]:
    """Describe `Audit.identities`: typical photos of the two parts of an identity that may be two animals."""
    return [
        Suspicion(
            (row["image_id_a"], row["image_id_b"]),
            (f"{row['identity']}: {row['photos_a']} photos", f"{row['identity']}: {row['photos_b']} photos"),
            f"two animals? likeness {1 - row['score']:.2f} (0 is typical of two)",
        )
        for _, row in identities.iterrows()
    ]


def duplicates_across_identities(duplicates: pd.DataFrame) -> list[Suspicion]:
    """Describe the duplicates under two names: for each group, the first photo of its first two identities."""
    across = duplicates[duplicates["across_identities"]].drop_duplicates(["group", "identity"])
    found = []
    for _, rows in across.groupby("group"):
        one, other = rows.iloc[0], rows.iloc[1]
        kinds = {"exact file": "the same file", "exact pixels": "the same pixels"}
        same = kinds.get(max(one["kind"], other["kind"]), "the same picture, almost")
        found.append(
            Suspicion((one["image_id"], other["image_id"]), (one["identity"], other["identity"]), f"{same}, two names")
        )
    return found


def plot_suspicions(suspicions: Sequence[Suspicion], read: Reader, title: str, none_found: str) -> Figure:
    """Show pairs of photos side by side, so that a person can judge.

    Args:
        suspicions: Pairs, most suspicious first; the caller chooses how many.
        read: Gives the photo of an image_id, uint8 (H, W, 3).
        title: Above the picture.
        none_found: What the picture says where there are no suspicions.

    Returns:
        The figure: `PAIRS_PER_ROW` pairs a row, each with both names above and the remark below.
    """
    columns = min(PAIRS_PER_ROW, max(1, len(suspicions)))
    rows = max(1, -(-len(suspicions) // columns))
    figure = Figure(
        figsize=(2 * PHOTO_INCHES * columns + 0.4, (PHOTO_INCHES + 0.75) * rows + 0.6),
        layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08),
    )
    figure.suptitle(title, fontsize=13, parse_math=False)
    if not suspicions:
        figure.text(0.5, 0.45, none_found, ha="center", fontsize=11, parse_math=False, wrap=True)
        return figure
    cells = np.atleast_1d(np.array(figure.subfigures(rows, columns, squeeze=False))).ravel()
    for cell, suspicion in zip(cells, suspicions, strict=False):
        axes = cell.subplots(1, 2)
        for axis, image_id, name in zip(axes, suspicion.image_ids, suspicion.names, strict=True):
            _show(axis, read(image_id), _fitted(name), _fitted(image_id))
        cell.supxlabel(shorten(suspicion.remark, 2 * LETTERS, placeholder="…"), fontsize=9, parse_math=False)
    return figure


def _show(axis: Axes, photo: npt.NDArray[np.uint8], name: str, image_id: str) -> None:
    axis.imshow(photo)
    axis.set_box_aspect(1)
    axis.set_anchor("C")
    axis.set_facecolor("#dddddd")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(name, fontsize=10, fontweight="bold", parse_math=False)
    axis.set_xlabel(image_id, fontsize=7.5, color=FRAME, parse_math=False)
    for spine in axis.spines.values():
        spine.set(color=FRAME)


def _fitted(text: str) -> str:
    """A text cut in the middle to what fits over a photo."""
    text = " ".join(text.split())
    return text if len(text) <= LETTERS else f"{text[: LETTERS // 2 - 1]}…{text[-LETTERS // 2 :]}"
