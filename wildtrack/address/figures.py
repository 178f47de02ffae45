"""Pictures for people: retrieval panels, t-SNE, Grad-CAM overlays, training curves. Arrays in, PNG files out.

Right and wrong are told by words as well as by colour, so that they read without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from wildtrack.files import write_atomically

RIGHT = "#009E73"  # Okabe and Ito's bluish green and vermilion, apart for the colour-blind too
WRONG = "#D55E00"
NEUTRAL = "#555555"
SERIES = ("#0072B2", WRONG)  # their blue, for what is neither right nor wrong
MARKERS = "osD^vP*X<>"
DPI = 110


@dataclass(frozen=True)
class Shown:
    """A photo in a panel."""

    pixels: np.ndarray  # uint8 (H, W, 3)
    title: str
    colour: str = NEUTRAL
    caption: str = ""


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG atomically, without metadata."""
    write_atomically(path, lambda part: figure.savefig(part, dpi=DPI, metadata={"Software": None}))


def retrieval_panel(query: Shown, candidates: Sequence[Shown], title: str, path: Path) -> None:
    """Query left, candidates right, best first, each framed in its colour."""
    columns = 1 + len(candidates)
    figure = Figure(figsize=(2.5 * columns + 0.3, 3.1), layout=ConstrainedLayoutEngine(wspace=0.06))
    axes = figure.subplots(1, columns, squeeze=False, gridspec_kw={"width_ratios": [1.15, *[1] * len(candidates)]})[0]
    for axis, shown in zip(axes, [query, *candidates], strict=True):
        _show(axis, shown)
    figure.suptitle(title, fontsize=12, parse_math=False)
    save_figure(figure, path)


def _show(axis: Axes, shown: Shown) -> None:
    axis.imshow(shown.pixels)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(_fitted(shown.title), fontsize=10, color="black", parse_math=False)
    axis.set_xlabel(shown.caption, fontsize=9, color=shown.colour, fontweight="bold")
    for spine in axis.spines.values():
        spine.set(color=shown.colour, linewidth=4)


def _fitted(text: str, width: int = 28) -> str:
    """Each line of a title cut in the middle to what fits over a photo."""
    lines = [
        line if len(line) <= width else f"{line[: width // 2 - 1]}…{line[-width // 2 :]}" for line in text.split("\n")
    ]
    return "\n".join(lines)


def tsne_picture(positions: np.ndarray, identities: Sequence[str], title: str, path: Path) -> None:
    """A map of embeddings: one colour and marker an identity, its name where its photos lie.

    Args:
        positions: float (N, 2).
        identities: Length N.
        title: Above the picture.
        path: PNG to write.
    """
    names = sorted(set(identities))
    figure = Figure(figsize=(9, 8), layout="constrained")
    axis = figure.subplots()
    labels = np.asarray(identities, dtype=object)
    colours = mpl.colormaps["viridis"](np.linspace(0.0, 0.92, max(1, min(len(names), 10))))
    for number, name in enumerate(names):
        points = positions[labels == name]
        colour, marker = colours[number % 10], MARKERS[(number // 10 + number) % len(MARKERS)]
        axis.scatter(
            points[:, 0], points[:, 1], color=[colour], marker=marker, s=38, edgecolors="white", linewidths=0.5
        )
        centre = np.median(points, axis=0)
        axis.annotate(
            _fitted(name, 18),
            centre,
            fontsize=7 if len(names) <= 80 else 5,
            ha="center",
            va="center",
            zorder=3,
            parse_math=False,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.65},
        )
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel("t-SNE 1 (no unit: only who lies near whom has a meaning)")
    axis.set_ylabel("t-SNE 2")
    axis.set_title(title, parse_math=False)
    save_figure(figure, path)


def methods_picture(
    names: Sequence[str], panels: Mapping[str, Mapping[str, np.ndarray]], title: str, path: Path
) -> None:
    """Dots with intervals: a line a method, a panel a figure, a shape and a colour a series.

    Args:
        names: The methods, M of them, the first one at the top.
        panels: figure -> series -> float (M, 3): value, low and high in 0-1; NaN draws nothing.
        title: Above the picture.
        path: PNG to write.
    """
    figure = Figure(figsize=(10, 1.9 + 0.55 * len(names)), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    lines = np.arange(len(names))
    for axis, (name, series) in zip(axes, panels.items(), strict=True):
        for number, (label, values) in enumerate(series.items()):
            value, low, high = values.T
            axis.errorbar(
                value,
                lines + 0.26 * (number - (len(series) - 1) / 2),
                xerr=np.maximum(0, [value - low, high - value]),  # rounding may put an end on the wrong side
                fmt=MARKERS[number],
                color=SERIES[number],
                markerfacecolor=SERIES[number] if number == 0 else "white",
                markersize=7,
                capsize=3,
                label=label,
            )
        axis.set_xlim(-0.02, 1.02)
        axis.set_xlabel(f"{name}, with its 95% interval over identities")
        axis.grid(axis="x", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(lines, [_fitted(name) for name in names], parse_math=False)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=12, parse_math=False)
    save_figure(figure, path)


def gradcam_picture(photo: np.ndarray, maps: Sequence[tuple[str, np.ndarray]], title: str, path: Path) -> None:
    """A photo, and beside it what each map says the network looked at.

    Args:
        photo: uint8 (H, W, 3).
        maps: (name, float (H, W) in 0..1) pairs.
        title: Above the picture.
        path: PNG to write.
    """
    figure = Figure(figsize=(3.2 * (1 + len(maps)) + 0.8, 3.7), layout="constrained")
    axes = figure.subplots(1, 1 + len(maps), squeeze=False)[0]
    axes[0].imshow(photo)
    axes[0].set_title("photo", fontsize=10)
    grey = np.repeat(photo.mean(axis=2, keepdims=True), 3, axis=2) / 255.0
    image = None
    for axis, (name, weights) in zip(axes[1:], maps, strict=True):
        axis.imshow(grey)
        image = axis.imshow(weights, cmap="inferno", alpha=0.25 + 0.5 * weights, vmin=0, vmax=1)
        axis.set_title(_fitted(name, 34), fontsize=10, parse_math=False)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes), shrink=0.8, pad=0.01)
        bar.set_label("share of the strongest evidence", fontsize=8)
    figure.suptitle(title, fontsize=12, parse_math=False)
    save_figure(figure, path)


def training_picture(history: pd.DataFrame, best_epoch: int, title: str, path: Path) -> None:
    """What a training did, epoch by epoch: the loss, and how well validation photos are found.

    Args:
        history: From `fit`: columns epoch, loss and margin, and where something was validated R@1, R@5 and mAP.
        best_epoch: The epoch whose weights were kept.
        title: Above the picture.
        path: PNG to write.
    """
    validated = "mAP" in history and bool(history["mAP"].notna().any())
    figure = Figure(figsize=(10 if validated else 5.5, 4), layout="constrained")
    axes = figure.subplots(1, 2 if validated else 1, squeeze=False)[0]
    axes[0].plot(history["epoch"], history["loss"], color="#0072B2", marker="o", markersize=3)
    hardest = history["epoch"].to_numpy()[history["margin"].to_numpy().argmax()]  # the first with the whole margin
    harder = f"; made harder until epoch {hardest}" if history["margin"].max() > 0 else ""
    axes[0].set_title(f"Loss on training photos (lower is better{harder})", fontsize=10)
    axes[0].set_ylim(bottom=0)
    if validated:
        scored = history.dropna(subset="mAP")
        for name, colour, marker in (("R@5", "#56B4E9", "s"), ("R@1", "#0072B2", "o"), ("mAP", "#E69F00", "^")):
            axes[1].plot(scored["epoch"], scored[name], color=colour, marker=marker, markersize=5, label=name)
        axes[1].set_title("Validation photos found (higher is better)", fontsize=10)
        axes[1].set_ylim(0, 1.02)
    for axis in axes:
        axis.axvline(best_epoch, color=NEUTRAL, linestyle=":", label=f"kept: epoch {best_epoch}")
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.25)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(loc="best", fontsize=9)
    figure.suptitle(title, fontsize=12, parse_math=False)
    save_figure(figure, path)
