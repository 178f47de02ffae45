"""A map of embeddings by t-SNE (van der Maaten and Hinton, JMLR 2008), as a PNG file."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from wildtrack.visualization.style import DARK_INK, MARKERS, POINTS, chart, fitted, identity_styles, save_figure

log = logging.getLogger(__name__)

COLLAPSED = 1e-6  # embeddings that differ by less are one and the same
FEWEST = 4  # photos on a map
CROWDED = 80  # identities, from which on names are smaller
NAME = 90  # points there are for a name on the map
MARKER = 6  # pixels from a photo's place to its marker's edge
GAPS = (9, 16, 24, 34, 46, 60, 80)  # pixels tried between the middle of a group and its name, the nearest first
ANGLES = np.radians([0, 180, 90, 270, 30, 150, 210, 330, 60, 120, 240, 300])  # tried at each gap, in this order
HALO = [withStroke(linewidth=2, foreground="white")]

Floats = npt.NDArray[np.floating]


def draw_tsne(
    embeddings: npt.NDArray[np.float32], identities: npt.NDArray[np.object_], most: int, seed: int, path: Path
) -> None:
    """Draw a map of at most `most` embeddings, float32 (N, D); log a warning where there is none; 0 draws nothing."""
    if not most:
        return
    rows = np.sort(np.random.default_rng(seed).permutation(len(embeddings))[:most])
    if len(rows) < FEWEST:
        log.warning("No t-SNE map: %d photos are too few for one.", len(rows))
    elif np.ptp(embeddings[rows], axis=0).max() < COLLAPSED:  # on which scikit-learn's t-SNE crashes the process
        log.warning("No t-SNE map: all embeddings are the same, so the model tells no animals apart.")
    else:
        title = f"Gallery embeddings: {len(rows)} photos of {len(set(identities[rows]))} identities"
        from sklearn.manifold import TSNE  # takes seconds to import
        from threadpoolctl import threadpool_limits

        tsne = TSNE(perplexity=min(30.0, (len(rows) - 1) / 3), init="pca", random_state=seed)
        with threadpool_limits(1, user_api="openmp"):  # measured: threads wait for each other, 3 to 16 times slower
            positions = np.asarray(tsne.fit_transform(embeddings[rows]))
        save_figure(tsne_figure(positions, list(identities[rows]), title), path)


def tsne_figure(positions: Floats, identities: Sequence[str], title: str) -> Figure:
    """A map of N photos at `positions` (N, 2): a colour and marker for each identity, its name next to its photos."""
    x_label = "t-SNE 1 (no unit: only which photos lie near each other has a meaning)"
    figure, axis = chart(title, x_label, "t-SNE 2", (9.9, 8.8), DARK_INK)
    axis.set(xticks=[], yticks=[])
    labels, names, notes = np.asarray(identities, dtype=object), sorted(set(identities)), []
    styles = identity_styles(names)
    for number, name in enumerate(names):
        group = positions[labels == name]
        colour, marker = styles[name][0], MARKERS[number % len(MARKERS)]
        axis.scatter(
            group[:, 0],
            group[:, 1],
            s=42,
            color=[colour],
            marker=marker,
            edgecolors=DARK_INK,
            linewidths=0.3,
            zorder=3,
        )
        middle = group[np.abs(group - np.median(group, axis=0)).sum(axis=1).argmin()]  # a photo, not an empty place
        size = 8 if len(names) <= CROWDED else 6
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.8, "zorder": 2, "shrinkA": 0, "shrinkB": 0}
        note = axis.annotate(
            fitted(name, NAME, size),
            tuple(middle),
            (0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            path_effects=HALO,
            arrowprops=line,
            zorder=4,
            parse_math=False,
        )
        note.set_in_layout(False)
        notes.append(note)
    figure.draw_without_rendering()
    sizes = np.array([note.get_window_extent().size for note in notes])
    middles = axis.transData.transform([note.xy for note in notes])
    offsets = name_offsets(axis.transData.transform(positions), middles, sizes, axis.bbox.get_points())
    for note, offset in zip(notes, offsets * POINTS, strict=True):
        note.set_position(tuple(offset))
    return figure


def name_offsets(photos: Floats, middles: Floats, sizes: Floats, bounds: Floats) -> Floats:
    """How far the middle of each of K names lies from its group, (K, 2): the nearest place that covers the least.

    In pixels: `photos` (N, 2), `middles` of groups and `sizes` of names (K, 2), corners `bounds` of the map (2, 2).
    """
    directions = np.tile(np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), (len(GAPS), 1))
    gaps = np.repeat(GAPS, len(ANGLES))[:, None]
    placed = np.zeros((0, 2, 2))  # left bottom and right top of each name so far
    offsets = np.zeros_like(middles)
    for number, (middle, size) in enumerate(zip(middles, sizes, strict=True)):
        tried = directions * (gaps + size / 2)
        low, high = (middle + tried - size / 2)[:, None], (middle + tried + size / 2)[:, None]
        covered = ((photos > low - MARKER) & (photos < high + MARKER)).all(axis=2).sum(axis=1)
        covered += ((low < placed[:, 1]) & (high > placed[:, 0])).all(axis=2).sum(axis=1)
        outside = ((low < bounds[0]) | (high > bounds[1])).any(axis=(1, 2))
        best = np.argmin(np.where(outside, len(photos) + len(middles), covered))
        offsets[number] = tried[best]
        placed = np.concatenate([placed, [[low[best, 0], high[best, 0]]]])
    return offsets
