"""Leopard ID 2022: leopards of Botswana."""

from wildtrack.access.sources.source import LILA, Source

SOURCE = Source("leopard_id_2022", archive="leopard.coco.tar.gz", url=f"{LILA}/wild-me/leopard.coco.tar.gz")

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
