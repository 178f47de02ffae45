"""Hyena ID 2022: spotted hyenas of Botswana."""

from wildtrack.access.sources.source import LILA, Source

SOURCE = Source("hyena_id_2022", archive="hyena.coco.tar.gz", url=f"{LILA}/wild-me/hyena.coco.tar.gz")

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
