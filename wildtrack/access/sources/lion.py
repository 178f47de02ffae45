"""Lion: faces, ears, whiskers and bodies of lions, a folder per individual."""

from wildtrack.access.sources.nyala import ARCHIVE, FOLDER, URL, without_split_with_viewpoint
from wildtrack.access.sources.source import Source

SOURCE = Source(
    "lion",
    archive=ARCHIVE,
    url=URL,
    expects=("train/*/*_*.png", "val/*/*_*.png", "*/*_*.png"),
    inside=f"{FOLDER}/Lion_Data_Zero",
    adjust=without_split_with_viewpoint,
)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
