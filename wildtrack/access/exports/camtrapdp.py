"""A catalogue as a Camera Trap Data Package (Camtrap DP 1.0.2, https://camtrap-dp.tdwg.org): tables, no photos.

Where a catalogue lacks what the standard requires, the package says so. Each folder of photos counts as a camera, at
each known position; where folders are named after animals, only positions separate deployments. Ids hold beyond the
package: they say when, so that the same cameras, names and numbers of another season are other records.
"""

import json
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from posixpath import dirname
from typing import Any

import pandas as pd

from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.dates import span
from wildtrack.access.exports import relative_boxes
from wildtrack.access.sources.card import Card
from wildtrack.console import counted
from wildtrack.errors import UserError
from wildtrack.storage.files import new_folder, write_csv

STANDARD = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
TABLES = ("deployments", "media", "observations")
_METHOD = {"samplingDesign": "opportunistic", "captureMethod": ["activityDetection"]}  # placeholders
_PROJECT = _METHOD | {"individualAnimals": True, "observationLevel": ["media"]}
_FILE_PATH = re.compile(r"^(?=^[^./~])(^((?!\.{2}).)*$).*$")  # the standard's own pattern for media.filePath
_MEDIA_TYPES = {".png": "image/png", ".webp": "image/webp", ".heic": "image/heic", ".heif": "image/heif"}
_BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
_CAVEAT = (
    "Exported by WildTrack. Times whose zone is not known are the camera's local time, written as if they were UTC. "
    "samplingDesign, captureMethod and contributors are placeholders: fill them in before you publish. media.filePath "
    "is relative to the folder of the photos, which are not part of this package."
)
_NO_POSITIONS = " Positions are withheld or not known, where latitude is empty; the standard requires them."


def check(catalogue: Catalogue, card: Card | None) -> None:  # noqa: ARG001
    """Refuse a catalogue without any row that the standard can hold; see `exports.check_export`."""
    _dated(catalogue.table)


def write(catalogue: Catalogue, folder: Path, card: Card | None) -> tuple[str, pd.DataFrame]:
    """Write datapackage.json, deployments.csv, media.csv and observations.csv; see `exports.export`."""
    table, problems = _with_facts(catalogue)
    tables = {"deployments": _deployments(table), "media": _media(table), "observations": _observations(table)}
    title = card.title if card is not None else catalogue.root.resolve().name
    origin = _origin(table)
    placed = bool(tables["deployments"]["latitude"].notna().all())
    with new_folder(folder) as part:
        for name, rows in tables.items():
            write_csv(part / f"{name}.csv", rows)
        content = json.dumps(_package(table, title, card, placed, origin), indent=2, ensure_ascii=False)
        (part / "datapackage.json").write_text(f"{content}\n", encoding="utf-8", newline="\n")
    missing = "" if placed else "; positions, which the standard requires, are missing (--positions writes known ones)"
    return (
        f"{folder}; {origin}; times without a zone are the camera's local time, written as if they were UTC (Z), with "
        f"timestampIssues true; fill in contributors, samplingDesign and captureMethod in datapackage.json{missing}"
    ), problem_table(problems)


def _deployments(table: pd.DataFrame) -> pd.DataFrame:
    groups = table.groupby("deploymentID", sort=True)
    rows = groups[["latitude", "longitude"]].first()
    rows["deploymentStart"], rows["deploymentEnd"] = groups["start"].min(), groups["end"].max()
    comments = "photos of the folder " + groups["folder"].first().replace("", ".")
    return rows.assign(timestampIssues="true", deploymentComments=comments).reset_index()


def _media(table: pd.DataFrame) -> pd.DataFrame:
    photos = table.drop_duplicates("path")
    paths = photos["path"]
    kinds = paths.str.lower().str.extract(r"(\.[^./]+)$")[0].map(_MEDIA_TYPES).fillna("image/jpeg")
    columns = {
        "mediaID": photos["mediaID"],
        "deploymentID": photos["deploymentID"],
        "timestamp": photos["start"],
        "filePath": paths,
        "filePublic": "false",
        "fileName": paths.str.rsplit("/", n=1).str[-1],
        "fileMediatype": kinds,
    }
    return pd.DataFrame(columns)


def _observations(table: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "observationID": table["observationID"],
        "deploymentID": table["deploymentID"],
        "mediaID": table["mediaID"],
        "eventStart": table["start"],
        "eventEnd": table["end"],
        "observationLevel": "media",
        "observationType": "animal",
        "scientificName": table.get("species"),
        "count": 1,
        "individualID": table["identity"].where(table["identity"] != UNKNOWN),
        **{column: table[column] for column in _BOX},
        "observationTags": "orientation:" + table["orientation"] if "orientation" in table else None,
    }
    return pd.DataFrame(columns)


def _origin(table: pd.DataFrame) -> str:
    """A sentence on what the deployments are made from, so that the owner sees a mistake."""
    number = counted(table["deploymentID"].nunique(), "deployment", "deployments")
    positions = " and position" if table["latitude"].notna().any() else ""
    if table["folder"].notna().any():
        return f"{number}, one for each folder of photos{positions} (join those of one camera in the three tables)"
    named = "the folders are called after animals and name no cameras"
    return f"{number}, one for each position: {named}" if positions else f"{number} for all photos: {named}"


def _package(table: pd.DataFrame, title: str, card: Card | None, placed: bool, origin: str) -> dict[str, Any]:
    """The content of datapackage.json."""
    species = sorted(table["species"].dropna().unique()) if "species" in table else []
    positions = table[["longitude", "latitude"]].dropna().drop_duplicates().to_numpy().tolist()
    nowhere: dict[str, Any] = {"type": "Feature", "geometry": None, "properties": {}}  # as GeoJSON says it
    owner = {"title": "to be filled in", "role": "contact"}
    licence = f" Licence of the photos: {card.licence}, {card.licence_url}" if card is not None else ""
    return {
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": f"{STANDARD}/{name}-table-schema.json",
            }
            for name in TABLES
        ],
        "profile": f"{STANDARD}/camtrap-dp-profile.json",
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "title": title,
        "description": f"{_CAVEAT} Deployments: {origin}." + ("" if placed else _NO_POSITIONS) + licence,
        "contributors": [owner] if card is None else [owner, {"title": card.title, "path": card.homepage}],
        "project": {"title": title, **_PROJECT},
        "spatial": {"type": "MultiPoint", "coordinates": positions} if positions else nowhere,
        "temporal": {"start": table["start"].min()[:10], "end": table["end"].max()[:10]},
        "taxonomic": [{"scientificName": name} for name in species],
    }


def _with_facts(catalogue: Catalogue) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The rows that the standard can hold, with times, deployment and relative box; (path, reason) of the others."""
    table, problems = _dated(catalogue.table)
    dates = table["date"]
    if not {"latitude", "longitude"} <= set(table.columns):
        table = table.assign(latitude=None, longitude=None)
    table = table.assign(folder=_camera_folders(table))
    placed, without = relative_boxes(table, catalogue.root)
    edges = pd.DataFrame([box or (None,) * 4 for box in placed], columns=list(_BOX), index=table.index)
    table["start"] = dates.map(lambda text: _seconds(span(text)[0]))
    table["end"] = dates.map(lambda text: _seconds(span(text)[1]))
    sites = table.groupby(["folder", "latitude", "longitude"], dropna=False, sort=False)
    season = f"{catalogue.root.resolve().name} " + sites["start"].transform("min")  # names start anew in each season
    facts = {
        "deploymentID": season + " deployment-" + (sites.ngroup() + 1).astype(str),
        "mediaID": table["path"] + " " + table["start"],
        "observationID": table["image_id"].astype(str) + " " + table["start"],
    }
    return table.assign(**facts).join(edges), problems + without


def _camera_folders(table: pd.DataFrame) -> "pd.Series[str]":
    """The folder of each row's photo; all missing where folders are named after the animals in them."""
    photos = table["path"]
    if "photo_id" in table:  # all crops are in one folder, and their photo_id is the path that the photo had
        photos = table["photo_id"].where(table["photo_id"].str.contains("/", na=False), photos)
    folders = photos.map(dirname)
    of_animals = (
        identity != UNKNOWN and identity in unicodedata.normalize("NFC", folder).split("/")
        for identity, folder in zip(table["identity"], folders, strict=True)
    )
    return pd.Series(None if any(of_animals) else folders, index=table.index, dtype="str")


def _dated(table: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The rows with a date and a path as the standard wants them, and why the others are left out."""
    needs = "Camtrap DP requires"
    dates = table["date"] if "date" in table else pd.Series(None, index=table.index, dtype="str")
    if dates.isna().all():
        advice = "give catalogue.csv a column date (2024-05-31T17:45), or leave camtrapdp out"
        raise UserError(f"--export camtrapdp: none of the {len(table)} rows has a date, which {needs}; {advice}")
    fits = table["path"].map(lambda path: _FILE_PATH.match(path) is not None)
    problems = [(path, f"no date, which {needs}") for path in table.loc[dates.isna(), "path"]]
    problems += [(path, "Camtrap DP refuses such a path") for path in table.loc[dates.notna() & ~fits, "path"]]
    kept = table[dates.notna() & fits]
    if kept.empty:
        first = ": ".join(problems[0])
        raise UserError(f"--export camtrapdp: none of the {len(table)} rows can be written; the first: {first}")
    return kept, problems


def _seconds(moment: datetime) -> str:
    """ISO 8601 to the second, with a zone, as the standard requires: UTC where none is known."""
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
