"""SeaTurtleID2022: loggerhead turtles of Zakynthos, whole photos with boxes and splits by time."""

from wildtrack.access.sources.source import Source

SOURCE = Source(
    "seaturtleid2022",
    archive="seaturtleid2022.zip",
    url="https://www.kaggle.com/datasets/wildlifedatasets/seaturtleid2022",
    expects=("turtles-data/data/metadata_splits.csv", "data/metadata_splits.csv", "metadata_splits.csv"),
    kaggle="wildlifedatasets/seaturtleid2022",
)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
