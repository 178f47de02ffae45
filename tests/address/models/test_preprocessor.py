import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wildtrack.address.models.preprocessor import Preprocessor, load_preprocessor
from wildtrack.address.models.scaling import SCALINGS
from wildtrack.errors import UserError

LABELS = {"label2id": {"Ana": 0, "Blå": 1}, "id2label": {0: "Ana", 1: "Blå"}}
THIRD_PARTY = {"image_size": 224, "embed_dim": 128, "use_l2norm": False, **LABELS}


def save(path: Path, values: Any) -> Path:
    path.write_bytes(pickle.dumps(values))
    return path


@pytest.mark.parametrize("scaling", [None, *SCALINGS])
def test_round_trip(tmp_path: Path, scaling: str | None) -> None:
    ours = Preprocessor((96, 128), 256, True, ("Ana", "Blå", "c/d $"), scaling)
    ours.save(tmp_path / "preprocessor.pkl")
    assert load_preprocessor(tmp_path / "preprocessor.pkl") == ours
    values = pickle.loads((tmp_path / "preprocessor.pkl").read_bytes())
    assert (values["label2id"]["Blå"], values["id2label"][1]) == (1, "Blå")


# what earlier versions and scripts of users have written, and what it means
FORMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    *(({"image_size": size}, {"image_size": (64, 64)}) for size in (64, [64], (64, 64), np.int64(64), np.float32(64))),
    *(({"image_size": size}, {"image_size": (64, 96)}) for size in ([64, 96], (64, 96, 3), (64.0, 96.0))),
    *(({"embed_dim": length}, {"embed_dim": 64}) for length in (64, 64.0, "64", np.int32(64))),
    *(({"use_l2norm": yes}, {"use_l2norm": True}) for yes in (True, 1, 1.0, "yes", np.bool_(True))),
    *(({"use_l2norm": no}, {"use_l2norm": False}) for no in (0, None, np.bool_(False))),
    *(({"label2id": labels}, {}) for labels in (None, {}, {0: "Ana"}, {"Ana": "0", "Blå": np.int64(1)})),
    ({"id2label": {"1": "Blå", "0": "Ana"}}, {}),
    ({"id2label": {1.0: "Blå", 0.0: "Ana"}}, {}),
    ({"id2label": {np.int64(1): np.str_("Blå"), np.int64(0): 7}}, {"identities": ("7", "Blå")}),
    ({"scaling": None, "reader_version": 1}, {"reader_version": 1}),
    ({"more": [1, 2]}, {}),
]


@pytest.mark.parametrize(("changes", "expected"), FORMS)
def test_the_five_keys_in_all_forms(tmp_path: Path, changes: dict[str, Any], expected: dict[str, Any]) -> None:
    loaded = load_preprocessor(save(tmp_path / "p.pkl", THIRD_PARTY | changes))
    assert loaded == replace(Preprocessor((224, 224), 128, False, ("Ana", "Blå"), None), **expected)


LAUGHS: list[Any] = ["ha"]
for _ in range(40):
    LAUGHS = [LAUGHS] * 10  # small in memory, beyond all memory as text
UNUSABLE: dict[str, list[Any]] = {
    "image_size": [0, -64, 10**6, 10**400, 10**5000, math.nan, math.inf, [], None, "large", [[64], [64]], LAUGHS],
    "embed_dim": [0, -1, "many", math.inf],
    "id2label": [
        {}, ["Ana", "Blå"], {0: "Ana", 2: "Blå"}, {1: "Ana", 2: "Blå"}, {0: "Ana", "0": "Blå"}, {"Ana": 0, "Blå": 1},
        {0: "Ana", 1: "Ana"}, {0: "Ana", 1: None}, {0: "Ana", 1: LAUGHS},
    ],
    "scaling": ["0-2", LAUGHS],
    "reader_version": ["new", None],
}  # fmt: skip
CHANGED = [THIRD_PARTY | {name: value} for name, values in UNUSABLE.items() for value in values]


@pytest.mark.parametrize("values", [None, [], "text", *CHANGED])
def test_nonsense_is_one_line(tmp_path: Path, values: Any) -> None:
    with pytest.raises(UserError, match=r"p\.pkl") as error:
        load_preprocessor(save(tmp_path / "p.pkl", values))
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def test_a_missing_key_or_an_unusable_value_is_named(tmp_path: Path) -> None:
    for key in THIRD_PARTY:
        path = save(tmp_path / "p.pkl", {name: value for name, value in THIRD_PARTY.items() if name != key})
        with pytest.raises(UserError, match=rf"p\.pkl cannot be used: .* missing required field `{key}`"):
            load_preprocessor(path)
    with pytest.raises(UserError, match=r"Expected `float` <= 4096.0 - at `\$.image_size\[0\]`"):
        load_preprocessor(save(tmp_path / "p.pkl", THIRD_PARTY | {"image_size": 5000}))
