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
    """A dataset's card.

    Attributes:
        slug: the name that `access_dataset.py` and `load` take.
        title: as its publishers write it.
        about: one or two sentences.
        species: the animals in the photos.
        photos: how many.
        identities: how many individuals.
        counted: where these two figures come from.
        licence: its name.
        licence_url: where it can be read.
        size: of the download, in words.
        homepage: of its publishers.
        paper: what to cite.
        research: later work on it.
        notes: how to use it, and what is unusual about it.
    """

    slug: str
    title: str
    about: str
    species: tuple[Species, ...]
    photos: int
    identities: int
    counted: str
    licence: str
    licence_url: str
    size: str
    homepage: str
    paper: Reference
    research: tuple[Reference, ...]
    notes: tuple[str, ...]
