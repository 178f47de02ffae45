"""Cards as pages of the user's guide: docs/datasets/SLUG.md, and the table in docs/datasets/README.md."""

from collections.abc import Iterable

from wildtrack.access.sources.card import Card, Reference

_NOTICE = "<!-- Made from wildtrack/access/sources/{}: change it there, then: python -m wildtrack.access.sources -->"
_COUNTS_NOTE = (
    "Each page says where its figures come from. A catalogue may differ: it leaves out photos that are not there, and\n"
    "has one row per animal. `access_dataset.py` reads the labels and prints its own count; it does not check the\n"
    "photos. `assess_dataset.py` reads each of them, and lists those that cannot be read."
)
_COMMANDS = """```
python access_dataset.py
python access_dataset.py nyala
```

The first line lists the datasets. The second downloads one to `~/.cache/wildtrack` (`WILDTRACK_CACHE` or `--cache`
choose another place), writes `catalogue.csv` beside its photos and prints the command that trains on it. Without a
network it names the file to download elsewhere, and where to put it; `--root my_copy` takes a copy that is on disk.
Run again, it brings `catalogue.csv` up to date, unless you have changed that file."""
_STATUS_NOTE = "Red List: of the species as a whole; look it up at https://www.iucnredlist.org before you cite it."


def page(card: Card) -> str:
    """The page of one dataset in the guide, in Markdown."""
    return f"{_NOTICE.format(f'{card.slug}.yaml')}\n\n{body(card)}"


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


def index(cards: Iterable[Card]) -> str:
    """The page that lists all datasets."""
    rows = [
        f"| [{card.slug}]({card.slug}.md) | {', '.join(entry.name for entry in card.species)} | {card.photos:,} | "
        f"{card.identities:,} | {card.licence} | {card.size} |"
        for card in cards
    ]
    head = ["| dataset | species | photos | individuals | licence | download |", "|---|---|---|---|---|---|"]
    blocks = [_NOTICE.format("*.yaml"), "# Public datasets", _COMMANDS, "\n".join([*head, *rows]), _COUNTS_NOTE]
    return "\n\n".join(blocks) + "\n"


def _reference(reference: Reference) -> str:
    return f"[{reference.title}]({reference.url})\n\n```bibtex\n{reference.bibtex.strip()}\n```"
