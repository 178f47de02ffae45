from pathlib import Path

import numpy as np
import pytest

from tests.helpers.looks import NAMES, is_picture
from wildtrack.visualization.tsne import draw_tsne, plot_tsne


@pytest.mark.parametrize(("count", "drawn"), [(0, False), (3, False), (4, True), (40, True)])
def test_tsne(tmp_path: Path, count: int, drawn: bool) -> None:
    embeddings = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    draw_tsne(embeddings, np.array(["a"] * count, dtype=object), 1000, 0, tmp_path / "tsne.png")
    assert (tmp_path / "tsne.png").exists() == drawn
    assert not drawn or is_picture(tmp_path / "tsne.png")


def test_tsne_of_a_collapsed_model_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw_tsne(np.ones((9, 8), np.float32), np.array(["a"] * 9, dtype=object), 1000, 0, tmp_path / "tsne.png")
    assert "all embeddings are the same" in caplog.text
    assert not (tmp_path / "tsne.png").exists()


@pytest.mark.parametrize("most", [0, 10])
def test_tsne_draws_no_more_than_asked(tmp_path: Path, most: int) -> None:
    embeddings = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    draw_tsne(embeddings, np.array(list("abc") * 10, dtype=object), most, 0, tmp_path / "tsne.png")
    assert (tmp_path / "tsne.png").exists() == (most > 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_are_only_names(tmp_path: Path, name: str) -> None:
    plot_tsne(np.zeros((2, 2)), [name, "other"], name, tmp_path / "tsne.png")
    assert is_picture(tmp_path / "tsne.png")
