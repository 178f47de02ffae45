import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from wildtrack.address.training.model_config import TrainingConfig, read_training_config
from wildtrack.errors import UserError

CONFIG = TrainingConfig(Path("photos"), "MobileNet", 0.75, 128, 256, "auto", "random", 7, "f" * 64, 1.5)


def test_round_trip(tmp_path: Path) -> None:
    recorded = {"data": "elsewhere", "epochs": 40, "results": Path("out"), "versions": {"keras": "3"}}
    written = TrainingConfig(**{**vars(CONFIG), "record": recorded})
    written.write(tmp_path / "c.yaml")
    assert read_training_config(tmp_path / "c.yaml", "") == CONFIG
    file = yaml.safe_load((tmp_path / "c.yaml").read_text())
    assert list(file)[:4] == list(recorded)
    assert (file["data"], file["epochs"], file["results"]) == ("photos", 40, "out")
    assert file.keys() - written.same_training().keys() == {"results", "fingerprint", "training_minutes"}
    del file["training_minutes"]  # a file may say more, and need not say the minutes
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(file | {"new": [1]}))
    assert read_training_config(tmp_path / "c.yaml", "").training_minutes is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": None}, "data"),
        ({"alpha": "wide"}, "Expected `float`, got `str` - at `$.alpha`"),
        ({"image_size": [1]}, "Expected `int`, got `array` - at `$.image_size`"),
        ({"seed": None}, "Expected `int`, got `null` - at `$.seed`"),
        ({"fingerprint": ""}, "fingerprint is missing"),
        ({"pooling": float("nan")}, "pooling"),
    ],
)
def test_what_is_needed_is_checked(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    CONFIG.write(tmp_path / "c.yaml")
    values = yaml.safe_load((tmp_path / "c.yaml").read_text()) | change
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=rf"c\.yaml cannot be used: .*{re.escape(reason)}.*; mend it"):
        read_training_config(tmp_path / "c.yaml", "mend it")
