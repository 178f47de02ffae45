"""Great Zebra & Giraffe Count and ID: plains zebras and Masai giraffes of Nairobi, 2015."""

from wildtrack.access.sources.source import wildme

SOURCE = wildme("gzgc", "gzgc", 2020)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
