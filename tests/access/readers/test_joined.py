"""Columns that say one thing together."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.helpers.label_files import fill
from wildtrack.access.readers.joined import join_columns
from wildtrack.access.readers.table import read_table
from wildtrack.access.reading import ReadConfig

CORNERS = {"a": 10, "b": 20, "c": 40, "d": 60}
SIDES = {"a": 10, "b": 20, "c": 30, "d": 40}
CENTRES = {"a": 25, "b": 40, "c": 30, "d": 40}


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("x y w h", SIDES),
        ("X Y Width Height", SIDES),
        ("bbox_x bbox_y bbox_w bbox_h", SIDES),
        ("bboxX bboxY bboxWidth bboxHeight", SIDES),
        ("box_left box_top box_width box_height", SIDES),
        ("x_min y_min x_max y_max", CORNERS),
        ("bbox_xmin bbox_ymin bbox_xmax bbox_ymax", CORNERS),
        ("x1 y1 x2 y2", CORNERS),
        ("Left Top Right Bottom", CORNERS),
        ("xtl ytl xbr ybr", CORNERS),
        ("x_center y_center width height", CENTRES),
        ("cx cy w h", CENTRES),
    ],
)
def test_four_columns_are_a_box(names: str, values: dict[str, int]) -> None:
    table = pd.DataFrame([map(str, values.values())], columns=names.split()).assign(identity="Ana")
    joined, said = join_columns(table)
    assert joined.to_dict("records") == [{"identity": "Ana", "bbox": "10 20 30 40"}]
    assert said == [f"its boxes are the columns {', '.join(names.split())}"]


@pytest.mark.parametrize(
    ("cells", "box"),
    [
        (("10.5", "20", "40,5", "60"), "10.5 20 30 40"),
        (("", "", "", ""), ""),
        (("NA", "NA", "NA", "NA"), ""),
        (("10", "", "40", "60"), "10  40 60"),  # the parser of boxes reports it
    ],
)
def test_cells_of_a_box(cells: tuple[str, ...], box: str) -> None:
    joined, _ = join_columns(pd.DataFrame([cells], columns=["x1", "y1", "x2", "y2"]))
    assert joined["bbox"].tolist() == [box]


def test_what_is_no_box_stays() -> None:
    """The size of a photo beside its box, a position in metres, and a box in one column."""
    photo = pd.DataFrame(
        [["4000", "3000", "1", "2", "3", "4"]], columns=["width", "height", *(f"bbox_{x}" for x in "xywh")]
    )
    assert join_columns(photo)[0].to_dict("records") == [{"width": "4000", "height": "3000", "bbox": "1 2 3 4"}]
    for names in (["x", "y"], ["width", "height"], ["bbox", "x1", "y1", "x2", "y2"]):
        table = pd.DataFrame([["7"] * len(names)], columns=names)
        joined, said = join_columns(table)
        assert joined.equals(table) and not said


@pytest.mark.parametrize("name", ["region_shape_attributes", "Bounding Boxes", "bbox_text", "segmentation"])
def test_boxes_in_a_form_that_is_not_read_are_said(name: str) -> None:
    assert join_columns(pd.DataFrame([["{}"]], columns=[name]))[1] == [f"not read as boxes: {name}"]
    assert not join_columns(pd.DataFrame([["{}", "1 2 3 4"]], columns=[name, "bbox"]))[1]
    assert not join_columns(pd.DataFrame([["7", "12"]], columns=["nest box", "box_number"]))[1]


def test_corners_stay_where_the_flag_says_so() -> None:
    table = pd.DataFrame([["10", "20", "40", "60"]], columns=["x1", "y1", "x2", "y2"])
    assert join_columns(table, ReadConfig(box_form="corners"))[0]["bbox"].tolist() == ["10 20 40 60"]


@pytest.mark.parametrize(
    ("row", "date"),
    [
        ({"date": "2024-05-31", "time": "17:45:12"}, "2024-05-31T17:45:12"),
        ({"Date": "31-May-2024", "Time": " 17:45:12"}, "2024-05-31T17:45:12"),
        ({"date": "2024-05-31", "time": "NA"}, "2024-05-31"),
        ({"date": "2024-05-31 17:45", "time": "17:45"}, "2024-05-31T17:45:00"),
        ({"date": "2024-05-31 00:00:00", "time": "17:45"}, "2024-05-31T17:45:00"),  # of a spreadsheet
        ({"date": "5/31/2024", "time": "5:45 PM"}, "2024-05-31T17:45:00"),
        ({"date": "2024-05-31", "time": "night"}, "2024-05-31"),
        ({"date": "", "time": "17:45"}, None),
        ({"year": "2024", "month": "5", "day": "31"}, "2024-05-31"),
        ({"Year": "2024", "Month": "5", "Day": ""}, "2024-05"),
        ({"year": "2024.0", "month": "5.0", "day": "31.0"}, "2024-05-31"),
        ({"year": "2024", "month": "5", "day": "31", "time": "17:45"}, "2024-05-31T17:45:00"),
        ({"DateTime": "2024-05-31T17:45:12"}, "2024-05-31T17:45:12"),
        ({"eventDate": "2024-05-31"}, "2024-05-31"),
        ({"date": "2024-05-31", "DateTime": "2024-06-30"}, "2024-05-31"),
        ({"date": "", "timestamp": "2024-05-31T17:45:12"}, "2024-05-31T17:45:12"),
        ({"date": "NA", "DateTime": "", "timestamp": "2024-05-31"}, "2024-05-31"),
        ({"timestamp": "", "DateTime": "2024-05-31 17:45"}, "2024-05-31T17:45:00"),
        ({"date": "", "time": "17:45", "timestamp": "2024-05-31"}, "2024-05-31T17:45:00"),
        ({"year": "2024"}, None),
    ],
)
def test_a_day_and_its_time(tmp_path: Path, row: dict[str, Any], date: str | None) -> None:
    fill(tmp_path, "1.jpg")
    about = {"image_id": "1", "identity": "Ana", "path": "1.jpg"} | row
    (tmp_path / "t.csv").write_text(f"{','.join(about)}\n{','.join(about.values())}\n")
    found = read_table(tmp_path / "t.csv")
    assert found.table.get("date", pd.Series([None])).tolist() == [date]
    assert found.problems.empty
    assert ("the day alone is used: 1, such as night" in found.understood) == (row.get("time") == "night")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["2024-05-31,2024-06-30T10:00", "2024-05-31,2024-05-31T10:00"], ["1"]),
        (["31/05/2024,2024-05-31T10:00", "12/05/2024,2024-05-13"], ["1"]),
        (["2024-05-31,2024-05-31T10:00", "2024-05,2024-05-30", "2024,2024-07-01"], []),  # less, but the same
        (["2024-05-31,", ",2024-05-31", "2024-05-31,night"], []),
    ],
)
def test_two_columns_of_dates_that_are_not_the_same_day(rows: list[str], said: list[str]) -> None:
    table = pd.DataFrame([row.split(",") for row in rows], columns=["date", "timestamp"])
    remark = "rows in which timestamp is another day than date, which counts: "
    assert join_columns(table)[1] == [f"{remark}{count}" for count in said]
