from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from tests.helpers.looks import LONG, TURTLES, is_picture
from wildtrack.visualization.style import INK, chart, fitted, identity_styles, png, save_figure


def test_identities_of_one_dash_differ_clearly_in_colour() -> None:
    for (colour, dash), (other, other_dash) in combinations(identity_styles(TURTLES).values(), 2):
        assert dash != other_dash or max(np.abs(np.subtract(colour, other))) > 0.1, (colour, other)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 21, 71, 300])
def test_styles_of_any_number_of_identities(count: int) -> None:
    styles = identity_styles(["unknown", *(f"{number}" for number in range(count))] * 2)
    assert len(styles) == len({colour for colour, _ in styles.values()}) == count + 1
    assert all(0 <= part <= 1 for colour, _ in styles.values() for part in colour)


@pytest.mark.parametrize("text", ["", "a", "short", LONG, "\n\t", "$x^2$"])
def test_fitted_keeps_both_ends(text: str) -> None:
    found = fitted(text, 100, 8)
    assert text_to_path.get_text_width_height_descent(found, FontProperties(size=8), ismath=False)[0] <= 100
    whole = " ".join(text.split())
    assert "\n" not in found
    if found != whole:
        start, end = found.split("…")
        assert start and end and whole.startswith(start) and whole.endswith(end)


@pytest.mark.parametrize("page", ["#ffffff", "#14181b"])
def test_what_is_written_reads_on_light_and_dark_pages(page: str) -> None:
    def luminance(colour: str) -> float:
        parts = np.array(to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark, light = sorted((luminance(INK), luminance(page)))
    assert (light + 0.05) / (dark + 0.05) >= 4  # WCAG asks 3 of large text, 4.5 of small


def test_pictures_carry_no_metadata_and_files_have_a_page(tmp_path: Path) -> None:
    figure, axis = chart("title", "x", "y", (4, 3))
    assert to_rgba(figure.get_facecolor())[3] == to_rgba(axis.get_facecolor())[3] == 0
    assert b"Software" not in png(figure) and png(figure).startswith(b"\x89PNG")
    save_figure(figure, tmp_path / "new" / "chart.png")
    assert is_picture(tmp_path / "new" / "chart.png")
