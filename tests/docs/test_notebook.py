"""The notebook of the documentation runs from top to bottom and shows its figures in the cells."""

from pathlib import Path

import pytest

from tests.helpers.pages import ROOT

NOTEBOOK = ROOT / "docs/notebooks/tour.ipynb"
nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")


def test_no_output_is_committed() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not [cell.id for cell in cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.slow
def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [list(cell.get("outputs", [])) for cell in notebook.cells]
    shown = [[output for output in cell if "image/png" in output.get("data", {})] for cell in outputs]
    assert sum(map(bool, shown)) == 5  # grid, histogram, training curves, retrieval, t-SNE
    duplicates = next(text for cell in outputs for output in cell if "exact" in (text := _text(output)))
    assert "wrong_name" in duplicates and outputs[-1][-1]["output_type"] == "execute_result"
    assert _text(outputs[-1][-1]).count("match") >= 1


def _text(output: dict[str, object]) -> str:
    data = output.get("data", {})
    return str(data.get("text/plain", "")) if isinstance(data, dict) else ""
