import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wildtrack.access.catalogue import assemble, in_words, rename_aliases, validate
from wildtrack.access.cells import NUMBERS, UNKNOWN
from wildtrack.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with four files; validation asks only whether they are there."""
    for folder in ("fotos größe", " t1 "):
        (tmp_path / folder).mkdir()
    for name in ("a.jpg", "b.jpg", "fotos größe/c 1.jpg", " t1 /a .jpg "):
        (tmp_path / name).touch()
    (tmp_path.parent / "outside.jpg").touch()
    return tmp_path


def rows(count: int = 1, **columns: Any) -> pd.DataFrame:
    """Good rows, with columns replaced or added."""
    good = {"image_id": [f"i{row}" for row in range(count)], "identity": ["t1"] * count, "path": ["a.jpg"] * count}
    return pd.DataFrame(good | columns)


def only_reason(problems: pd.DataFrame) -> str:
    assert list(problems.columns) == ["path", "reason"]
    assert len(problems) == 1
    return str(problems["reason"].iloc[0])


GOOD: dict[str, list[tuple[object, object]]] = {  # column -> what is written, and its value
    "identity": [
        *(("12", "12"), (12, "12"), ("007", "007"), ("  t 1 ", "t 1"), ("NA", "NA")),
        ("Zoe\u0308", "Zo\u00eb"),  # NFC
        *((empty, UNKNOWN) for empty in ("", "  ", None, float("nan"), pd.NA, "Unknown")),
    ],
    "path": [
        *((path, "a.jpg") for path in ("a.jpg", "./a.jpg", "fotos größe/../a.jpg", " a.jpg ")),
        *((path, "fotos größe/c 1.jpg") for path in ("fotos größe/c 1.jpg", "fotos größe\\c 1.jpg")),
        (" t1 /a .jpg ", " t1 /a .jpg "),
    ],
    "bbox": [
        *((box, (1, 2, 3, 4)) for box in ("[1, 2, 3, 4]", "(1, 2, 3, 4)", "[1. 2. 3. 4.]")),
        *(([1, 2, 3, 4], (1, 2, 3, 4)), (np.array([1, 2, 3, 4]), (1, 2, 3, 4))),
        *(("1,2,3.5,4", (1, 2, 3.5, 4)), ((-1.5, 2, 3, 4), (-1.5, 2, 3, 4))),
    ],
    "date": [
        ("2024-05-31", "2024-05-31"),
        ("20240531", "2024-05-31"),
        ("2024-05-31 17:45", "2024-05-31T17:45:00"),
        ("2024-05-31T17:45:10.5", "2024-05-31T17:45:10.500000"),
        ("2024-05-31T17:45:10Z", "2024-05-31T17:45:10+00:00"),
        ("2024-05-31T17:45:10+03:00", "2024-05-31T17:45:10+03:00"),
        ("2024:05:31 17:45:10", "2024-05-31T17:45:10"),
        (pd.Timestamp("2024-05-31 17:45"), "2024-05-31T17:45:00"),
    ],
    "split": [
        *((word, "train") for word in ("train", "Gallery", "database")),
        *((word, "valid") for word in ("VAL", "validation", "valid")),
        *((word, "test") for word in ("test", " query ")),
    ],
    "image_id": [(" a 1 ", " a 1 ")],
    "species": [("  plains zebra ", "plains zebra")],
    "latitude": [("-45.5", -45.5)],
}


@pytest.mark.parametrize(
    ("column", "written", "expected"), [(column, *pair) for column, pairs in GOOD.items() for pair in pairs]
)
def test_a_value_in_its_standard_form(root: Path, column: str, written: object, expected: object) -> None:
    table, problems = validate(rows(1, **{column: pd.Series([written], dtype=object)}), root)
    assert table[column].tolist() == [expected]
    assert problems.empty


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("path", "", "path is empty"),
        ("path", None, "path is empty"),
        *(
            ("path", path, "absolute")
            for path in ("/a.jpg", "C:\\photos\\a.jpg", "c:a.jpg", "\\\\server\\share\\a.jpg")
        ),
        *(("path", path, "leads out") for path in ("../outside.jpg", "x/../../outside.jpg", "..")),
        *(("path", path, "no such") for path in ("missing.jpg", "fotos größe", ".", "a.jpg/b.jpg", "a\0.jpg")),
        ("path", "x" * 5000, "cannot be opened|no such file"),
        *(
            ("bbox", box, "bbox not understood")
            for box in ("1,2,3", "1,2,3,4,5", "a,b,c,d", "[]", [1, 2], 7, [None] * 4)
        ),
        *(("bbox", box, "bbox is empty or not") for box in ("1,2,0,4", "1,2,3,-4", "nan,2,3,4", "1,2,inf,4")),
        ("split", "holdout", "split not understood: 'holdout'; allowed: train"),
        ("image_id", "i0", "taken by a row above"),
        ("image_id", None, "image_id is empty"),
    ],
)
def test_a_bad_value_costs_the_row(root: Path, column: str, written: Any, reason: str) -> None:
    good = {"path": "b.jpg", "bbox": "9,9,9,9", "split": "train", "image_id": "i0"}[column]
    table, problems = validate(rows(2, **{column: pd.Series([good, written], dtype=object)}), root)
    assert len(table) == 1
    assert re.search(reason, only_reason(problems))
    assert problems["path"].tolist() == [(written or "row 2") if column == "path" else "a.jpg"]


@pytest.mark.parametrize(
    ("column", "written"),
    [
        *(("date", date) for date in ("32/05/2024", "2024-13-01", "spring", "0000:00:00 00:00:00")),
        *(("latitude", "north"), ("latitude", "90.1"), ("longitude", "-181"), ("longitude", "inf")),
        *(("height", "0"), ("width", "nan px")),
    ],
)
def test_a_bad_date_or_number_is_left_empty(root: Path, column: str, written: str) -> None:
    good = "2024-05-31" if column == "date" else "45"
    table, problems = validate(rows(2, **{column: [good, written]}), root)
    assert table[column].isna().tolist() == [False, True]
    assert f"{column} not understood: {written!r}" in only_reason(problems)


def test_empty_numbers_and_splits_stay_empty(root: Path) -> None:
    table, problems = validate(rows(2, split=["train", ""], **{name: ["45.5", ""] for name in NUMBERS}), root)
    assert (table[list(NUMBERS)].dtypes == np.float64).all()
    assert table[["split", *NUMBERS]].isna().to_numpy().tolist() == [[False] * 5, [True] * 5]
    assert "in no subset" in only_reason(problems)


def test_first_good_row_keeps_the_image_id_and_the_index_starts_anew(root: Path) -> None:
    raw = rows(3, image_id=["x"] * 3, path=["missing.jpg", "a.jpg", "b.jpg"]).set_index(pd.Index([7, 7, 9]))
    table, problems = validate(raw, root)
    assert table["path"].to_dict() == {0: "a.jpg"}
    assert problems["path"].tolist() == ["missing.jpg", "b.jpg"]


def test_columns_are_standard_and_used(root: Path) -> None:
    raw = rows(split=[""], date=[None], bbox=[""], species=["loggerhead"], mood=["calm"], viewpoint=["left"])
    table, problems = validate(raw[raw.columns[::-1]], root)
    assert list(table.columns) == ["image_id", "identity", "path", "orientation", "species"]
    assert problems.empty


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([], {}),
        (["path", "file_name"], {}),
        (["filepath", "timestamp"], {"filepath": "path", "timestamp": "date"}),
        (["file_name", "filepath"], {"file_name": "path"}),
        (["position", "viewpoint"], {"position": "orientation"}),
    ],
)
def test_rename_aliases(columns: list[str], expected: dict[str, str]) -> None:
    assert rename_aliases(columns) == expected


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (rows().drop(columns="identity"), "no column identity; it has image_id, path"),
        (pd.DataFrame(), "no column image_id, identity, path; it has none"),
        (rows(0), "no rows"),
        (rows(2, path=["x.jpg", "y.jpg"]), "none of the 2 rows .* x.jpg: no such file"),
        (pd.concat([rows(), rows()], axis=1), "more than one column image_id, identity, path"),
    ],
)
def test_unusable_table(root: Path, table: pd.DataFrame, message: str) -> None:
    with pytest.raises(UserError, match=message):
        validate(table, root)


def test_assemble_counts_and_joins_problems(root: Path) -> None:
    raw = rows(4, identity=["t1", "t2", "unknown", "t3"], path=["a.jpg", "b.jpg", "b.jpg", "missing.jpg"])
    catalogue = assemble("a test", root, raw, [("loose.jpg", "loose")])
    assert catalogue.understood == "a test: 2 photos with 3 animals of 2 identities (1 animal unlabelled)"
    assert catalogue.problems["path"].tolist() == ["loose.jpg", "missing.jpg"]
    assert catalogue.root == root


@pytest.mark.parametrize(
    ("paths", "identities", "expected"),
    [
        ("ab", ["t1", "t2"], "2 photos of 2 identities"),
        ("a", ["t1"], "1 photo of 1 identity"),
        ("ab", ["t1", "unknown"], "2 photos of 1 identity (1 photo unlabelled)"),
        ("aab", ["t1", "unknown", "unknown"], "2 photos with 3 animals of 1 identity (2 animals unlabelled)"),
        ("aab", ["unknown"] * 3, "2 photos with 3 animals, all unlabelled"),
        ("a", ["unknown"], "1 photo, all unlabelled"),
    ],
)
def test_in_words(paths: str, identities: list[str], expected: str) -> None:
    assert in_words(pd.DataFrame({"path": list(paths), "identity": identities})) == expected
