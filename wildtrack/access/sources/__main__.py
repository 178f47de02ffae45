"""Write the pages of docs/datasets from the cards: python -m wildtrack.access.sources, in the project's folder."""

from pathlib import Path

from wildtrack.access.sources import cards
from wildtrack.access.sources.pages import index, page
from wildtrack.storage.files import write_text

FOLDER = Path("docs/datasets")

if __name__ == "__main__":
    for card in cards():
        write_text(FOLDER / f"{card.slug}.md", page(card))
    write_text(FOLDER / "README.md", index(cards()))
