"""The look of all pictures: colours, sizes, empty charts, photos in frames, text that fits, PNGs.

A figure has no background, and ink that reads in light and dark notebooks; a file has a white page and mostly dark ink.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from wildtrack.access.cells import UNKNOWN
from wildtrack.storage.files import write_bytes

INK = "#787878"  # about 4.4 to 1 on white and on near black
PAGE, DARK_INK = "white", "#333333"  # of a picture that is a file only
# Okabe and Ito's colours without black, which colour-blind people can tell apart
HUES = BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
)  # fmt: skip
RIGHT, WRONG = GREEN, VERMILION
HEAT = "inferno"  # matplotlib's colour map for where something lies on a photo
DASHES = ("-", "--", ":", "-.")
MARKERS = "osD^vP*X<>"
DARKEST, LIGHTEST = -0.4, 0.5  # how far a shade goes towards black and white, so that it shows on both
TITLE, TEXT, SMALL = 12, 11, 10  # points
GRID = 0.25  # opacity
DPI = 100
POINTS = 72 / DPI  # a pixel in points
PHOTO_SIDE = 320  # pixels, the longer side of a photo that is drawn

Photo = npt.NDArray[np.uint8]  # (H, W, 3), RGB
Style = tuple[tuple[float, float, float], str]


def identity_styles(ids: Iterable[str]) -> dict[str, Style]:
    """A colour (RGB, 0 to 1) of its own and a dash for each identity: seven hues, then their shades; "unknown" grey."""
    names = sorted(set(ids) - {UNKNOWN})
    depths = -(-len(names) // len(HUES)) // 2  # shades towards each of black and white
    tints = [0.0, *(end * depth / depths for depth in range(1, depths + 1) for end in (DARKEST, LIGHTEST))]
    styles: dict[str, Style] = {}
    for number, name in enumerate(names):
        colour, tint = np.array(to_rgb(HUES[number % len(HUES)])), tints[number // len(HUES)]
        red, green, blue = colour * (1 + tint) if tint < 0 else colour + (1 - colour) * tint
        styles[name] = ((float(red), float(green), float(blue)), DASHES[number // len(HUES) % len(DASHES)])
    return styles | {UNKNOWN: (to_rgb(INK), ":")}


def blank_figure(width: float, height: float, title: str = "", ink: str = INK) -> Figure:
    """A figure without background, its size in inches of `DPI` pixels, with a title above all axes."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="none", layout="constrained")
    if title:
        figure.suptitle(title, color=ink, fontsize=TITLE, parse_math=False, wrap=True)
    return figure


def chart(title: str, x_label: str, y_label: str, figsize: tuple[float, float], ink: str = INK) -> tuple[Figure, Axes]:
    """An empty chart without background, labels with their units, its size in inches of `DPI` pixels."""
    figure = blank_figure(*figsize)
    axis = figure.subplots()
    dress(axis, title, x_label, y_label, ink)
    return figure, axis


def dress(axis: Axes, title: str, x_label: str, y_label: str, ink: str) -> None:
    """Set the title, the labels with their units, the frame and the grid of one chart."""
    axis.set_facecolor("none")
    axis.set_title(title, color=ink, fontsize=TITLE, parse_math=False, wrap=True)
    axis.set_xlabel(x_label, color=ink, fontsize=TEXT)
    axis.set_ylabel(y_label, color=ink, fontsize=TEXT)
    axis.tick_params(which="both", colors=ink, labelsize=TEXT)
    axis.grid(axis="y", color=ink, alpha=GRID)
    axis.set_axisbelow(True)
    for side, spine in axis.spines.items():
        spine.set(color=ink, visible=side in ("left", "bottom"))


def empty_chart(title: str, reason: str, figsize: tuple[float, float]) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure, axis = chart(title, "", "", figsize)
    axis.set_axis_off()
    axis.text(0.5, 0.5, reason, transform=axis.transAxes, ha="center", va="center", color=INK, fontsize=TEXT)
    return figure


def frame_photo(axis: Axes, photo: Photo, colour: str = INK, width: float = 1.0) -> None:
    """Show a photo without ticks, framed in a colour; `width` in points."""
    axis.imshow(photo)
    axis.set(xticks=[], yticks=[], facecolor="none")
    for spine in axis.spines.values():
        spine.set(color=colour, linewidth=width)


def fitted(text: str, width: float, font_size: float) -> str:
    """The text, cut in the middle where it is wider than `width` points, so that both ends of a long name stay."""
    text = " ".join(text.split())
    font = FontProperties(size=font_size)
    kept, cut = len(text), text
    while kept > 1 and text_to_path.get_text_width_height_descent(cut, font, ismath=False)[0] > width:
        kept -= 1
        cut = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return cut


def fitted_lines(text: str, width: float, font_size: float) -> str:
    """Each line of a text cut as `fitted` cuts it."""
    return "\n".join(fitted(line, width, font_size) for line in text.splitlines())


def png(figure: Figure, page: str = "none") -> bytes:
    """A figure as a PNG without metadata, on a page of that colour; without one the background is transparent."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor=page, metadata={"Software": None})
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG on a white page, atomically."""
    write_bytes(path, png(figure, PAGE))
