"""Which files beside the user's photos WildTrack wrote: only those are ever overwritten.

A hidden file lists them with their SHA-256, so that a file the user has changed since counts as the user's own.
"""

import re
from pathlib import Path

from wildtrack.errors import UserError
from wildtrack.storage.files import sha256, write_text

MARKER = ".wildtrack.sha256"  # lines as sha256sum writes them


def is_ours(path: Path) -> bool:
    """Whether WildTrack wrote the file, and nobody has changed it since."""
    return path.is_file() and _marks(path.parent).get(path.name) == sha256(path)


def refuse_foreign(path: Path) -> None:
    """Raise a UserError when there is such a file and WildTrack did not write it as it is."""
    if path.exists() and not is_ours(path):
        raise UserError(f"{path} is there already, and is not as WildTrack wrote it; rename it or remove it")


def mark_ours(path: Path) -> None:
    """Remember that WildTrack has just written the file."""
    marks = _marks(path.parent) | {path.name: sha256(path)}
    write_text(path.parent / MARKER, "".join(f"{digest}  {name}\n" for name, digest in sorted(marks.items())))


def _marks(folder: Path) -> dict[str, str]:
    """File name -> SHA-256, of a folder's marker."""
    marker = folder / MARKER
    text = marker.read_text(encoding="utf-8", errors="replace") if marker.is_file() else ""
    return {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}
