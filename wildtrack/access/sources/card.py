"""What to know about a public dataset before using it, as its YAML file says, and the same as Markdown."""

import msgspec

_STATUS_NOTE = "Red List: of the species as a whole; look it up at https://www.iucnredlist.org before you cite it."


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


def body(card: Card) -> str:
    """The text of the card, in Markdown."""
    species = [f"| {entry.name} | *{entry.scientific}* | {entry.status} |" for entry in card.species]
    blocks = [
        f"# {card.title}\n\n{card.about.strip()}",
        f"```\npython access_dataset.py {card.slug}\n```",
        "\n".join(["| species | scientific name | Red List |", "|---|---|---|", *species]),
        _STATUS_NOTE,
        f"{card.photos:,} photos of {card.identities:,} individuals: {card.counted}. Download: {card.size}.\n"
        f"Licence: [{card.licence}]({card.licence_url}). Home: {card.homepage}",
        "\n".join(["## Notes\n", *(f"- {note}" for note in card.notes)]),
        f"## Cite\n\n{_reference(card.paper)}",
        *("## Later research", *map(_reference, card.research)),
    ]
    return "\n\n".join(blocks) + "\n"


def _reference(reference: Reference) -> str:
    return f"[{reference.title}]({reference.url})\n\n```bibtex\n{reference.bibtex.strip()}\n```"
