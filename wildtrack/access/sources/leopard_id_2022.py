"""Leopard ID 2022: leopards of Botswana."""

from wildtrack.access.sources.source import wildme

SOURCE = wildme("leopard_id_2022", "leopard", 2022)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
