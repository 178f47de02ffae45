"""Write docs/datasets anew from the cards: python -m tools.dataset_pages, in the project's folder."""

from collections.abc import Iterable
from pathlib import Path

from wildtrack.access.sources import cards
from wildtrack.access.sources.card import Card, body
from wildtrack.storage.files import write_text

NOTICE = "<!-- Made from wildtrack/access/sources/{}: change it there, then: python -m tools.dataset_pages -->"
COUNTS = (
    "Each page says where its figures come from. A catalogue may differ: it leaves out photos that are not there, and\n"
    "has one row per animal. `access_dataset.py` reads the labels and prints its own count; it does not check the\n"
    "photos. `assess_dataset.py` reads each of them, and lists those that cannot be read."
)
COMMANDS = """```
python access_dataset.py
python access_dataset.py nyala
```

The first line lists the datasets. The second downloads one to `~/.cache/wildtrack` (`WILDTRACK_CACHE` or `--cache`
choose another place), writes `catalogue.csv` next to its photos and prints the command that trains on it. Without a
network it names the file to download elsewhere, and where to put it; `--root my_copy` takes a copy that is on disk.
Run again, it brings `catalogue.csv` up to date, unless you have changed that file."""


def pages() -> dict[str, str]:
    """File name -> text of each page: one for each dataset, and a table of all."""
    return {f"{card.slug}.md": page(card) for card in cards()} | {"README.md": index(cards())}


def page(card: Card) -> str:
    """The page of one dataset in the guide, in Markdown."""
    return f"{NOTICE.format(f'{card.slug}.yaml')}\n\n{body(card)}"


def index(cards: Iterable[Card]) -> str:
    """The page that lists all datasets."""
    rows = [
        f"| [{card.slug}]({card.slug}.md) | {', '.join(entry.name for entry in card.species)} | {card.photos:,} | "
        f"{card.identities:,} | {card.licence} | {card.size} |"
        for card in cards
    ]
    head = ["| dataset | species | photos | individuals | licence | download |", "|---|---|---|---|---|---|"]
    blocks = [NOTICE.format("*.yaml"), "# Public datasets", COMMANDS, "\n".join([*head, *rows]), COUNTS]
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        write_text(Path("docs/datasets") / name, text)
