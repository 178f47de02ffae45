"""`plot_grid`: photos in a grid, framed and named, each at its exact size in pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from wildtrack.visualization.style import DPI, INK, POINTS, TEXT, Photo, fitted, identity_styles

LINE = 19  # pixels a line of text takes
FRAME = 4  # pixels


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
    styles = identity_styles(ids)
    gap = spacing + 2 * FRAME
    step_x, step_y = width + gap, height + gap + LINE
    total_x, total_y = columns * step_x + gap, rows * step_y + gap
    figure = Figure(figsize=(total_x / DPI, total_y / DPI), dpi=DPI, facecolor="none")
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
        frame = Rectangle((x, y), wide, high, fill=False, edgecolor=colour, linewidth=FRAME * POINTS, linestyle=dash)
        frame.set_clip_on(False)
        axis.add_patch(frame)
        look: dict[str, Any] = {"ha": "center", "va": "top", "color": INK, "fontsize": TEXT, "parse_math": False}
        axis.text(width / 2, height + FRAME + 2, fitted(name, width * POINTS, TEXT), **look)
    return figure
