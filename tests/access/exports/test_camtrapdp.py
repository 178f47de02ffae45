"""Camtrap DP: what the standard requires, and what is withheld.

REQUIRED and the enumerations are those of Camtrap DP 1.0.2, from https://camtrap-dp.tdwg.org/data and /metadata.
"""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.helpers.marked import save_marked
from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.exports import camtrapdp, without_positions
from wildtrack.access.readers.table import read_table, write_table
from wildtrack.access.sources import load
from wildtrack.errors import UserError

FIELDS = {
    "deployments": "deploymentID locationID locationName latitude longitude coordinateUncertainty deploymentStart "
    "deploymentEnd setupBy cameraID cameraModel cameraDelay cameraHeight cameraDepth cameraTilt cameraHeading "
    "detectionDistance timestampIssues baitUse featureType habitat deploymentGroups deploymentTags deploymentComments",
    "media": "mediaID deploymentID captureMethod timestamp filePath filePublic fileName fileMediatype exifData "
    "favorite mediaComments",
    "observations": "observationID deploymentID mediaID eventID eventStart eventEnd observationLevel observationType "
    "cameraSetupType scientificName count lifeStage sex behavior individualID individualPositionRadius "
    "individualPositionAngle individualSpeed bboxX bboxY bboxWidth bboxHeight classificationMethod classifiedBy "
    "classificationTimestamp classificationProbability observationTags observationComments",
}
REQUIRED = {
    "deployments": ["deploymentID", "latitude", "longitude", "deploymentStart", "deploymentEnd"],
    "media": ["mediaID", "deploymentID", "timestamp", "filePath", "filePublic", "fileMediatype"],
    "observations": ["observationID", "deploymentID", "eventStart", "eventEnd", "observationLevel", "observationType"],
}
PACKAGE = ["resources", "profile", "created", "contributors", "project", "spatial", "temporal", "taxonomic"]
PROJECT = ["title", "samplingDesign", "captureMethod", "individualAnimals", "observationLevel"]


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Two animals on one turned photo, one with a day only, one without a date, one with an odd path."""
    root = tmp_path / "größe 1"
    for name in ("a b/1.JPG", "2.jpg", "3.jpg", ".hidden/4.jpg"):
        save_marked(root / name, orientation=6)
    rows = pd.DataFrame(
        {
            "image_id": ["1a", "1b", "2", "3", "4"],
            "identity": ["Ana", "unknown", "Blå, the second", "Blå, the second", "Ana"],
            "path": ["a b/1.JPG", "a b/1.JPG", "2.jpg", "3.jpg", ".hidden/4.jpg"],
            "bbox": [(15.0, 40.0, 90.0, 20.0), None, (500.0, 500.0, 5.0, 5.0), None, None],
            "date": ["2024-05-31T17:45:00.5", "2024-05-31T17:45:00.5", "2024-06-02", None, "2024-06-03"],
            "orientation": ["left", None, "right", None, None],
            "species": ["Panthera leo"] * 5,
            "latitude": [-24.5, -24.5, -24.7, None, None],
            "longitude": [31.5, 31.5, 31.6, None, None],
        }
    )
    write_table(rows, root / "catalogue.csv")
    return read_table(root / "catalogue.csv")


def written(catalogue: Catalogue, folder: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(folder / f"{name}.csv", dtype="str", keep_default_na=False) for name in FIELDS}


def check_tables(tables: dict[str, pd.DataFrame], *withheld: str) -> None:
    for name, table in tables.items():
        assert len(table)
        fields = FIELDS[name].split()
        assert [field for field in fields if field in table] == table.columns.tolist()  # known fields, in their order
        for field in REQUIRED[name]:
            assert (table[field] != "").all() != (field in withheld), field
    assert tables["deployments"]["deploymentID"].is_unique and tables["media"]["mediaID"].is_unique
    assert tables["observations"]["observationID"].is_unique
    assert set(tables["media"]["deploymentID"]) == set(tables["deployments"]["deploymentID"])
    assert set(tables["observations"]["mediaID"]) == set(tables["media"]["mediaID"])
    for name, field in (("deployments", "deploymentStart"), ("media", "timestamp"), ("observations", "eventEnd")):
        for cell in tables[name][field]:
            assert datetime.strptime(cell, "%Y-%m-%dT%H:%M:%S%z").tzinfo is not None
    assert tables["media"]["filePath"].str.fullmatch(r"^(?=^[^./~])(^((?!\.{2}).)*$).*$").all()
    assert tables["media"]["fileMediatype"].str.fullmatch(r"(image|video|audio)/.*").all()
    assert set(tables["observations"]["observationType"]) == {"animal"}
    assert set(tables["observations"]["observationLevel"]) == {"media"}


def test_with_positions_it_is_what_the_standard_requires(catalogue: Catalogue, tmp_path: Path) -> None:
    said, problems = camtrapdp.write(catalogue, tmp_path / "dp", load("gzgc").card)
    tables = written(catalogue, tmp_path / "dp")
    check_tables(tables)
    assert "--positions" not in said and "samplingDesign" in said
    assert tables["deployments"]["latitude"].tolist() == ["-24.5", "-24.7"]
    assert set(tables["deployments"]["timestampIssues"]) == {"true"}
    assert problems.to_numpy().tolist() == [
        ["3.jpg", "no date, which Camtrap DP requires"],
        [".hidden/4.jpg", "Camtrap DP refuses such a path"],
        ["2.jpg", "written without a box: its box misses it"],
    ]
    rows = tables["observations"]
    assert rows["individualID"].tolist() == ["Ana", "", "Blå, the second"]
    assert rows[["bboxX", "bboxY", "bboxWidth", "bboxHeight"]].to_numpy().tolist() == [
        ["0.25", "0.5", "0.75", "0.25"],
        [""] * 4,
        [""] * 4,  # the box misses the photo
    ]
    assert rows["eventStart"].tolist() == ["2024-05-31T17:45:00Z"] * 2 + ["2024-06-02T00:00:00Z"]
    assert rows["eventEnd"].tolist() == ["2024-05-31T17:45:00Z"] * 2 + ["2024-06-02T23:59:59Z"]
    assert rows["observationTags"].tolist() == ["orientation:left", "", "orientation:right"]
    about = json.loads((tmp_path / "dp/datapackage.json").read_text(encoding="utf-8"))
    assert about["spatial"] == {"type": "MultiPoint", "coordinates": [[31.5, -24.5], [31.6, -24.7]]}
    assert about["taxonomic"] == [{"scientificName": "Panthera leo"}]
    assert "CDLA-Permissive-1.0" in about["description"]


def test_without_positions_no_file_holds_any(catalogue: Catalogue, tmp_path: Path) -> None:
    public = Catalogue(catalogue.root, without_positions(catalogue.table), catalogue.problems, "")
    said, _ = camtrapdp.write(public, tmp_path / "dp", None)
    check_tables(written(public, tmp_path / "dp"), "latitude", "longitude")
    assert "positions, which the standard requires, are missing" in said
    assert len(pd.read_csv(tmp_path / "dp/deployments.csv")) == 2
    for path in (tmp_path / "dp").iterdir():
        assert not re.search(r"24\.[57]|31\.[56]", path.read_text(encoding="utf-8")), path


CAMERAS = ["north/1.jpg", "north/2.jpg", "south/1.jpg"]
ANIMALS = ["Ana/1.jpg", "Ana/2.jpg", "Zoe\u0301/day 1/1.jpg"]
CROPS = ["north_1.jpg", "north_2.jpg", "south_1.jpg"]
ONE_PLACE, TWO_PLACES = [(1.0, 2.0)] * 3, [(1.0, 2.0), (1.0, 2.5), (1.0, 2.0)]
NAMED = "the folders are called after animals and name no cameras"


@pytest.mark.parametrize(
    ("paths", "identities", "more", "positions", "expected", "said"),
    [
        (CAMERAS, ["unknown"] * 3, {}, None, [1, 1, 2], "2 deployments, one for each folder of photos (join"),
        (CAMERAS, ["Ana", "Zoé", "Ana"], {}, ONE_PLACE, [1, 1, 2], "2 deployments, one for each folder of photos and"),
        (CAMERAS, ["unknown"] * 3, {}, TWO_PLACES, [1, 2, 3], "3 deployments, one for each folder of photos and pos"),
        (CROPS, ["unknown"] * 3, {"photo_id": CAMERAS}, None, [1, 1, 2], "2 deployments, one for each folder"),
        (CROPS, ["Ana"] * 3, {"photo_id": ["11", "12", "13"]}, None, [1, 1, 1], "1 deployment, one for each folder"),
        (ANIMALS, ["Ana", "Ana", "Zoé"], {}, None, [1, 1, 1], f"1 deployment for all photos: {NAMED}"),
        (ANIMALS, ["unknown", "unknown", "Zoé"], {}, None, [1, 1, 1], f"1 deployment for all photos: {NAMED}"),
        (ANIMALS, ["Ana", "Ana", "Zoé"], {}, TWO_PLACES, [1, 2, 1], f"2 deployments, one for each position: {NAMED}"),
        (CROPS, ["A"] * 3, {"photo_id": ["A/1.jpg", "A/2.jpg", "B/3.jpg"]}, None, [1, 1, 1], "1 deployment for all"),
    ],
)
def test_deployments_are_folders_or_positions(
    tmp_path: Path, paths: list[str], identities: list[str], more: Any, positions: Any, expected: list[int], said: str
) -> None:
    for path in paths:
        save_marked(tmp_path / "photos" / path)
    rows = {"image_id": ["1", "2", "3"], "identity": identities, "path": paths, "date": ["2024-05-31"] * 3} | more
    if positions is not None:
        rows |= dict(zip(("latitude", "longitude"), map(list, zip(*positions, strict=True)), strict=True))
    catalogue = Catalogue(tmp_path / "photos", pd.DataFrame(rows), problem_table([]), "")
    message, _ = camtrapdp.write(catalogue, tmp_path / "dp", None)
    tables = written(catalogue, tmp_path / "dp")
    check_tables(tables, *(() if positions else ("latitude", "longitude")))
    names = [f"photos 2024-05-31T00:00:00Z deployment-{number}" for number in expected]
    assert tables["media"]["deploymentID"].tolist() == names
    assert f"; {said}" in message and "the camera's local time, written as if they were UTC (Z)" in message
    about = json.loads((tmp_path / "dp/datapackage.json").read_text(encoding="utf-8"))
    assert f"Deployments: {said}" in about["description"]
    first = tables["deployments"]["deploymentComments"][0]
    assert first in ([""] if "called after" in message else ["photos of the folder north", "photos of the folder ."])


@pytest.mark.parametrize("placed", [True, False])
def test_the_package(catalogue: Catalogue, tmp_path: Path, placed: bool) -> None:
    table = catalogue.table.iloc[:3] if placed else without_positions(catalogue.table)
    camtrapdp.write(Catalogue(catalogue.root, table, catalogue.problems, ""), tmp_path / "dp", None)
    about = json.loads((tmp_path / "dp/datapackage.json").read_text(encoding="utf-8"))
    assert all(about[name] for name in PACKAGE) and all(about["project"][name] for name in PROJECT)
    assert about["project"]["individualAnimals"] is True
    assert about["temporal"] == {"start": "2024-05-31", "end": "2024-06-02"}
    base = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
    assert about["profile"] == f"{base}/camtrap-dp-profile.json"
    for resource in about["resources"]:
        assert (tmp_path / "dp" / resource["path"]).is_file() and resource["profile"] == "tabular-data-resource"
        assert resource["schema"] == f"{base}/{resource['name']}-table-schema.json"
    assert [resource["name"] for resource in about["resources"]] == ["deployments", "media", "observations"]
    assert (about["spatial"].get("geometry", "somewhere") is None) != placed
    assert ("Positions are withheld" in about["description"]) != placed


@pytest.mark.parametrize(
    ("rows", "without", "message"),
    [
        (slice(None), "date", "none of the 5 rows has a date, which Camtrap DP requires; give catalogue.csv"),
        (slice(3, 4), None, "none of the 1 rows has a date"),
        (slice(4, 5), None, r"none of the 1 rows can be written; the first: \.hidden/4\.jpg: Camtrap DP refuses such"),
    ],
)
def test_a_catalogue_without_usable_rows_is_refused(
    catalogue: Catalogue, tmp_path: Path, rows: slice, without: str | None, message: str
) -> None:
    table = catalogue.table.iloc[rows].drop(columns=[without] if without else [])
    given = Catalogue(catalogue.root, table, catalogue.problems, "")
    for refuse in (lambda: camtrapdp.check(given, None), lambda: camtrapdp.write(given, tmp_path / "dp", None)):
        with pytest.raises(UserError, match=f"--export camtrapdp: {message}"):
            refuse()
    assert not (tmp_path / "dp").exists()


def test_a_box_of_an_unreadable_photo_is_reported(catalogue: Catalogue, tmp_path: Path) -> None:
    (catalogue.root / "a b/1.JPG").write_bytes(b"no photo")
    _, problems = camtrapdp.write(catalogue, tmp_path / "dp", None)
    lost = problems["path"][problems["reason"].str.startswith("written without a box")]
    assert lost.tolist() == ["a b/1.JPG", "2.jpg"]  # the other row of the first has none to lose
    assert (written(catalogue, tmp_path / "dp")["observations"]["bboxX"] == "").all()


def test_records_of_two_seasons_do_not_collide(tmp_path: Path) -> None:
    """Cameras, file names and numbers start anew in each season."""
    seasons = []
    for year in ("2023", "2024"):
        for path in CAMERAS:
            save_marked(tmp_path / year / "photos" / path)
        rows = {"image_id": ["1", "2", "3"], "identity": "unknown", "path": CAMERAS, "date": f"{year}-05-31"}
        catalogue = Catalogue(tmp_path / year / "photos", pd.DataFrame(rows), problem_table([]), "")
        camtrapdp.write(catalogue, tmp_path / f"dp{year}", None)
        seasons.append(written(catalogue, tmp_path / f"dp{year}"))
    for name, key in (("deployments", "deploymentID"), ("media", "mediaID"), ("observations", "observationID")):
        assert pd.concat([tables[name] for tables in seasons])[key].is_unique
