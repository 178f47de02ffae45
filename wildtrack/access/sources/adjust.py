"""What the layout of a public dataset does not say, read from its names; a card refers to a function here by name."""

import re

import pandas as pd


def viewpoint_without_split(table: pd.DataFrame) -> pd.DataFrame:
    """Nyala and lion: the viewpoint from the file name; no split, since its subsets share no animal."""
    orientation = table["path"].str.rsplit("/", n=1).str[-1].str.extract("_(left|right)", flags=re.I, expand=False)
    return table.drop(columns="split", errors="ignore").assign(orientation=orientation.str.lower())


def sea_star_species(table: pd.DataFrame) -> pd.DataFrame:
    """Sea stars: the species from the first four letters of the identity."""
    species = {"Anau": "Anthenea australiae", "Asru": "Asterias rubens"}
    return table.assign(species=table["identity"].str[:4].map(species).astype("str"))
