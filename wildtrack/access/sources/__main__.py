"""Write the pages of docs/datasets from the cards: python -m wildtrack.access.sources, in the project's folder."""

from pathlib import Path

from wildtrack.access.sources import cards
from wildtrack.access.sources.pages import index, page
from wildtrack.storage.files import write_text

if __name__ == "__main__":
    pages = {f"{card.slug}.md": page(card) for card in cards()} | {"README.md": index(cards())}
    for name, text in pages.items():
        write_text(Path("docs/datasets") / name, text)
