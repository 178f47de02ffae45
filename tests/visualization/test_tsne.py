from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Annotation

from tests.helpers.looks import NAMES, check_looks, texts
from wildtrack.visualization.tsne import draw_tsne, tsne_figure


@pytest.mark.parametrize(
    ("count", "most", "drawn"), [(0, 1000, False), (3, 1000, False), (4, 1000, True), (30, 0, False), (30, 10, True)]
)
def test_a_map_needs_four_photos_and_shows_at_most_most(tmp_path: Path, count: int, most: int, drawn: bool) -> None:
    embeddings = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    draw_tsne(embeddings, np.array((["a", "b"] * 15)[:count], dtype=object), most, 0, tmp_path / "tsne.png")
    assert (tmp_path / "tsne.png").exists() == drawn


def test_a_collapsed_model_has_no_map_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw_tsne(np.ones((9, 8), np.float32), np.array(["a"] * 9, dtype=object), 1000, 0, tmp_path / "tsne.png")
    assert "all embeddings are the same" in caplog.text and not (tmp_path / "tsne.png").exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_are_only_names(name: str) -> None:
    check_looks(tsne_figure(np.zeros((2, 2)), [name, "other"], name))


@pytest.mark.parametrize("count", [24, 70])
def test_names_cover_neither_photos_nor_other_names(count: int) -> None:
    rng = np.random.default_rng(0)
    grid = np.array([(number % 9, number // 9) for number in range(count)])
    photos = np.repeat(grid, 6, axis=0) + rng.normal(0, 0.1, (6 * count, 2))
    names = [f"nyala_{number:03d}" for number in range(count)]
    figure = tsne_figure(photos, np.repeat(names, 6).tolist(), "Gallery")
    (axis,) = figure.axes
    assert set(names) <= set(texts(figure))
    for note in axis.texts:
        assert isinstance(note, Annotation)
        note.arrow_patch = note.arrowprops = None  # else it is a part of the name's extent
    check_looks(figure)
    groups = [group for group in axis.collections if isinstance(group, PathCollection)]
    places = np.concatenate([axis.transData.transform(np.asarray(group.get_offsets())) for group in groups])
    for note in axis.texts:
        box = note.get_window_extent().padded(2)
        assert not ((places > box.min) & (places < box.max)).all(axis=1).any()
