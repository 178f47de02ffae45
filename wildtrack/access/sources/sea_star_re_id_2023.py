"""Sea Star Re-ID 2023: sea stars of two species, a folder per individual whose name begins with its species."""

import pandas as pd

from wildtrack.access.sources.source import LILA, Source

_SPECIES = {"Anau": "Anthenea australiae", "Asru": "Asterias rubens"}


def _with_species(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(species=table["identity"].str[:4].map(_SPECIES).astype("str"))


SOURCE = Source(
    "sea_star_re_id_2023",
    archive="sea-star-re-id.zip",
    url=f"{LILA}/sea-star-re-id/sea-star-re-id.zip",
    expects=tuple(f"{letters}*/*" for letters in _SPECIES),
    inside="sea-star-re-id",
    adjust=_with_species,
)

download_and_extract = SOURCE.download_and_extract
systematize_dataset_metadata = SOURCE.systematize_dataset_metadata
