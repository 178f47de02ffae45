from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.helpers.looks import is_picture
from wildtrack.visualization.training_curves import draw_training_curves


@pytest.mark.parametrize("margins", [[0.0], [0.0, 0.3, 0.3]])
@pytest.mark.parametrize("validated", ["all", "some", "none", "no column"])
def test_a_training_of_any_length_is_drawn(tmp_path: Path, margins: list[float], validated: str) -> None:
    history = pd.DataFrame({"epoch": range(1, len(margins) + 1), "loss": 2.0, "margin": margins})
    if validated != "no column":
        history = history.assign(**dict.fromkeys(("R@1", "R@5", "mAP"), np.nan if validated == "none" else 0.5))
    if validated == "some":
        history.loc[0, ["R@1", "R@5", "mAP"]] = np.nan
    draw_training_curves(history, 1, "Training on $x_{: 3 photos", tmp_path / "curves.png")
    assert is_picture(tmp_path / "curves.png")
