"""Charts of a training and an evaluation as PNG files: loss by epoch, reliability, ROC, a comparison of methods."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wildtrack.address.evaluation.comparison import COMPARED
from wildtrack.address.evaluation.open_set import FirstAnswers
from wildtrack.visualization import style
from wildtrack.visualization.style import BLUE, DARK_INK, ORANGE, SKY, SMALL, VERMILION, dress, save_figure

CURVES = (("R@5", SKY, "s"), ("R@1", BLUE, "o"), ("mAP", ORANGE, "^"))
SERIES = (  # label, what its columns end in, look
    ("all gallery photos", "", {"fmt": "o", "color": BLUE}),
    ("without leaky gallery photos", "_leak_free", {"fmt": "s", "color": VERMILION, "markerfacecolor": "none"}),
)
NAMES = 200  # points there are for a method's name


def draw_training_curves(history: pd.DataFrame, best_epoch: int, title: str, path: Path) -> None:
    """Draw the `history` of a training by epoch: loss and, where something was validated, R@5, R@1 and mAP."""
    scored = history.dropna(subset="mAP") if "mAP" in history else history[:0]
    charts = 1 if scored.empty else 2
    figure = style.blank_figure(0.5 + 5.5 * charts, 4.4, title, DARK_INK)
    axes = figure.subplots(1, charts, squeeze=False)[0]
    hardest = history["epoch"].to_numpy()[history["margin"].to_numpy().argmax()]  # the first with the whole margin
    harder = f"\nmade harder until epoch {hardest}" if history["margin"].max() > 0 else ""
    dress(axes[0], f"Loss on training photos (lower is better){harder}", "epoch", "", DARK_INK)
    axes[0].plot(history["epoch"], history["loss"], color=BLUE, marker="o", markersize=3)
    axes[0].set_ylim(bottom=0)
    for axis in axes[1:]:
        dress(axis, "Validation photos found (higher is better)", "epoch", "", DARK_INK)
        for name, colour, marker in CURVES:
            axis.plot(scored["epoch"], scored[name], color=colour, marker=marker, markersize=5, label=name)
        axis.set_ylim(0, 1.02)
    for axis in axes:
        axis.axvline(best_epoch, color=DARK_INK, linestyle=":", label=f"kept: epoch {best_epoch}")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(loc="best", fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)


def draw_reliability(table: npt.NDArray[np.floating], title: str, path: Path) -> None:
    """Draw whether answers are right as often as their P claims, from the table of `reliability`, float (bins, 3)."""
    labels = "how sure: P(same animal) of the first candidate", "how often right: share of answers", "as sure as right"
    figure, axis = _square_chart(f"Are answers as often right as they are sure?\n{title}", *labels)
    count, sure, right = table[table[:, 0] > 0].T
    label = "answers (larger: more of them)"
    axis.scatter(sure, right, s=30 + 300 * count / count.sum(), color=BLUE, alpha=0.8, label=label)
    axis.legend(loc="best", markerscale=0.5, fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)


def draw_roc(answers: FirstAnswers, threshold: float, title: str, path: Path) -> None:
    """Draw how well new animals are distinguished at each threshold; an answer of P >= `threshold` is a match."""
    from sklearn.metrics import roc_curve  # takes a second to import

    known, new = answers.known, answers.new
    x_label = f"of {len(new)} photos of new animals, share above the threshold"
    y_label = f"of {len(known)} photos of known animals, share above it"
    figure, axis = _square_chart(
        f"Are new animals distinguished from known ones?\n{title}", x_label, y_label, "by chance"
    )
    is_known = np.repeat([1, 0], [len(known), len(new)])
    mistaken, accepted, _ = roc_curve(is_known, np.concatenate([known, new]), drop_intermediate=False)
    axis.plot(mistaken, accepted, color=BLUE, drawstyle="steps-post", linewidth=2, label="all thresholds")
    label = f"a match: P from {threshold:.2f}"
    axis.plot((new >= threshold).mean(), (known >= threshold).mean(), "D", color=VERMILION, markersize=8, label=label)
    axis.legend(loc="lower right", fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)


def _square_chart(title: str, x_label: str, y_label: str, diagonal: str) -> tuple[Figure, Axes]:
    """An empty chart of shares against shares, with a named diagonal."""
    figure, axis = style.chart(title, x_label, y_label, (5.7, 6.0), DARK_INK)
    axis.plot([0, 1], [0, 1], color=DARK_INK, linestyle=":", label=diagonal)
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axis.grid(axis="both", color=DARK_INK, alpha=style.GRID)
    return figure, axis


def draw_comparison(table: pd.DataFrame, title: str, path: Path) -> None:
    """Draw R@1 and mAP of each method of a `comparison_table`, with intervals; NaN draws nothing."""
    lines = np.arange(len(table))
    figure = style.blank_figure(11, 2.1 + 0.6 * len(table), title, DARK_INK)
    axes = figure.subplots(1, len(COMPARED), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, COMPARED, strict=True):
        dress(axis, "", f"{name}, with its 95% interval over identities", "", DARK_INK)
        axis.grid(visible=False, axis="y")
        axis.grid(axis="x", color=DARK_INK, alpha=style.GRID)
        for (label, suffix, look), shift in zip(SERIES, (-0.13, 0.13), strict=True):
            value, low, high = table[[f"{name}{suffix}{end}" for end in ("", "_low", "_high")]].to_numpy(dtype=float).T
            sides = np.maximum(0, [value - low, high - value])  # rounding may put an end on the wrong side
            axis.errorbar(value, lines + shift, xerr=sides, markersize=7, capsize=3, label=label, **look)
        axis.set_xlim(-0.02, 1.02)
    axes[0].set_yticks(lines, [style.fitted(name, NAMES, style.TEXT) for name in table["method"]], parse_math=False)
    axes[0].set_ylim(len(table) - 0.5, -0.5)
    series = axes[0].get_legend_handles_labels()
    figure.legend(*series, loc="outside lower center", ncols=2, frameon=False, fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)
