import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wildtrack.address.models.preprocessor import Preprocessor, load_preprocessor
from wildtrack.errors import UserError

THIRD_PARTY = {
    "image_size": 224,
    "embed_dim": 128,
    "use_l2norm": False,
    "label2id": {"Ana": 0, "Blå": 1},
    "id2label": {0: "Ana", 1: "Blå"},
}


def save(path: Path, values: Any) -> Path:
    path.write_bytes(pickle.dumps(values))
    return path


@pytest.mark.parametrize("scaling", [None, "0-255", "0-1", "-1-1"])
def test_round_trip(tmp_path: Path, scaling: str | None) -> None:
    ours = Preprocessor((96, 128), 256, True, ("Ana", "Blå", "c/d $"), scaling)
    ours.save(tmp_path / "preprocessor.pkl")
    assert load_preprocessor(tmp_path / "preprocessor.pkl") == ours
    values = pickle.loads((tmp_path / "preprocessor.pkl").read_bytes())
    assert values["label2id"]["Blå"] == 1
    assert values["id2label"][1] == "Blå"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ((224, 224), ("Ana", "Blå"))),
        ({"image_size": [64, 96]}, ((64, 96), ("Ana", "Blå"))),
        ({"image_size": (64, 96, 3)}, ((64, 96), ("Ana", "Blå"))),
        ({"image_size": [64]}, ((64, 64), ("Ana", "Blå"))),
        ({"image_size": np.int64(64)}, ((64, 64), ("Ana", "Blå"))),
        ({"image_size": np.float32(64)}, ((64, 64), ("Ana", "Blå"))),
        ({"id2label": {"1": "Blå", "0": "Ana"}}, ((224, 224), ("Ana", "Blå"))),
        ({"id2label": {np.int64(1): np.str_("Blå"), np.int64(0): 7}}, ((224, 224), ("7", "Blå"))),
        ({"more": [1, 2]}, ((224, 224), ("Ana", "Blå"))),
    ],
)
def test_a_third_party_s_five_keys(tmp_path: Path, changes: dict[str, Any], expected: Any) -> None:
    loaded = load_preprocessor(save(tmp_path / "p.pkl", THIRD_PARTY | changes))
    assert (loaded.image_size, loaded.identities) == expected
    assert loaded.scaling is None
    assert (loaded.embed_dim, loaded.use_l2norm) == (128, False)


@pytest.mark.parametrize("key", THIRD_PARTY)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    path = save(tmp_path / "p.pkl", {name: value for name, value in THIRD_PARTY.items() if name != key})
    with pytest.raises(UserError, match=f"missing: {key}$"):
        load_preprocessor(path)


LAUGHS: list[Any] = ["ha"]
for _ in range(40):
    LAUGHS = [LAUGHS] * 10  # small in memory, beyond all memory as text


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "text",
        THIRD_PARTY | {"image_size": 0},
        THIRD_PARTY | {"image_size": -64},
        THIRD_PARTY | {"image_size": 10**6},
        THIRD_PARTY | {"image_size": 10**400},
        THIRD_PARTY | {"image_size": math.nan},
        THIRD_PARTY | {"image_size": math.inf},
        THIRD_PARTY | {"image_size": []},
        THIRD_PARTY | {"image_size": None},
        THIRD_PARTY | {"image_size": "large"},
        THIRD_PARTY | {"image_size": [[64], [64]]},
        THIRD_PARTY | {"image_size": LAUGHS},
        THIRD_PARTY | {"embed_dim": 0},
        THIRD_PARTY | {"embed_dim": -1},
        THIRD_PARTY | {"embed_dim": "many"},
        THIRD_PARTY | {"embed_dim": math.inf},
        THIRD_PARTY | {"id2label": {}},
        THIRD_PARTY | {"id2label": ["Ana", "Blå"]},
        THIRD_PARTY | {"id2label": {0: "Ana", 2: "Blå"}},
        THIRD_PARTY | {"id2label": {1: "Ana", 2: "Blå"}},
        THIRD_PARTY | {"id2label": {0: "Ana", "0": "Blå"}},
        THIRD_PARTY | {"id2label": {"Ana": 0, "Blå": 1}},
        THIRD_PARTY | {"id2label": {0: "Ana", 1: "Ana"}},
        THIRD_PARTY | {"id2label": {0: "Ana", 1: None}},
        THIRD_PARTY | {"id2label": {0: "Ana", 1: LAUGHS}},
        THIRD_PARTY | {"scaling": "0-2"},
        THIRD_PARTY | {"scaling": LAUGHS},
    ],
)
def test_nonsense_is_one_line(tmp_path: Path, values: Any) -> None:
    with pytest.raises(UserError, match=r"p\.pkl") as error:
        load_preprocessor(save(tmp_path / "p.pkl", values))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
