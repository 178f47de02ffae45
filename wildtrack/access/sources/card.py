"""What to know about a public dataset before using it, as its YAML file says."""

import msgspec


class Species(msgspec.Struct, frozen=True):
    """An animal, and the IUCN Red List status of the species as a whole."""

    name: str
    scientific: str
    status: str


class Reference(msgspec.Struct, frozen=True):
    """A publication to cite."""

    title: str
    url: str
    bibtex: str


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset's card."""

    slug: str  # the name that `access_dataset.py` and `load` take
    title: str
    about: str  # one or two sentences
    species: tuple[Species, ...]
    photos: int
    identities: int
    counted: str  # where these two figures come from
    licence: str
    licence_url: str
    size: str  # of the download, in words
    homepage: str
    paper: Reference  # what to cite
    research: tuple[Reference, ...]  # later work on it
    notes: tuple[str, ...]  # how to use it, and what is unusual about it
