from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.looks import is_picture
from wildtrack.address.evaluation.comparison import COMPARED
from wildtrack.address.evaluation.open_set import FirstAnswers, pooled, reliability
from wildtrack.visualization.charts import SERIES, draw_comparison, draw_reliability, draw_roc, draw_training_curves

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("margins", [[0.0], [0.0, 0.3, 0.3]])
@pytest.mark.parametrize("validated", ["all", "some", "none", "no column"])
def test_a_training_of_any_length(tmp_path: Path, margins: list[float], validated: str) -> None:
    history = pd.DataFrame({"epoch": range(1, len(margins) + 1), "loss": 2.0, "margin": margins})
    if validated != "no column":
        history = history.assign(**dict.fromkeys(("R@1", "R@5", "mAP"), np.nan if validated == "none" else 0.5))
    if validated == "some":
        history.loc[0, ["R@1", "R@5", "mAP"]] = np.nan
    draw_training_curves(history, 1, "Training on $x_{: 3 photos", tmp_path / "curves.png")
    assert is_picture(tmp_path / "curves.png")


@pytest.mark.parametrize("numbers", [[0.0], [1.0], [0.2, 0.2, 0.9]])
def test_reliability_and_roc_of_any_answers(tmp_path: Path, numbers: list[float]) -> None:
    sure, right = np.array(numbers), np.ones(len(numbers), np.bool_)
    names = np.array(["$a_{"] * len(numbers), dtype=object)
    answers = FirstAnswers(sure, right, names, sure / 2, names)
    draw_reliability(reliability(*pooled(answers)), "größe $x_{", tmp_path / "new" / "reliability.png")
    draw_roc(answers, np.nextafter(1.0, 2.0), "größe $x_{", tmp_path / "new" / "roc.png")
    assert all(is_picture(tmp_path / "new" / name) for name in ("reliability.png", "roc.png"))


ROUNDED = [(0.3, low, 0.3 - 1e-16) for low in (0.3, 0.3 + 1e-16, 0.30000000000000004)]  # ends on the wrong side


@pytest.mark.parametrize(("value", "low", "high"), [(0, 0, 0), (1, 1, 1), (np.nan, np.nan, np.nan), *ROUNDED])
@pytest.mark.parametrize("count", [1, 9])
def test_a_comparison_of_any_intervals(tmp_path: Path, value: float, low: float, high: float, count: int) -> None:
    ends = {"": value, "_low": low, "_high": high}
    columns = {f"{name}{suffix}{end}": ends[end] for name, (_, suffix, *_), end in product(COMPARED, SERIES, ends)}
    table = pd.DataFrame({"method": ["their|model [bold].onnx\n$x_{"] * count}).assign(**columns)
    draw_comparison(table, "größe $x_{", tmp_path / "new" / "methods.png")
    assert is_picture(tmp_path / "new" / "methods.png")
