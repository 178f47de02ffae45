from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.looks import is_picture
from wildtrack.address.evaluation.comparison import COMPARED
from wildtrack.address.evaluation.open_set import FirstAnswers, pooled, reliability
from wildtrack.visualization.evaluation_plots import SERIES, draw_comparison, draw_reliability, draw_roc


@pytest.mark.parametrize("numbers", [[0.0], [1.0], [0.2, 0.2, 0.9]])
@pytest.mark.filterwarnings("error")
def test_pictures_of_any_decisions(tmp_path: Path, numbers: list[float]) -> None:
    sure, right = np.array(numbers), np.ones(len(numbers), np.bool_)
    names = np.array(["$a_{"] * len(numbers), dtype=object)
    answers = FirstAnswers(sure, right, names, sure / 2, names)
    draw_reliability(reliability(*pooled(answers)), "größe $x_{", tmp_path / "new" / "reliability.png")
    draw_roc(answers, np.nextafter(1.0, 2.0), "größe $x_{", tmp_path / "new" / "roc.png")
    assert all(is_picture(tmp_path / "new" / name) for name in ("reliability.png", "roc.png"))


def methods(value: float, low: float, high: float, *names: str) -> pd.DataFrame:
    """A table of methods that all have one figure."""
    ends = {"": value, "_low": low, "_high": high}
    columns = {f"{name}{suffix}{end}": ends[end] for name, (_, suffix, *_), end in product(COMPARED, SERIES, ends)}
    return pd.DataFrame({"method": names}).assign(**columns)


@pytest.mark.parametrize("low", [0.3, 0.3 + 1e-16, 0.30000000000000004])
def test_an_interval_that_rounding_put_beside_its_figure_is_drawn(tmp_path: Path, low: float) -> None:
    draw_comparison(methods(0.3, low, 0.3 - 1e-16, "pixels"), "t", tmp_path / "methods.png")
    assert is_picture(tmp_path / "methods.png")


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.filterwarnings("error")
def test_a_comparison_of_any_methods(tmp_path: Path, value: float, count: int) -> None:
    table = methods(value, value, value, *["their|model [bold].onnx\n$x_{"] * count)
    draw_comparison(table, "größe $x_{", tmp_path / "new" / "methods.png")
    assert is_picture(tmp_path / "new" / "methods.png")
