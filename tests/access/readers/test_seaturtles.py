from pathlib import Path

import pytest

from tests.helpers.label_files import listed, unpack
from tests.helpers.layouts import seaturtleid2022, seaturtleidheads
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError


@pytest.fixture
def turtles(tmp_path: Path) -> Path:
    """Kaggle's tree of SeaTurtleID2022, three photos of it."""
    return unpack(tmp_path, seaturtleid2022())


@pytest.mark.parametrize("inside", ["", "turtles-data", "turtles-data/data", "turtles-data/data/annotations.json"])
def test_seaturtleid2022(turtles: Path, inside: str) -> None:
    catalogue = load_catalogue(turtles / inside)
    photos = turtles / "turtles-data/data/images"
    assert [catalogue.root / path for path in catalogue.table["path"]] == [
        photos / "t001/CAluWEgwPX.JPG",
        photos / "t001/EKyrFKHQzh.JPG",
    ]
    assert catalogue.table.drop(columns="path").to_dict("list") == {
        "image_id": ["1", "3"],
        "identity": ["t001", "t001"],
        "photo_id": ["1", "2"],
        "bbox": [(644.0, 441.0, 70.0, 78.0), (1.0, 2.0, 30.0, 40.0)],
        "date": ["2014-07-14T14:49:45", "2015-07-01"],
        "orientation": ["left", "topright"],
        "split": ["train", "valid"],
        "height": [1333.0, 1333.0],
        "width": [2000.0, 2000.0],
    }
    assert list(listed(catalogue).values()) == ["no head is annotated on this photo"]
    assert catalogue.understood == "SeaTurtleID2022, heads, split_closed: 2 photos of 1 identity"


def test_seaturtleid2022_with_options(turtles: Path) -> None:
    table = load_catalogue(turtles, split_column="split_open", part="flipper").table
    assert table["split"].tolist() == ["test", "test"]
    assert table["orientation"].tolist() == ["front_left", "front_right"]
    assert table["photo_id"].tolist() == ["3", "3"]


def test_seaturtleid2022_refuses(turtles: Path) -> None:
    with pytest.raises(UserError, match=r"--part fin is not annotated in .*; it has turtle, flipper, head"):
        load_catalogue(turtles, part="fin")
    with pytest.raises(UserError, match="it has split_closed, split_closed_random, split_open"):
        load_catalogue(turtles, split_column="year_split")
    (turtles / "turtles-data/data/metadata_splits.csv").write_text("id,name\n1,2\n")
    with pytest.raises(UserError, match=r"metadata_splits.csv: no column identity, file_name"):
        load_catalogue(turtles)


def test_seaturtleidheads(tmp_path: Path) -> None:
    unpack(tmp_path, seaturtleidheads())
    catalogue = load_catalogue(tmp_path)
    assert catalogue.table.to_dict("list") == {
        "image_id": ["11", "12"],
        "identity": ["t001", "t002"],
        "path": ["images/t001/a.JPG", "images/t002/b.jpg"],
        "photo_id": ["1", "2"],
        "date": ["2014-07-14T14:49:45", "2012-08-01"],
        "orientation": ["topleft", "right"],
        "height": [200.0, 20.0],
        "width": [300.0, 30.0],
    }
    assert catalogue.problems.empty
    assert catalogue.understood.startswith("SeaTurtleIDHeads: 2 photos of 2 identities")
