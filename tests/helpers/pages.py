"""The documentation as the tests read it: fenced blocks of Markdown pages."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES += sorted({*(ROOT / "docs").rglob("*.md")} - {*(ROOT / "docs/notebooks").glob("*.md")})  # those are made
_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ("" for none), the file it is titled with, and its text."""

    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for _, info, text in _FENCE.findall(page.read_text("utf-8")):
        title = _TITLE.search(info)
        found.append(Block(info.split(" ")[0], title[1] if title else "", text))
    return found
