import json

import numpy as np
import pandas as pd
import pytest

from wildtrack.assess.statistics import catalogue_statistics, encounters_per_identity

ROWS = [  # image_id, identity, path, photo_id, bbox, date, orientation, species, split, height, width
    ("a1", "Ana", "1.jpg", "p1", (0.0, 0.0, 50.0, 50.0), "2020-01-01T10:00:00", "left", "zebra", "train", 100, 100),
    ("b1", "Blå", "1.jpg", "p1", (90.0, 0.0, 50.0, 100.0), "2020-01-01T10:00:00", "Right", "zebra", "train", 100, 100),
    ("a2", "Ana", "2.jpg", "p2", None, "2020-01-01T20:00:00", "right", "zebra", "train", 100, 300),
    ("a3", "Ana", "3.jpg", "p3", None, "2020-02-01", "front", "lion", "test", np.nan, np.nan),
    ("b2", "Blå", "4.jpg", "p4", None, None, None, None, None, np.nan, np.nan),
    ("u1", "unknown", "5.jpg", None, None, "2021-05-05", "left", "lion", "valid", 100, 200),
]
COLUMNS = ["image_id", "identity", "path", "photo_id", "bbox", "date", "orientation", "species", "split"]


VIEWPOINTS = {"left": 2, "Right": 1, "right": 1, "front": 1}


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=[*COLUMNS, "height", "width"])


def summary(least: float, median: float, mean: float, most: float) -> dict[str, float]:
    return {"min": least, "median": median, "mean": mean, "max": most}


def test_every_number_of_a_small_catalogue(table: pd.DataFrame) -> None:
    found = catalogue_statistics(table.set_index(pd.Index([9, 9, 3, 2, 1, 0])), encounter_hours=12)
    assert json.loads(json.dumps(found))["animals_per_photo"] == {"1": 4, "2": 1}  # builtins only
    assert found == {
        "rows": 6,
        "photos": 5,
        "identities": 2,
        "unknown_rows": 1,
        "photos_per_identity": {**summary(2, 2.5, 2.5, 3), "singletons": 0},
        "encounters": {
            **{"identities": 2, "met_twice": 1, "time_aware_split": True},
            "per_identity": summary(1, 1.5, 1.5, 2),
        },
        "dates": {"rows": 5, "share": 5 / 6, "first": "2020-01-01T10:00:00", "last": "2021-05-05T00:00:00"},
        "orientation": {"rows": VIEWPOINTS, "missing": 1, "identities_with_both_viewpoints": 1},
        "species": {"rows": {"zebra": 3, "lion": 2}, "missing": 1},
        "animals_per_photo": {1: 4, 2: 1},
    }


@pytest.mark.parametrize("rows", [0, 1, 6])
@pytest.mark.parametrize("identity", ["Ana", "unknown"])
def test_required_columns_alone_are_enough(table: pd.DataFrame, rows: int, identity: str) -> None:
    bare = table[["image_id", "identity", "path"]].head(rows).assign(identity=identity)
    found = catalogue_statistics(bare, encounter_hours=12)
    named = rows if identity == "Ana" else 0
    counts = {"rows": rows, "photos": bare["path"].nunique(), "identities": min(named, 1), "unknown_rows": rows - named}
    assert {name: found[name] for name in counts} == counts
    assert (found["photos_per_identity"] is None, found["animals_per_photo"] is None) == (not named, not rows)
    empty = ("encounters", "dates", "orientation", "species")
    assert {name: found[name] for name in empty} == dict.fromkeys(empty)


def test_an_optional_column_without_any_value_is_as_good_as_none(table: pd.DataFrame) -> None:
    hollow = table.assign(**{name: None for name in table.columns if name not in ("image_id", "identity", "path")})
    assert catalogue_statistics(hollow, 12) == catalogue_statistics(table[["image_id", "identity", "path"]], 12)


@pytest.mark.parametrize(
    ("hours", "expected"), [(0, {"Ana": 3, "Blå": 1}), (12, {"Ana": 2, "Blå": 1}), (10_000, {"Ana": 1, "Blå": 1})]
)
def test_encounters_of_dated_photos_only(table: pd.DataFrame, hours: float, expected: dict[str, int]) -> None:
    assert encounters_per_identity(table, hours).to_dict() == expected


def test_no_identity_met_twice_allows_no_time_aware_split(table: pd.DataFrame) -> None:
    found = catalogue_statistics(table, encounter_hours=10_000)["encounters"]
    assert (found["met_twice"], found["time_aware_split"]) == (0, False)
