from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from wildtrack.address.evaluation.open_set import FirstAnswers, pooled, reliability
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.gallery.explain import Reasons
from wildtrack.address.models.network import open_network
from wildtrack.visualization import reporting
from wildtrack.visualization.figures import (
    RIGHT,
    WRONG,
    Shown,
    decision_pictures,
    gradcam_picture,
    retrieval_panel,
    training_picture,
    tsne_picture,
)
from wildtrack.visualization.gradcam import feature_network
from wildtrack.visualization.reporting import (
    decisions_said,
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
@pytest.mark.parametrize("why", [{}, {"points": np.full((1, 4), 0.5)}, {"heat": np.zeros((8, 8))}], ids=str)
@pytest.mark.filterwarnings("error")
def test_any_number_of_candidates(tmp_path: Path, count: int, why: dict[str, Any], pixels: np.ndarray) -> None:
    candidates = [Shown(pixels[1], "c", **why), Shown(pixels[2], "without")] * count
    retrieval_panel(Shown(pixels[0], "q"), candidates, "title", tmp_path / "panel.png")
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


def test_doubts_are_about_the_baselines_alone() -> None:
    assert doubts(comparison(local=-0.9, fused=-0.5, raw_pixels=0.1)) is None


DECIDED = {
    "AUROC": 0.875, "false_match_rate_asked_for": 0.01, "true_accepts": 0.5, "wrong_accepts": 0.25,
    "false_matches": 0.125, "num_known": 8, "num_new": 16, "new_animals": "drawn by hand",
}  # fmt: skip


UNDECIDED = {"AUROC": 0.75, "num_known": 8, "num_new": 3}  # real new animals, but no validation photos


@pytest.mark.parametrize("found", [DECIDED, UNDECIDED, {"AUROC": None, "num_known": 8, "num_new": 0}])
def test_what_decisions_are_worth_is_said(found: dict[str, Any]) -> None:
    effort = {"candidates_for_95_percent": 3, "leafing_for_95_percent": 19, "mean_candidates": 1.5}
    said = decisions_said({"matcher": {"name": "fused"}, "open_set": found, "review_effort": effort})
    assert "LearntMatcher: fused. To find 95% of the true matches, look at 3 candidates a photo" in said
    assert "the catalogue: 19)." in said
    assert ("AUROC" in said) == (found["AUROC"] is not None)
    assert ("match" in said.partition("\n")[2]) == (found is DECIDED)
    if found is UNDECIDED:
        assert said.endswith("\nKnown or new? By the best similarity alone, AUROC 0.75.")
    if found is DECIDED:
        assert "AUROC 0.88. At a false-match rate of 1%, 50% of 8 photos of known animals are matched right" in said
        assert "25% wrong; 12% of 16 photos of new animals are called a match. New animals: drawn by hand." in said


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
    ranked = {0: np.array([1, 2, 5, 6, 9]), 8: np.array([9])}
    points = [np.zeros((0, 4)), np.full((1, 4), 0.5), np.random.default_rng(0).random((99, 4))]
    reasons = {
        0: Reasons([points[number % 3] for number in range(5)], np.zeros((5, 32, 32), np.float32)),
        8: Reasons([points[2]], np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)),
    }
    draw_examples(ranked, reasons, outputs["embedding"], catalogue, photo_folder, tmp_path)
    with_features = feature_network(network)
    known = tuple(catalogue["identity"].unique())
    draw_gradcams(with_features, outputs, catalogue, pixels, (1.0, 0.0), known, protocol, [4], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gradcam_1.png", "retrieval_example_1.png", "retrieval_example_2.png",
    ]  # fmt: skip
    assert all(is_picture(path) for path in tmp_path.iterdir())


def test_an_example_says_what_is_right_and_why(
    tmp_path: Path, photo_folder: Path, catalogue: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    panels: list[tuple[Shown, list[Shown], Path]] = []
    monkeypatch.setattr(
        reporting, "retrieval_panel", lambda query, found, title, path: panels.append((query, found, path))
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
    nothing = Reasons([np.zeros((0, 4), np.float32)] * 2, np.zeros((2, 32, 32), np.float32))
    draw_examples({0: np.array([1, 4])}, {0: nothing}, embeddings, table, tmp_path, tmp_path)
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


@pytest.mark.parametrize("numbers", [[0.0], [1.0], [0.2, 0.2, 0.9]])
@pytest.mark.filterwarnings("error")
def test_pictures_of_any_decisions(tmp_path: Path, numbers: list[float]) -> None:
    sure, right = np.array(numbers), np.ones(len(numbers), np.bool_)
    names = np.array(["$a_{"] * len(numbers), dtype=object)
    answers = FirstAnswers(sure, right, names, sure / 2, names)
    decision_pictures(reliability(*pooled(answers)), answers, np.nextafter(1.0, 2.0), "größe $x_{", tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["reliability.png", "roc.png"]
    assert all(is_picture(path) for path in (tmp_path / "new").iterdir())


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
