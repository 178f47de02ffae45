"""SeaTurtleIDHeads: cropped heads of the loggerhead turtles of Zakynthos."""

from wildtrack.access.sources.source import Source

SOURCE = Source(
    "seaturtleidheads",
    archive="seaturtleidheads.zip",
    url="https://www.kaggle.com/datasets/wildlifedatasets/seaturtleidheads",
    expects=("annotations.json",),
    kaggle="wildlifedatasets/seaturtleidheads",
)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
