"""What tests of pictures share: odd names, random photos, and checks of how a picture looks."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

LONG = "Žofie ze $x_{ dlouhé\nsavany " + "a" * 200
NAMES = ["$", "$a_{$", r"\$x\frac{$", "Blå 🐢", "x" * 60, "two\nlines", "", "a_b^c{"]
TURTLES = [f"turtle {number:02d}" for number in range(40)]


def photos(count: int) -> list[NDArray[np.uint8]]:
    """Noise of odd shapes, uint8 (H, W, 3)."""
    rng = np.random.default_rng(0)
    sides = [(1, 1), (30, 40), (40, 30), (1, 300), (300, 1), (64, 64)]
    return [rng.integers(0, 256, (*sides[number % len(sides)], 3), dtype=np.uint8) for number in range(count)]


def texts(figure: Figure) -> list[str]:
    """All that is written in a figure."""
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


def is_picture(path: Path) -> bool:
    """Whether a file is a PNG without metadata, of some size, on a white page."""
    with Image.open(path) as image:
        assert image.format == "PNG" and "Software" not in image.info
        assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
        return min(image.size) > 50


def check_looks(figure: Figure) -> None:
    """Everything written lies inside the figure, does not lie on another text, and nothing has a background."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    assert np.asarray(canvas.buffer_rgba())[0, 0, 3] == 0  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    width, height = canvas.get_width_height()
    boxes = []
    for axis in figure.axes:
        labels = [axis.title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
        if axis.axison:
            for ticks, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
                shown = [tick for tick in ticks.get_major_ticks() if min(limits) <= tick.get_loc() <= max(limits)]
                labels += [tick.label1 for tick in shown]
        boxes += [label.get_window_extent(renderer) for label in labels if label.get_visible() and label.get_text()]
    boxes += [text.get_window_extent(renderer) for text in figure.texts]
    for number, box in enumerate(boxes):
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        for other in boxes[:number]:
            overlap_x = min(box.x1, other.x1) - max(box.x0, other.x0)
            overlap_y = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert overlap_x <= 1 or overlap_y <= 1
