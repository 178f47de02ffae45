"""Charts of an evaluation: reliability and ROC of the decisions, and a comparison of methods, as PNG files."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wildtrack.address.evaluation.comparison import COMPARED
from wildtrack.address.evaluation.open_set import FirstAnswers
from wildtrack.visualization.style import (
    BLUE,
    DARK_INK,
    GRID,
    MARKERS,
    SMALL,
    TEXT,
    VERMILION,
    blank_figure,
    chart,
    dress,
    fitted,
    save_figure,
)

SERIES = (("all gallery photos", "", BLUE, BLUE), ("without leaky gallery photos", "_leak_free", VERMILION, "none"))
NAMES = 200  # points there are for a method's name


def _square_chart(title: str, x_label: str, y_label: str, diagonal: str) -> tuple[Figure, Axes]:
    """An empty chart of shares against shares, with a named diagonal."""
    figure, axis = chart(title, x_label, y_label, (5.7, 6.0), DARK_INK)
    axis.plot([0, 1], [0, 1], color=DARK_INK, linestyle=":", label=diagonal)
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axis.grid(axis="both", color=DARK_INK, alpha=GRID)
    return figure, axis


def draw_reliability(table: npt.NDArray[np.floating], title: str, path: Path) -> None:
    """Draw whether answers are right as often as their P claims, from the table of `reliability`, float (bins, 3)."""
    figure, axis = _square_chart(
        f"Are answers as often right as they are sure?\n{title}",
        "how sure: P(same animal) of the first candidate",
        "how often right: share of answers",
        "as sure as right",
    )
    count, sure, right = table[table[:, 0] > 0].T
    sizes = 30 + 300 * count / count.sum()
    axis.scatter(sure, right, s=sizes, color=BLUE, alpha=0.8, label="answers (larger: more of them)")
    axis.legend(loc="best", markerscale=0.5, fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)


def draw_roc(answers: FirstAnswers, threshold: float, title: str, path: Path) -> None:
    """Draw how well known animals are told from new ones at every threshold; an answer of P >= `threshold` matches."""
    from sklearn.metrics import roc_curve  # takes a second to import

    known, new = answers.known, answers.new
    figure, axis = _square_chart(
        f"Are known animals told from new ones?\n{title}",
        f"of {len(new)} photos of new animals, share above the threshold",
        f"of {len(known)} photos of known animals, share above it",
        "by chance",
    )
    is_known = np.repeat([1, 0], [len(known), len(new)])
    mistaken, accepted, _ = roc_curve(is_known, np.concatenate([known, new]), drop_intermediate=False)
    axis.plot(mistaken, accepted, color=BLUE, drawstyle="steps-post", linewidth=2, label="all thresholds")
    at = (new >= threshold).mean(), (known >= threshold).mean()
    axis.plot(*at, "D", color=VERMILION, markersize=8, label=f"a match: P from {threshold:.2f}")
    axis.legend(loc="lower right", fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)


def draw_comparison(table: pd.DataFrame, title: str, path: Path) -> None:
    """Draw R@1 and mAP of every method with intervals, with all gallery photos and without the leaky ones.

    `table` is from `comparison_table`, a row for each method, the first one at the top. NaN draws nothing.
    """
    lines = np.arange(len(table))
    figure = blank_figure(11, 2.1 + 0.6 * len(table), title, DARK_INK)
    axes = figure.subplots(1, len(COMPARED), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, COMPARED, strict=True):
        dress(axis, "", f"{name}, with its 95% interval over identities", "", DARK_INK)
        axis.grid(visible=False, axis="y")
        axis.grid(axis="x", color=DARK_INK, alpha=GRID)
        for number, (label, suffix, colour, face) in enumerate(SERIES):
            value, low, high = table[[f"{name}{suffix}{end}" for end in ("", "_low", "_high")]].to_numpy(dtype=float).T
            axis.errorbar(
                value,
                lines + 0.26 * (number - (len(SERIES) - 1) / 2),
                xerr=np.maximum(0, [value - low, high - value]),  # rounding may put an end on the wrong side
                fmt=MARKERS[number],
                color=colour,
                markerfacecolor=face,
                markersize=7,
                capsize=3,
                label=label,
            )
        axis.set_xlim(-0.02, 1.02)
    axes[0].set_yticks(lines, [fitted(name, NAMES, TEXT) for name in table["method"]], parse_math=False)
    axes[0].set_ylim(len(table) - 0.5, -0.5)
    series = axes[0].get_legend_handles_labels()
    figure.legend(*series, loc="outside lower center", ncols=2, frameon=False, fontsize=SMALL, labelcolor=DARK_INK)
    save_figure(figure, path)
