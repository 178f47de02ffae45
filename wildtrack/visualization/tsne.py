"""A map of embeddings by t-SNE (van der Maaten and Hinton, JMLR 2008), as a PNG file."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wildtrack.visualization.style import DARK_INK, MARKERS, chart, fitted, identity_styles, save_figure

log = logging.getLogger(__name__)

COLLAPSED = 1e-6  # embeddings that differ by less are one and the same
FEWEST = 4  # photos on a map
CROWDED = 80  # identities, from which on names are smaller
NAME = 90  # points there are for a name on the map


def draw_tsne(
    embeddings: npt.NDArray[np.float32], identities: npt.NDArray[np.object_], most: int, seed: int, path: Path
) -> None:
    """Draw a map of embeddings; a warning says where there can be none.

    Args:
        embeddings: float32 (N, D).
        identities: str (N,).
        most: Photos on the map; 0 draws none.
        seed: Names the choice of photos and the start of t-SNE.
        path: PNG to write.
    """
    if not most:
        return
    rows = np.sort(np.random.default_rng(seed).permutation(len(embeddings))[:most])
    if len(rows) < FEWEST:
        log.warning("No t-SNE map: %d photos are too few for one.", len(rows))
        return
    if np.ptp(embeddings[rows], axis=0).max() < COLLAPSED:  # on which scikit-learn's t-SNE crashes the process
        log.warning("No t-SNE map: all embeddings are the same, so the model tells no animals apart.")
        return
    title = f"Gallery embeddings: {len(rows)} photos of {len(set(identities[rows]))} identities"
    plot_tsne(tsne_positions(embeddings[rows], seed), list(identities[rows]), title, path)


def tsne_positions(embeddings: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.floating]:
    """Places on the map, float (N, 2), of embeddings float32 (N, D) that differ; N is 4 or more."""
    from sklearn.manifold import TSNE  # takes seconds to import
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(embeddings) - 1) / 3)
    with threadpool_limits(1, user_api="openmp"):  # measured: its threads wait for each other, 3 to 16 times slower
        return np.asarray(TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(embeddings))


def plot_tsne(positions: npt.NDArray[np.floating], identities: Sequence[str], title: str, path: Path) -> None:
    """Draw places on a map: one colour and marker an identity, its name where its photos lie.

    Args:
        positions: float (N, 2).
        identities: Length N.
        title: Above the picture.
        path: PNG to write.
    """
    x_label = "t-SNE 1 (no unit: only which photos lie near each other has a meaning)"
    figure, axis = chart(title, x_label, "t-SNE 2", (9.9, 8.8), DARK_INK)
    labels = np.asarray(identities, dtype=object)
    names = sorted(set(identities))
    styles = identity_styles(names)
    size = 8 if len(names) <= CROWDED else 6
    for number, name in enumerate(names):
        x, y = positions[labels == name].T
        marker = MARKERS[number % len(MARKERS)]
        axis.scatter(x, y, color=[styles[name][0]], marker=marker, s=42, edgecolors=DARK_INK, linewidths=0.3)
        axis.annotate(
            fitted(name, NAME, size),
            (float(np.median(x)), float(np.median(y))),
            fontsize=size,
            color="black",
            ha="center",
            va="center",
            zorder=3,
            parse_math=False,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.65},
        )
    axis.grid(visible=False)
    axis.set_xticks([])
    axis.set_yticks([])
    save_figure(figure, path)
