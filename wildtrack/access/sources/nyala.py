"""Nyala: camera trap photos of nyalas, both sides, a folder per individual."""

import re

import pandas as pd

from wildtrack.access.sources.source import Source

# Nyala and lion lie in one repository, so that one download serves both.
ARCHIVE = "wildlife_reidentification-main.zip"
URL = "https://github.com/tvanzyl/wildlife_reidentification/archive/refs/heads/main.zip"
FOLDER = "wildlife_reidentification-main"


def without_split_with_viewpoint(table: pd.DataFrame) -> pd.DataFrame:
    """Drop the split, whose subsets share no animal, so no query has an answer; read the viewpoint in the name."""
    orientation = table["path"].str.rsplit("/", n=1).str[-1].str.extract("_(left|right)", flags=re.I, expand=False)
    return table.drop(columns="split", errors="ignore").assign(orientation=orientation.str.lower())


SOURCE = Source(
    "nyala",
    archive=ARCHIVE,
    url=URL,
    expects=("train/*/*photo.*", "test/*/*photo.*", "*/*photo.*"),
    inside=f"{FOLDER}/Nyala_Data_Zero",
    adjust=without_split_with_viewpoint,
)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
