"""What a person should know of a dataset before using it: its card, a YAML file beside the source.

What the cards cite stands once in references.yaml, by its BibTeX key.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Species:
    """An animal, and how the IUCN Red List judges the species as a whole."""

    name: str
    scientific: str
    status: str


@dataclass(frozen=True)
class Reference:
    """Something to cite."""

    title: str
    url: str
    bibtex: str


@dataclass(frozen=True)
class Card:
    """A dataset's card.

    Attributes:
        slug: the name that `access_dataset.py` and `load` take.
        title: as its publishers write it.
        about: one or two sentences.
        species: who is on the photos.
        photos: how many.
        identities: how many individuals.
        counted: whose figures these two are.
        licence: its name.
        licence_url: where it stands.
        size: of the download, in words.
        homepage: of its publishers.
        paper: what to cite.
        research: later work on it.
        notes: how to use it, and what is odd about it.
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


def load_card(slug: str) -> Card:
    """Read the card of a source."""
    fields, references = _read_yaml(slug), _read_yaml("references")
    fields |= {
        "species": tuple(Species(**entry) for entry in fields["species"]),
        "paper": Reference(**references[fields["paper"]]),
        "research": tuple(Reference(**references[key]) for key in fields["research"]),
        "notes": tuple(fields["notes"]),
    }
    return Card(**fields)


def _read_yaml(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((files(__package__) / f"{name}.yaml").read_text(encoding="utf-8"))
    return content
