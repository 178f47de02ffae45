from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.helpers.looks import LONG, NAMES, check_looks, is_picture, texts
from wildtrack.address.gallery.explain import Reasons
from wildtrack.visualization import retrieval_panels
from wildtrack.visualization.retrieval_panels import LINES, PanelPhoto, draw_examples, retrieval_panel
from wildtrack.visualization.style import RIGHT, WRONG

pytestmark = pytest.mark.filterwarnings("ignore:Glyph")
Panel = Callable[..., Figure]


@pytest.fixture
def panel(figures: dict[str, Figure]) -> Panel:
    """Draws a panel: the figure."""

    def draw(*candidates: PanelPhoto, query: PanelPhoto, title: str = "title") -> Figure:
        retrieval_panel(query, candidates, title, Path("panel.png"))
        return figures["panel.png"]

    return draw


WHY: list[dict[str, Any]] = [{}, {"points": np.full((1, 4), 0.5)}, {"heat": np.zeros((8, 8))}]
CASES = [*((name, 1, {}) for name in NAMES), *(("c", count, why) for count in (0, 1, 5) for why in WHY)]


@pytest.mark.parametrize(("name", "count", "why"), CASES)
@pytest.mark.filterwarnings("error", "ignore:Glyph")
def test_any_names_and_number_of_candidates(
    panel: Panel, name: str, count: int, why: dict[str, Any], pixels: np.ndarray
) -> None:
    candidates = [PanelPhoto(pixels[1], name, **why), PanelPhoto(pixels[2], name, caption=name)] * count
    check_looks(panel(*candidates, query=PanelPhoto(pixels[0], name), title=name))


def test_photos_of_all_shapes_stand_in_boxes_of_one_shape(panel: Panel) -> None:
    query, *others = (np.zeros((*sides, 3), np.uint8) for sides in [(60, 90), (90, 60), (60, 60), (1, 300), (300, 1)])
    why: dict[str, Any] = {"caption": LONG, "points": np.random.default_rng(0).random((99, 4)), "heat": np.ones((8, 8))}
    figure = panel(*(PanelPhoto(photo, f"{LONG}\nleft side", **why) for photo in others), query=PanelPhoto(query, "q"))
    check_looks(figure)
    rows: dict[int, list[Any]] = {}
    for axis in figure.axes:
        if axis.images:  # a row of them has its upper edges at one height
            rows.setdefault(round(axis.get_window_extent().y1), []).append(axis)
    for axes in rows.values():
        boxes = np.array([axis.get_window_extent().bounds for axis in axes])
        assert np.ptp(boxes[:, 1:], axis=0).max() < 1  # at one height, of one width, equally tall
    assert [len(axes) for axes in rows.values()] == [5, 4, 4]
    for axis in figure.axes:
        for photo in axis.images:  # none is distorted
            left, right, bottom, top = photo.get_extent()
            height, width = np.asarray(photo.get_array()).shape[:2]
            assert (right - left) / (bottom - top) == pytest.approx(width / height) or width == height == 8


NUMBERS = {0: "0 shared points", 1: "1 shared point", 103: "the 60 clearest of 103 shared points"}


@pytest.mark.parametrize(("count", "words"), NUMBERS.items())
def test_the_number_of_points_drawn(panel: Panel, count: int, words: str, pixels: np.ndarray) -> None:
    figure = panel(PanelPhoto(pixels[1], "c", points=np.full((count, 4), 0.5)), query=PanelPhoto(pixels[0], "q"))
    assert words in texts(figure)
    (line,) = figure.axes[-1].lines
    assert np.isfinite(np.asarray(line.get_xdata(), float)).sum() == 2 * min(count, LINES)


def test_an_example_says_what_is_right_and_why(
    tmp_path: Path, photo_folder: Path, catalogue: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    panels: list[tuple[PanelPhoto, list[PanelPhoto], str, Path]] = []
    monkeypatch.setattr(retrieval_panels, "retrieval_panel", lambda *given: panels.append(given))
    table = catalogue.assign(orientation=["left", "", np.nan] * 4)
    embeddings = np.eye(12, dtype=np.float32)
    embeddings[[1, 4]] = embeddings[0]
    points, maps = [np.zeros((3, 4), np.float32), np.zeros((0, 4), np.float32)], np.ones((2, 32, 32), np.float32)
    draw_examples({0: np.array([4, 1])}, {0: Reasons(points, maps)}, embeddings, table, photo_folder, tmp_path)
    ((query, (wrong, right), _, path),) = panels
    assert path == tmp_path / "retrieval_example_1.png"
    assert (query.title, wrong.title, right.title) == ("Ana\nleft side", "1. Blå", "2. Ana")
    assert (wrong.colour, wrong.caption) == (WRONG, "wrong, network 1.00")
    assert (right.colour, right.caption) == (RIGHT, "correct, network 1.00")
    assert (wrong.points is points[0], right.points is points[1]) == (True, True) and wrong.heat is not None


def test_an_example_for_each_query_with_a_blank_for_gone_photos(tmp_path: Path, catalogue: pd.DataFrame) -> None:
    reasons = Reasons([np.zeros((0, 4), np.float32)] * 2, np.zeros((2, 32, 32), np.float32))
    ranked, embeddings = {0: np.array([1, 4]), 2: np.array([1, 4])}, np.eye(12, dtype=np.float32)
    table = catalogue.assign(path="gone.png")
    draw_examples(ranked, {0: reasons, 2: reasons}, embeddings, table, tmp_path, tmp_path / "größe")
    assert all(is_picture(tmp_path / "größe" / f"retrieval_example_{number}.png") for number in (1, 2))
