"""Beluga ID 2022: belugas of Cook Inlet from above."""

from wildtrack.access.sources.source import LILA, Source

SOURCE = Source("beluga_id_2022", archive="beluga.coco.tar.gz", url=f"{LILA}/wild-me/beluga.coco.tar.gz")

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
