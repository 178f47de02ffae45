"""Beluga ID 2022: belugas of Cook Inlet from above."""

from wildtrack.access.sources.source import wildme

SOURCE = wildme("beluga_id_2022", "beluga", 2022)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
