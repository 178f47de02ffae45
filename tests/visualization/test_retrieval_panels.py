from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.looks import NAMES, is_picture
from wildtrack.address.gallery.explain import Reasons
from wildtrack.visualization import retrieval_panels
from wildtrack.visualization.retrieval_panels import PanelPhoto, draw_examples, retrieval_panel
from wildtrack.visualization.style import RIGHT, WRONG

pytestmark = pytest.mark.filterwarnings("ignore:Glyph")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_only_names(tmp_path: Path, name: str, pixels: np.ndarray) -> None:
    candidates = [PanelPhoto(pixels[0], name, RIGHT, "right 0.9"), PanelPhoto(pixels[1], name, WRONG)]
    path = tmp_path / "größe" / "panel.png"
    retrieval_panel(PanelPhoto(pixels[0], name), candidates, name, path)
    assert is_picture(path)


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("why", [{}, {"points": np.full((1, 4), 0.5)}, {"heat": np.zeros((8, 8))}], ids=str)
@pytest.mark.filterwarnings("error")
def test_any_number_of_candidates(tmp_path: Path, count: int, why: dict[str, Any], pixels: np.ndarray) -> None:
    candidates = [PanelPhoto(pixels[1], "c", **why), PanelPhoto(pixels[2], "without")] * count
    retrieval_panel(PanelPhoto(pixels[0], "q"), candidates, "title", tmp_path / "panel.png")
    assert is_picture(tmp_path / "panel.png")


def test_an_example_for_each_query(tmp_path: Path, photo_folder: Path, catalogue: pd.DataFrame) -> None:
    points = [np.zeros((0, 4)), np.full((1, 4), 0.5), np.random.default_rng(0).random((99, 4))]
    reasons = {
        0: Reasons([points[number % 3] for number in range(5)], np.zeros((5, 32, 32), np.float32)),
        8: Reasons([points[2]], np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)),
    }
    ranked = {0: np.array([1, 2, 5, 6, 9]), 8: np.array([9])}
    draw_examples(ranked, reasons, np.eye(12, dtype=np.float32), catalogue, photo_folder, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["retrieval_example_1.png", "retrieval_example_2.png"]
    assert all(is_picture(path) for path in tmp_path.iterdir())


def test_an_example_says_what_is_right_and_why(
    tmp_path: Path, photo_folder: Path, catalogue: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    panels: list[tuple[PanelPhoto, list[PanelPhoto], Path]] = []
    monkeypatch.setattr(
        retrieval_panels, "retrieval_panel", lambda query, found, title, path: panels.append((query, found, path))
    )
    table = catalogue.assign(orientation=["left", "", np.nan] * 4)
    embeddings = np.eye(12, dtype=np.float32)
    embeddings[[1, 4]] = embeddings[0]
    points, maps = [np.zeros((3, 4), np.float32), np.zeros((0, 4), np.float32)], np.ones((2, 32, 32), np.float32)
    draw_examples({0: np.array([4, 1])}, {0: Reasons(points, maps)}, embeddings, table, photo_folder, tmp_path)
    ((query, (wrong, right), path),) = panels
    assert path == tmp_path / "retrieval_example_1.png"
    assert (query.title, wrong.title, right.title) == ("Ana\nleft side", "1. Blå", "2. Ana")
    assert (wrong.colour, wrong.caption) == (WRONG, "wrong  network 1.00")
    assert (right.colour, right.caption) == (RIGHT, "correct  network 1.00")
    assert (wrong.points is points[0], right.points is points[1]) == (True, True)
    assert wrong.heat is not None


@pytest.mark.parametrize("content", [None, b"", b"no photo"])
def test_a_photo_that_is_gone_is_drawn_as_a_blank(
    tmp_path: Path, catalogue: pd.DataFrame, content: bytes | None
) -> None:
    table = catalogue.assign(path="gone.png")
    if content is not None:
        (tmp_path / "gone.png").write_bytes(content)
    embeddings = np.eye(12, dtype=np.float32)
    nothing = Reasons([np.zeros((0, 4), np.float32)] * 2, np.zeros((2, 32, 32), np.float32))
    draw_examples({0: np.array([1, 4])}, {0: nothing}, embeddings, table, tmp_path, tmp_path)
    assert is_picture(tmp_path / "retrieval_example_1.png")
