"""Great Zebra & Giraffe Count and ID: plains zebras and Masai giraffes of Nairobi, 2015."""

from wildtrack.access.sources.source import LILA, Source

SOURCE = Source("gzgc", archive="gzgc.coco.tar.gz", url=f"{LILA}/wild-me/gzgc.coco.tar.gz")

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
