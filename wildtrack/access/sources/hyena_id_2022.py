"""Hyena ID 2022: spotted hyenas of Botswana."""

from wildtrack.access.sources.source import wildme

SOURCE = wildme("hyena_id_2022", "hyena", 2022)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
