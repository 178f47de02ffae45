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

from wildtrack.address.evaluation.open_set import FirstAnswers
from wildtrack.storage.files import write_atomically

RIGHT = "#009E73"  # Okabe and Ito's bluish green and vermilion, apart for the colour-blind too
WRONG = "#D55E00"
NEUTRAL = "#555555"
SERIES = ("#0072B2", WRONG)  # their blue, for what is neither right nor wrong
MARKERS = "osD^vP*X<>"
DPI = 110
LINE = "#56B4E9"  # sky blue: seen on fur and on water alike
LITTLE = 0.1  # of similarity: less than that lost is not drawn at full brightness
LINES = 40  # of the shared points that are drawn
EXPLAINED = {
    "shared points": "Points that the query\n(above) and the known\nphoto (below) share\nin one arrangement",
    "similarity": "Where on the query the\nnetwork's similarity rests:\nbright is what it loses\nwhen covered",
}


@dataclass(frozen=True)
class Shown:
    """A photo in a panel."""

    pixels: np.ndarray  # uint8 (H, W, 3)
    title: str
    colour: str = NEUTRAL
    caption: str = ""
    points: np.ndarray | None = None  # float (M, 4): x, y in the query and x, y here, shares of width and height
    heat: np.ndarray | None = None  # float (h, w), 0 or more: where on the query the similarity to this rests


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG atomically, without metadata."""
    write_atomically(path, lambda part: figure.savefig(part, dpi=DPI, metadata={"Software": None}))


def retrieval_panel(query: Shown, candidates: Sequence[Shown], title: str, path: Path) -> None:
    """Query left, candidates right, best first, each framed in its colour.

    Where it is known, below each candidate: the points that it shares with the query, and where the similarity rests.
    """
    rows = [(3.1, "photos")]
    if any(shown.points is not None for shown in candidates):
        rows.append((3.6, "shared points"))
    if any(shown.heat is not None for shown in candidates):
        rows.append((2.4, "similarity"))
    columns, heights = 1 + len(candidates), [height for height, _ in rows]
    figure = Figure(
        figsize=(2.5 * columns + 0.3, sum(heights)), layout=ConstrainedLayoutEngine(wspace=0.06, hspace=0.04)
    )
    widths = [1.15, *[1] * len(candidates)]
    axes = figure.subplots(
        len(rows), columns, squeeze=False, gridspec_kw={"width_ratios": widths, "height_ratios": heights}
    )
    for axis, shown in zip(axes[0], [query, *candidates], strict=True):
        _show(axis, shown)
    for line, (_, name) in zip(axes[1:], rows[1:], strict=True):
        line[0].set_axis_off()
        line[0].text(1.0, 0.5, EXPLAINED[name], fontsize=9, ha="right", va="center", transform=line[0].transAxes)
        for axis, shown in zip(line[1:], candidates, strict=True):
            (_show_points if name == "shared points" else _show_heat)(axis, query, shown)
    figure.suptitle(title, fontsize=12, parse_math=False)
    save_figure(figure, path)


def _show_points(axis: Axes, query: Shown, shown: Shown) -> None:
    """The query above the candidate, at one width, and a line for each of the strongest shared points."""
    axis.set_axis_off()
    if shown.points is None:
        return
    top, bottom = (photo.pixels.shape[0] / photo.pixels.shape[1] for photo in (query, shown))  # heights at width 1
    gap = 0.05
    axis.imshow(query.pixels, extent=(0, 1, top, 0))
    axis.imshow(shown.pixels, extent=(0, 1, top + gap + bottom, top + gap))
    axis.set(xlim=(0, 1), ylim=(top + gap + bottom, 0), aspect="equal")
    x, y, other_x, other_y = shown.points[:LINES].T
    gaps = np.full_like(x, np.nan)  # one curve with gaps is drawn much faster than many lines
    across = np.column_stack([x, other_x, gaps]).ravel()
    down = np.column_stack([y * top, top + gap + other_y * bottom, gaps]).ravel()
    axis.plot(across, down, ".-", color=LINE, linewidth=0.8, markersize=4, alpha=0.8)
    count = len(shown.points)
    axis.set_title(f"{count} shared points" if count != 1 else "1 shared point", fontsize=9)


def _show_heat(axis: Axes, query: Shown, shown: Shown) -> None:
    """The query, dark where covering it costs no similarity to the candidate."""
    axis.set_axis_off()
    if shown.heat is None:
        return
    height, width = query.pixels.shape[:2]
    axis.imshow(query.pixels, extent=(0, width, height, 0))
    strength = shown.heat / max(float(shown.heat.max()), LITTLE)
    axis.imshow(
        strength, cmap="inferno", alpha=0.6, extent=(0, width, height, 0), vmin=0, vmax=1, interpolation="bilinear"
    )
    axis.set_title(f"up to -{shown.heat.max():.2f} when covered", fontsize=9)


def decision_pictures(table: np.ndarray, answers: FirstAnswers, threshold: float, title: str, folder: Path) -> None:
    """`reliability.png`: are answers as often right as they are sure; `roc.png`: known animals against new ones.

    Args:
        table: float (bins, 3), from `reliability`.
        answers: How sure the first candidates are.
        threshold: The P from which an answer is a match.
        title: Above both.
        folder: Where to.
    """
    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axis = figure.subplots()
    table = table[table[:, 0] > 0]
    axis.plot([0, 1], [0, 1], color=NEUTRAL, linestyle=":", label="as sure as right")
    sizes = 30 + 300 * table[:, 0] / table[:, 0].sum()
    axis.scatter(table[:, 1], table[:, 2], s=sizes, color=SERIES[0], alpha=0.8, label="answers (larger: more of them)")
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axis.set_xlabel("how sure: P(same animal) of the first candidate")
    axis.set_ylabel("how often right: share of answers")
    axis.legend(loc="best", fontsize=9, markerscale=0.5)
    axis.grid(alpha=0.25)
    axis.set_title(f"Are answers as often right as they are sure?\n{title}", fontsize=10, parse_math=False)
    save_figure(figure, folder / "reliability.png")

    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axis = figure.subplots()
    known, new = answers.known, answers.new
    steps = np.concatenate([[np.inf], np.unique(np.concatenate([known, new]))[::-1]])
    accepted = [(known >= step).mean() for step in steps]
    mistaken = [(new >= step).mean() for step in steps]
    axis.plot([0, 1], [0, 1], color=NEUTRAL, linestyle=":", label="by chance")
    axis.plot(mistaken, accepted, color=SERIES[0], drawstyle="steps-post", linewidth=2, label="all thresholds")
    axis.plot(
        (new >= threshold).mean(),
        (known >= threshold).mean(),
        "D",
        color=WRONG,
        markersize=8,
        label=f"a match: P from {threshold:.2f}",
    )
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    axis.set_xlabel(f"of {len(new)} photos of new animals, share above the threshold")
    axis.set_ylabel(f"of {len(known)} photos of known animals, share above it")
    axis.legend(loc="lower right", fontsize=9)
    axis.grid(alpha=0.25)
    axis.set_title(f"Are known animals told from new ones?\n{title}", fontsize=10, parse_math=False)
    save_figure(figure, folder / "roc.png")


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
