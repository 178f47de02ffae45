"""compare_methods.py as a user runs it, after a training."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.helpers.blobs import error_lines, run_script
from wildtrack.commands.compare import Config, compare
from wildtrack.errors import UserError

EVALUATION = ("--queries-per-identity", 0, "--examples", 0, "--tsne-max", 0, "--matcher", "fused")
FILES = {"methods.csv", "methods.md", "methods.png", "problems.csv"}


@pytest.fixture(scope="module")
def home(field: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shared field, with an evaluation and a comparison."""
    home = Path(shutil.copytree(field, tmp_path_factory.mktemp("home") / field.name))
    for script, options in (("evaluate_reid_and_visualize.py", EVALUATION), ("compare_methods.py", ())):
        done = run_script(script, *options, cwd=home)
    (home / "compare.err").write_text(done.stderr, encoding="utf-8")
    return home


@pytest.fixture
def place(field: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with that model, and an empty cache."""
    shutil.copytree(field / "artifacts", tmp_path / "artifacts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    return tmp_path


def table(results: Path) -> dict[str, dict[str, Any]]:
    """Method -> its row."""
    rows = pd.read_csv(results / "methods.csv").to_dict("records")
    return {row["method"]: {str(name): value for name, value in row.items()} for row in rows}


@pytest.mark.slow
def test_it_leaves_the_table_and_the_picture(home: Path) -> None:
    results = home / "results" / "compare"
    assert {path.name for path in results.iterdir()} == FILES
    found = table(results)
    assert list(found) == ["pixels", "untrained", "wildtrack", "local", "fused"]
    assert [found[name]["embed_dim"] for name in ("pixels", "untrained", "wildtrack")] == [3072, 1024, 16]
    assert all(found[name]["photos_per_second"] > 0 for name in ("pixels", "untrained", "wildtrack"))
    assert all(found[name]["seconds_per_query"] > 0 for name in ("local", "fused"))
    page = (results / "methods.md").read_text("utf-8")
    assert page.startswith("# Methods compared on photos: ") and page.count("\n| ") == 7
    assert "the split saved with the model" in page
    with Image.open(results / "methods.png") as picture:
        assert picture.format == "PNG"
    said = (home / "compare.err").read_text("utf-8")
    assert "oneDNN" not in said and not error_lines(said)
    assert "Left out: backbone, as the training started from random weights" in said
    assert all(f"│ {method} " in said for method in found)


@pytest.mark.slow
def test_its_figures_are_those_of_the_evaluation(home: Path) -> None:
    metrics = json.loads((home / "results" / "metrics.json").read_text("utf-8"))
    found = table(home / "results" / "compare")
    names = {"pixels": "raw_pixels", "untrained": "untrained", "wildtrack": "trained", "fused": "fused"}
    for ours, theirs in names.items():
        figures = metrics["methods"][theirs]
        for name in ("R@1", "R@5", "mAP"):
            assert found[ours][name] == pytest.approx(figures[name])
            assert found[ours][f"{name}_low"] == pytest.approx(figures["confidence_intervals"][name][0])
            assert found[ours][f"{name}_leak_free"] == pytest.approx(figures["leak_free"][name])
        if theirs != "trained":
            ahead = figures["trained_minus_this"]["mAP"]
            assert found[ours]["ahead_mAP"] == pytest.approx(ahead["difference"])
            assert found[ours]["ahead_mAP_high"] == pytest.approx(ahead["high"])


@pytest.mark.slow
def test_a_second_run_only_adds_what_is_new(home: Path, tmp_path: Path) -> None:
    before = table(home / "results" / "compare")
    options = ("--methods", "wildtrack", "pixels", "artifacts/model.onnx", "--results", tmp_path / "more")
    done = run_script("compare_methods.py", *options, cwd=home)
    assert done.stderr.count("Embedding photos") == 1
    after = table(tmp_path / "more")
    assert list(after) == ["wildtrack", "pixels", "artifacts/model.onnx"]
    for column in ("mAP", "fingerprint"):
        assert after["pixels"][column] == before["pixels"][column]
    assert after["artifacts/model.onnx"]["ahead_mAP"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config(methods=("wildtrak",)), "there is no method 'wildtrak'; allowed are pixels"),
        (Config(methods=("artifacts",)), "is a folder; name the model file in it"),
        (Config(methods=()), "--methods names no method"),
        (Config(methods=("pixels",), reference="fused"), "--reference 'fused' is none of the methods: pixels"),
        (Config(artifacts=Path("nowhere")), "'nowhere' .*train a model first: python train_classifier_reid.py"),
        (Config(artifacts=Path()), "there is no model in .*train a model first"),
        (Config(data=Path("nowhere")), "nowhere"),
    ],
    ids=str,
)
def test_what_a_user_gets_wrong(place: Path, config: Config, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        compare(config)
    assert "\n" not in str(error.value) and not (place / "results").exists()
