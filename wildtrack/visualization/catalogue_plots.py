"""Charts and photo grids of a catalogue, as matplotlib figures; save one with `figure.savefig(path)`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter
from PIL import Image

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.encounters import photo_keys, photo_times
from wildtrack.assess.statistics import animals_per_photo, encounters_per_identity
from wildtrack.console import counted
from wildtrack.visualization import style
from wildtrack.visualization.style import BLUE, INK, SMALL, VERMILION, Photo, chart, empty_chart, fitted

FIGSIZE = (7.0, 3.6)  # inches
BINS = 30
MOST_BARS = 20  # named ones; the rest is summed up
LINE, FRAME = 19, 4  # pixels of a line of text and of a frame in a grid
DAILY = 92  # days that are drawn one by one; more are drawn by month


def plot_identity_histogram(
    ids: Sequence[str],
    bins: int = BINS,
    log_scale: bool = False,
    alpha: float = 1.0,
    figsize: tuple[float, float] = FIGSIZE,
) -> Figure:
    """Show how many identities have how many photos; "unknown" is no identity.

    Args:
        ids: One identity a photo.
        bins: At most so many bars, each of the same whole number of photos.
        log_scale: Identities on a logarithmic scale.
        alpha: Opacity of the bars, 0 to 1.
        figsize: (width, height) in inches of 100 pixels.

    Returns:
        A transparent figure with one axes.

    Raises:
        ValueError: `bins` is not positive.
    """
    counts = pd.Series(list(ids), dtype=object).value_counts().drop(UNKNOWN, errors="ignore").to_numpy()
    title = "Photos per identity"
    if not len(counts):
        return empty_chart(title, "No photo has an identity.", figsize)
    title += f": {counted(len(counts), 'identity', 'identities')}, median {np.median(counts):g}"
    title += f", {(counts == 1).sum()} with one photo"
    figure, axis = chart(title, "photos of one identity", "identities", figsize)
    _histogram(axis, counts, bins, alpha)
    if log_scale:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(ScalarFormatter())
        axis.yaxis.set_minor_formatter(NullFormatter())
    return figure


def plot_encounters_per_identity(table: pd.DataFrame, encounter_hours: float) -> Figure:
    """Show how many identities were met how often; those met once cannot be split by time and are hatched."""
    counts = encounters_per_identity(table, encounter_hours).to_numpy()
    title = "Encounters per identity"
    if not len(counts):
        return empty_chart(title, "No photo of a known identity has a date.", FIGSIZE)
    title += f": {(counts > 1).sum()} met twice or more, {(counts == 1).sum()} once (hatched)"
    figure, axis = chart(title, f"encounters (gaps over {encounter_hours:g} h) of one identity", "identities", FIGSIZE)
    bars = _histogram(axis, counts)
    if bars[0].get_width() == 1 and counts.min() == 1:
        bars[0].set(facecolor="none", edgecolor=VERMILION, hatch="///")
    return figure


def plot_photos_per_date(table: pd.DataFrame) -> Figure:
    """Show when the photos were taken, by day, or by month where they span more than 92 days."""
    times = photo_times(table, local=True)[~pd.Series(photo_keys(table)).duplicated().to_numpy()]
    days = times[~np.isnat(times)].astype("datetime64[D]")
    title = "Photos per date"
    if not len(days):
        return empty_chart(title, "No photo has a date.", FIGSIZE)
    if int((days.max() - days.min()).astype(int)) <= DAILY:
        unit, units = "day", days
    else:
        unit, units = "month", days.astype("datetime64[M]")
    starts, counts = np.unique(units, return_counts=True)
    title += f": {len(days)} of {len(times)} have one, {days.min()} to {days.max()}"
    figure, axis = chart(title, unit, f"photos a {unit}", FIGSIZE)
    first_days, ends = starts.astype("datetime64[D]"), (starts + 1).astype("datetime64[D]")
    axis.bar(first_days, counts, width=(ends - first_days).astype(int), align="edge", color=BLUE, edgecolor=BLUE)
    axis.set_xlim(first_days[0], min(ends[-1], np.datetime64("9999-12-31")))  # where matplotlib's calendar ends
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axis.xaxis.get_offset_text().set_color(INK)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def plot_balance(table: pd.DataFrame, column: str) -> Figure:
    """Show how often each value of a column such as `orientation` or `species` occurs, the most frequent on top."""
    values = table[column].dropna() if column in table else pd.Series(dtype=object)
    counts = values[values != ""].astype("str").value_counts()
    if counts.empty:
        return empty_chart(column.capitalize(), f"No photo has a value for {column}.", FIGSIZE)
    bars = [(fitted(str(word), 150, SMALL), int(count), BLUE) for word, count in counts.head(MOST_BARS).items()]
    others = counts.iloc[MOST_BARS:]
    bars.append((f"({counted(len(others), 'other', 'others')})", int(others.sum()), INK))
    bars.append(("(not given)", len(table) - int(counts.sum()), INK))
    bars = [bar for bar in bars if bar[1]]
    title = f"{column.capitalize()}: {len(counts)} different"
    figure, axis = chart(title, "rows", "", (FIGSIZE[0], 1.2 + 0.28 * len(bars)))
    labels, widths, colours = zip(*bars, strict=True)
    axis.bar_label(axis.barh(range(len(bars)), widths, color=colours), padding=3, color=INK)
    axis.set_yticks(range(len(bars)), labels, parse_math=False)
    axis.set_ylim(len(bars) - 0.5, -0.5)
    axis.margins(x=0.1)
    axis.grid(visible=False)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def plot_photo_sizes(sizes: pd.DataFrame) -> Figure:
    """Show how large the photos are, `width` and `height` in pixels: a circle a size, its area the number of photos."""
    title = "Photo sizes"
    known = sizes[["width", "height"]].dropna() if {"width", "height"} <= set(sizes) else pd.DataFrame()
    if known.empty:
        return empty_chart(title, "No photo's size is known.", FIGSIZE)
    counts = known.value_counts().reset_index()
    width, height = known.median()
    title += f": median {width:.0f} x {height:.0f} pixels, {len(counts)} different"
    figure, axis = chart(title, "width in pixels", "height in pixels", FIGSIZE)
    area = 12 + 600 * counts["count"] / len(known)
    axis.scatter(counts["width"], counts["height"], s=area, color=BLUE, alpha=0.5, edgecolors=BLUE)
    axis.set(xlim=(0, float(counts["width"].max()) * 1.1), ylim=(0, float(counts["height"].max()) * 1.15))
    return figure


def plot_animals_per_photo(table: pd.DataFrame) -> Figure:
    """Show how many photos have how many rows of the catalogue, that is, labelled animals."""
    photos = animals_per_photo(table)
    if not photos:
        return empty_chart("Animals per photo", "There are no photos.", FIGSIZE)
    figure, axis = chart("Animals per photo", "labelled animals in one photo", "photos", FIGSIZE)
    _histogram(axis, np.repeat(list(photos), list(photos.values())))
    return figure


def _histogram(axis: Axes, counts: npt.NDArray[np.integer], bins: int = BINS, alpha: float = 1.0) -> list[Rectangle]:
    """Draw bars over whole numbers, all of one width."""
    if bins < 1:
        raise ValueError(f"bins = {bins} is not allowed; give 1 or more.")
    first, last = int(counts.min()), int(counts.max())
    step = -(-(last - first + 1) // bins)
    edges = np.arange(first, last + step + 1, step) - 0.5
    heights = np.histogram(counts, edges)[0]
    bars = axis.bar(
        edges[:-1], heights, width=step, align="edge", color=BLUE, alpha=alpha, edgecolor=INK, linewidth=0.5
    )
    axis.bar_label(bars, [str(height) if height else "" for height in heights], color=INK, fontsize=8)
    axis.set_xlim(edges[0] - step / 2, edges[-1] + step / 2)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.margins(y=0.12)
    return list(bars)


def plot_grid(
    images: Sequence[Photo],
    ids: Sequence[str],
    grid_shape: tuple[int, int] = (4, 6),
    img_size: tuple[int, int] = (120, 160),
    spacing: int = 12,
) -> Figure:
    """Show photos, each framed in the colour and dash of its identity and named below.

    Args:
        images: uint8 RGB, each of any shape (H, W, 3); those beyond rows x columns are left out.
        ids: One identity a photo.
        grid_shape: (rows, columns).
        img_size: (height, width) in pixels that each photo is fitted into, aspect kept.
        spacing: Pixels between photos, and around all of them.

    Returns:
        A transparent figure with one axes a photo shown.

    Raises:
        ValueError: Not one identity a photo, or a grid, size or spacing that is not positive.
    """
    (rows, columns), (height, width) = grid_shape, img_size
    if len(images) != len(ids):
        raise ValueError(f"{len(images)} photos, but {len(ids)} identities; give one a photo.")
    if min(rows, columns, height, width) < 1 or spacing < 0:
        raise ValueError(f"A grid of {grid_shape} photos of {img_size} pixels, {spacing} apart, cannot be drawn.")
    styles = style.identity_styles(ids)
    gap = spacing + 2 * FRAME
    step_x, step_y = width + gap, height + gap + LINE
    total_x, total_y = columns * step_x + gap, rows * step_y + gap
    figure = Figure(figsize=(total_x / style.DPI, total_y / style.DPI), dpi=style.DPI, facecolor="none")
    for number, (image, name) in enumerate(zip(images[: rows * columns], ids, strict=False)):
        left, top = gap + number % columns * step_x, gap + number // columns * step_y
        box = (left / total_x, 1 - (top + height) / total_y, width / total_x, height / total_y)
        axis = figure.add_axes(box, facecolor="none")
        axis.set_axis_off()
        scale = min(height / image.shape[0], width / image.shape[1])
        high, wide = (max(1, round(side * scale)) for side in image.shape[:2])
        small = np.asarray(Image.fromarray(image).resize((wide, high), Image.Resampling.BICUBIC))
        x, y = (width - wide) / 2, (height - high) / 2
        axis.imshow(small, extent=(x, x + wide, y + high, y), aspect="auto", interpolation="nearest")
        axis.set(xlim=(0, width), ylim=(height, 0))
        colour, dash = styles[name]
        line = FRAME * style.POINTS
        frame = Rectangle(
            (x, y), wide, high, edgecolor=colour, linestyle=dash, fill=False, linewidth=line, clip_on=False
        )
        axis.add_patch(frame)
        axis.text(
            width / 2,
            height + FRAME + 2,
            fitted(name, width * style.POINTS, style.TEXT),
            ha="center",
            va="top",
            color=INK,
            fontsize=style.TEXT,
            parse_math=False,
        )
    return figure
