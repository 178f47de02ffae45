"""How the pictures of a report look: names in, colours and figures out.

Figures have no background, and what is written and drawn on them is of middle lightness, so that they read on a light
page and on a dark one.
"""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from wildtrack.access.cells import UNKNOWN

INK = "#787878"  # about 4.4 to 1 on white and on near black
BLUE, ORANGE = "#2F86C1", "#D55E00"
# Okabe and Ito's colours without black, apart for the colour-blind too.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
DASHES = ("-", "--", ":", "-.")
DARKEST, LIGHTEST = -0.4, 0.5  # how far a shade goes towards black and white, both pages in mind
DPI = 100

Style = tuple[tuple[float, float, float], str]


def identity_styles(ids: Iterable[str]) -> dict[str, Style]:
    """Give each identity a colour and a dash of its own: seven hues first, then shades of them with other dashes.

    Args:
        ids: Identities, repeated at will. "unknown" is drawn in grey.

    Returns:
        identity -> (RGB in 0 to 1, matplotlib line style), sorted by identity. No two identities share a colour.
    """
    names = sorted(set(ids) - {UNKNOWN})
    depths = -(-len(names) // len(HUES)) // 2  # shades towards each of black and white
    tints = [0.0, *(side * depth / depths for depth in range(1, depths + 1) for side in (DARKEST, LIGHTEST))]
    styles: dict[str, Style] = {}
    for number, name in enumerate(names):
        colour = np.array(to_rgb(HUES[number % len(HUES)]))
        tint = tints[number // len(HUES)]
        red, green, blue = colour * (1 + tint) if tint < 0 else colour + (1 - colour) * tint
        styles[name] = ((float(red), float(green), float(blue)), DASHES[number // len(HUES) % len(DASHES)])
    return {**styles, UNKNOWN: (to_rgb(INK), ":")}


def chart(title: str, x_label: str, y_label: str, figsize: tuple[float, float]) -> tuple[Figure, Axes]:
    """An empty chart without background.

    Args:
        title: Above it.
        x_label: With the unit.
        y_label: With the unit.
        figsize: (width, height) in inches of 100 pixels.
    """
    figure = Figure(figsize=figsize, dpi=DPI, facecolor="none", layout="constrained")
    axis = figure.subplots()
    axis.set_facecolor("none")
    axis.set_title(title, color=INK, fontsize=12, parse_math=False, wrap=True)
    axis.set_xlabel(x_label, color=INK, fontsize=11)
    axis.set_ylabel(y_label, color=INK, fontsize=11)
    axis.tick_params(which="both", colors=INK, labelsize=11)
    axis.grid(axis="y", color=INK, alpha=0.25)
    axis.set_axisbelow(True)
    for side, spine in axis.spines.items():
        spine.set(color=INK, visible=side in ("left", "bottom"))
    return figure, axis


def empty_chart(title: str, reason: str, figsize: tuple[float, float]) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure, axis = chart(title, "", "", figsize)
    axis.set_axis_off()
    axis.text(0.5, 0.5, reason, transform=axis.transAxes, ha="center", va="center", color=INK, fontsize=11)
    return figure


def fitted(text: str, width: float, font_size: float) -> str:
    """Cut a text in the middle, so that both ends of a long name stay.

    Args:
        text: Any; runs of white space become one space.
        width: The room there is, in points (1/72 inch).
        font_size: Points.

    Returns:
        The text, or its two ends around an ellipsis.
    """
    text = " ".join(text.split())
    font = FontProperties(size=font_size)
    kept = len(text)
    cut = text
    while kept > 1 and text_to_path.get_text_width_height_descent(cut, font, ismath=False)[0] > width:
        kept -= 1
        cut = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return cut
