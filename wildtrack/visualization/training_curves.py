"""The curves of a training, as a PNG file: loss, and how well validation photos are found."""

from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from wildtrack.visualization.style import BLUE, DARK_INK, ORANGE, SKY, SMALL, blank_figure, dress, save_figure

METRICS = (("R@5", SKY, "s"), ("R@1", BLUE, "o"), ("mAP", ORANGE, "^"))


def draw_training_curves(history: pd.DataFrame, best_epoch: int, title: str, path: Path) -> None:
    """Draw loss and, where something was validated, R@5, R@1 and mAP by epoch.

    `history` has the columns epoch, loss and margin, and where something was validated R@1, R@5 and mAP; the weights
    of `best_epoch` were kept.
    """
    validated = "mAP" in history and bool(history["mAP"].notna().any())
    figure = blank_figure(11 if validated else 6, 4.4, title, DARK_INK)
    axes = figure.subplots(1, 2 if validated else 1, squeeze=False)[0]
    hardest = history["epoch"].to_numpy()[history["margin"].to_numpy().argmax()]  # the first with the whole margin
    harder = f"\nmade harder until epoch {hardest}" if history["margin"].max() > 0 else ""
    dress(axes[0], f"Loss on training photos (lower is better){harder}", "epoch", "", DARK_INK)
    axes[0].plot(history["epoch"], history["loss"], color=BLUE, marker="o", markersize=3)
    axes[0].set_ylim(bottom=0)
    if validated:
        scored = history.dropna(subset="mAP")
        dress(axes[1], "Validation photos found (higher is better)", "epoch", "", DARK_INK)
        for name, colour, marker in METRICS:
            axes[1].plot(scored["epoch"], scored[name], color=colour, marker=marker, markersize=5, label=name)
        axes[1].set_ylim(0, 1.02)
    for axis in axes:
        axis.axvline(best_epoch, color=DARK_INK, linestyle=":", label=f"kept: epoch {best_epoch}")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(loc="best", fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)
