"""Photos in a grid, framed and named below, every one at exact pixels: `plot_grid`, `plot_worst`."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from wildtrack.visualization.style import (
    DPI,
    INK,
    POINTS,
    TEXT,
    Photo,
    empty_chart,
    fitted,
    identity_styles,
)

LINE = 19  # pixels a line of labels takes
FRAME = 4  # pixels
ROOM_FOR_TITLE = 3  # photos side by side, be there so many or not


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
    if len(images) != len(ids):
        raise ValueError(f"{len(images)} photos, but {len(ids)} identities; give one a photo.")
    styles = identity_styles(ids)
    shown = [(image, [name], *styles[name]) for image, name in zip(images, ids, strict=True)]
    return _sheet(shown, grid_shape, img_size, spacing)


def plot_worst(images: Sequence[Photo], captions: Sequence[Sequence[str]], title: str, columns: int = 3) -> Figure:
    """Show the photos that a quality measure likes least, in the order given.

    Args:
        images: uint8 RGB, each of any shape (H, W, 3).
        captions: The lines below each photo, such as its value and its path; long ones are cut in the middle.
        title: Above them all, such as "blurry: blurriness above 0.55".
        columns: Photos in a row, as many rows as it takes.

    Returns:
        A transparent figure with one axes a photo.

    Raises:
        ValueError: Not one caption a photo, or `columns` is not positive.
    """
    if len(images) != len(captions):
        raise ValueError(f"{len(images)} photos, but {len(captions)} captions; give one a photo.")
    if not len(images):
        return empty_chart(title, "No photo.", (7.0, 3.6))
    shown = [(image, list(lines), INK, "-") for image, lines in zip(images, captions, strict=True)]
    columns = min(columns, max(len(images), ROOM_FOR_TITLE))
    return _sheet(shown, (-(-len(images) // columns), columns) if columns > 0 else (0, 0), (165, 220), 12, title)


def _sheet(
    shown: Sequence[tuple[Photo, list[str], object, str]],
    grid_shape: tuple[int, int],
    img_size: tuple[int, int],
    spacing: int,
    title: str = "",
) -> Figure:
    """Photos at exact pixels, (photo, lines below, colour, dash) each, so that nothing overlaps at any count."""
    (rows, columns), (height, width) = grid_shape, img_size
    if min(rows, columns, height, width) < 1 or spacing < 0:
        raise ValueError(f"A grid of {grid_shape} photos of {img_size} pixels, {spacing} apart, cannot be drawn.")
    shown = shown[: rows * columns]
    lines = max((len(labels) for _, labels, *_ in shown), default=1)
    gap = spacing + 2 * FRAME
    step_x, step_y = width + gap, height + gap + lines * LINE
    top = gap + (2 * LINE if title else 0)
    total_x, total_y = columns * step_x + gap, top + rows * step_y
    figure = Figure(figsize=(total_x / DPI, total_y / DPI), dpi=DPI, facecolor="none")
    if title:
        text = fitted(title, (total_x - 2 * gap) * POINTS, TEXT)
        figure.text(gap / total_x, 1 - gap / total_y, text, va="top", color=INK, fontsize=TEXT, parse_math=False)
    for number, (photo, labels, colour, dash) in enumerate(shown):
        left, upper = gap + number % columns * step_x, top + number // columns * step_y
        box = (left / total_x, 1 - (upper + height) / total_y, width / total_x, height / total_y)
        axis = figure.add_axes(box, facecolor="none", xlim=(0, width), ylim=(height, 0))
        axis.set_axis_off()
        _place(axis, photo, img_size, colour, dash)
        for line, label in enumerate(labels):
            text = fitted(label, width * POINTS, TEXT)
            place = height + FRAME + 2 + line * LINE
            axis.text(width / 2, place, text, ha="center", va="top", color=INK, fontsize=TEXT, parse_math=False)
    return figure


def _place(axis: Axes, photo: Photo, img_size: tuple[int, int], colour: object, dash: str) -> None:
    """Fit a photo into the middle of its axes and frame it."""
    scale = min(img_size[0] / photo.shape[0], img_size[1] / photo.shape[1])
    height, width = (max(1, round(side * scale)) for side in photo.shape[:2])
    small = np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC))
    left, top = (img_size[1] - width) / 2, (img_size[0] - height) / 2
    axis.imshow(small, extent=(left, left + width, top + height, top), aspect="auto", interpolation="nearest")
    axis.set(xlim=(0, img_size[1]), ylim=(img_size[0], 0))
    frame = Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=FRAME * POINTS)
    frame.set(linestyle=dash, clip_on=False)
    axis.add_patch(frame)
