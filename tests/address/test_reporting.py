from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from wildtrack.address.figures import (
    RIGHT,
    WRONG,
    Shown,
    gradcam_picture,
    retrieval_panel,
    training_picture,
    tsne_picture,
)
from wildtrack.address.gradcam import feature_network
from wildtrack.address.network import open_network
from wildtrack.address.protocol import Protocol
from wildtrack.address.reporting import (
    doubts,
    draw_examples,
    draw_gradcams,
    draw_tsne,
    figures_table,
    shown_photo,
)

pytestmark = pytest.mark.filterwarnings("ignore:Glyph")
NAMES = ["$", "$a_{$", r"\$x\frac{$", "Blå 🐢", "x" * 60, "two\nlines", "", "a_b^c{"]


def is_picture(path: Path) -> bool:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert "Software" not in image.info
        return min(image.size) > 50


@pytest.mark.parametrize("name", NAMES)
def test_names_are_only_names(tmp_path: Path, name: str, pixels: np.ndarray) -> None:
    shown = Shown(pixels[0], name, RIGHT, "right 0.9")
    path = tmp_path / "größe" / "panel.png"
    retrieval_panel(Shown(pixels[0], name), [shown, Shown(pixels[1], name, WRONG)], name, path)
    assert is_picture(path)
    gradcam_picture(pixels[0], [(name, np.zeros((32, 32)))], name, path)
    tsne_picture(np.zeros((2, 2)), [name, "other"], name, path)
    assert is_picture(path)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_any_number_of_candidates(tmp_path: Path, count: int, pixels: np.ndarray) -> None:
    retrieval_panel(Shown(pixels[0], "q"), [Shown(pixels[1], "c")] * count, "title", tmp_path / "panel.png")
    gradcam_picture(pixels[0], [("m", np.ones((32, 32)))] * count, "title", tmp_path / "gradcam.png")
    assert is_picture(tmp_path / "panel.png")
    assert is_picture(tmp_path / "gradcam.png")


def comparison(**low: float) -> dict[str, Any]:
    methods: dict[str, Any] = {name: {"trained_minus_this": {"mAP": {"low": value}}} for name, value in low.items()}
    return {"num_queries": 6, "methods": {"trained": {}} | methods}


def test_doubts_name_what_is_not_beaten() -> None:
    assert doubts(comparison()) is None
    assert doubts(comparison(raw_pixels=0.1, untrained=0.01)) is None
    doubt = doubts(comparison(raw_pixels=0.1, untrained=-0.2))
    assert doubt is not None
    assert "6 queries the trained model is not clearly better than untrained network." in doubt
    both = doubts(comparison(raw_pixels=0.0, untrained=-0.2))
    assert both is not None
    assert "than raw pixels and untrained network." in both
    nobody = comparison()
    nobody["methods"]["raw_pixels"] = {"trained_minus_this": {}}
    assert doubts(nobody) is not None


@pytest.mark.parametrize(("count", "drawn"), [(0, False), (3, False), (4, True), (40, True)])
def test_tsne(tmp_path: Path, count: int, drawn: bool) -> None:
    embeddings = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    draw_tsne(embeddings, np.array(["a"] * count, dtype=object), 1000, 0, tmp_path / "tsne.png")
    assert (tmp_path / "tsne.png").exists() == drawn


def test_tsne_of_a_collapsed_model_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draw_tsne(np.ones((9, 8), np.float32), np.array(["a"] * 9, dtype=object), 1000, 0, tmp_path / "tsne.png")
    assert "all embeddings are the same" in caplog.text
    assert not (tmp_path / "tsne.png").exists()


@pytest.mark.parametrize("most", [0, 10])
def test_tsne_draws_no_more_than_asked(tmp_path: Path, most: int) -> None:
    embeddings = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    draw_tsne(embeddings, np.array(list("abc") * 10, dtype=object), most, 0, tmp_path / "tsne.png")
    assert (tmp_path / "tsne.png").exists() == (most > 0)


def test_examples_and_gradcams(
    tmp_path: Path, photo_folder: Path, catalogue: pd.DataFrame, pixels: np.ndarray, tiny_model: Any
) -> None:
    network = open_network(tiny_model)
    outputs = {name: np.asarray(value) for name, value in network.keras_model.predict(pixels, verbose=0).items()}
    protocol = Protocol(np.array([0, 4, 8]), np.array([1, 2, 5, 6, 9]), "by hand", 0)
    draw_examples(outputs["embedding"], catalogue, photo_folder, protocol, [0, 8], 99, tmp_path)
    with_features = feature_network(network)
    known = tuple(catalogue["identity"].unique())
    draw_gradcams(with_features, outputs, catalogue, pixels, (1.0, 0.0), known, protocol, [4], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gradcam_1.png", "retrieval_example_1.png", "retrieval_example_2.png",
    ]  # fmt: skip
    assert all(is_picture(path) for path in tmp_path.iterdir())


def test_a_shown_photo_is_cropped(photo_folder: Path, catalogue: pd.DataFrame) -> None:
    row = {"path": catalogue["path"][0], "bbox": (4.0, 2.0, 10.0, 20.0)}
    assert shown_photo(photo_folder, row).shape == (20, 10, 3)
    assert shown_photo(photo_folder, row | {"bbox": float("nan")}).shape == (32, 32, 3)


@pytest.mark.parametrize("content", [None, b"", b"no photo"])
def test_a_photo_that_is_gone_is_drawn_as_a_blank(
    tmp_path: Path, catalogue: pd.DataFrame, content: bytes | None
) -> None:
    table = catalogue.assign(path="gone.png")
    if content is not None:
        (tmp_path / "gone.png").write_bytes(content)
    embeddings = np.eye(12, dtype=np.float32)
    draw_examples(embeddings, table, tmp_path, Protocol(np.array([0]), np.array([1, 4]), "", 0), [0], 2, tmp_path)
    assert is_picture(tmp_path / "retrieval_example_1.png")


def test_table_with_and_without_queries() -> None:
    figures = {
        "R@1": 0.5,
        "R@5": 1.0,
        "mAP": 0.7,
        "confidence_intervals": dict.fromkeys(("R@1", "R@5", "mAP"), (0.4, 0.6)),
    }
    nothing = {"R@1": None, "confidence_intervals": {"R@1": None}}
    metrics = {"num_queries": 2, "num_ids": 2, "num_gallery": 3}
    console = Console(width=200)
    with console.capture() as capture:
        methods = {"trained": {**figures, "without_leaky_photos": nothing}}
        console.print(figures_table({**metrics, "methods": methods}))
    assert "0.50" in capture.get()
    assert "[0.40, 0.60]" in capture.get()
    assert "no query" in capture.get()


@pytest.mark.parametrize("margins", [[0.0], [0.0, 0.3, 0.3]])
@pytest.mark.parametrize("validated", ["all", "some", "none", "not asked"])
def test_a_training_of_any_length_is_drawn(tmp_path: Path, margins: list[float], validated: str) -> None:
    history = pd.DataFrame({"epoch": range(1, len(margins) + 1), "loss": 2.0, "margin": margins})
    if validated != "not asked":
        history = history.assign(**dict.fromkeys(("R@1", "R@5", "mAP"), np.nan if validated == "none" else 0.5))
    if validated == "some":
        history.loc[0, ["R@1", "R@5", "mAP"]] = np.nan
    training_picture(history, 1, "Training on $x_{: 3 photos", tmp_path / "curves.png")
    assert is_picture(tmp_path / "curves.png")
