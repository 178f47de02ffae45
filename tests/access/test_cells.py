from pathlib import Path

import pytest

from wildtrack.access.cells import NUMBERS, UNKNOWN, parse_bbox, parser_of, path_in


@pytest.mark.parametrize(
    ("column", "written", "value"),
    [
        ("image_id", " a 1 ", " a 1 "),
        ("identity", " Zoe\u0308 ", "Zo\u00eb"),
        ("identity", "UNKNOWN", UNKNOWN),
        ("species", "  plains zebra ", "plains zebra"),
        ("bbox", "[1, 2, 3, 4]", (1.0, 2.0, 3.0, 4.0)),
        ("split", " Query ", "test"),
        ("date", "2024:05:31 17:45:10", "2024-05-31T17:45:10"),
        ("latitude", "-45.5", -45.5),
        ("whatever", 7, "7"),
    ],
)
def test_what_was_written_becomes_the_value(column: str, written: object, value: object) -> None:
    assert parser_of(column)(written) == value


@pytest.mark.parametrize("column", ["bbox", "split", "date", *NUMBERS])
def test_what_is_not_understood_is_named(column: str) -> None:
    with pytest.raises(ValueError, match=f"{column} not understood: 'nonsense'"):
        parser_of(column)("nonsense")


def test_a_path_is_one_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "t 1").mkdir()
    (tmp_path / "t 1" / "a.jpg").touch()
    assert path_in("t 1\\a.jpg ", tmp_path) == "t 1/a.jpg"
    with pytest.raises(ValueError, match="leads out"):
        path_in("../a.jpg", tmp_path)


def test_a_box_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="empty or not finite"):
        parse_bbox("1,2,0,4")
