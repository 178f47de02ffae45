"""Which files among the user's photos WildTrack wrote: only those may be overwritten.

A hidden file in the folder lists them with their SHA-256; a file that was changed since is the user's own.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from wildtrack.errors import UserError
from wildtrack.storage.files import sha256, write_text

MARKER = ".wildtrack.sha256"  # lines as sha256sum writes them

_OUTPUT_FILES = (  # one of them is in every folder that a command filled
    "model_config.yaml preprocessor.pkl index_manifest.json metrics.json training_curves.png search_problems.csv "
    "statistics.json methods.csv sightings.sqlite csv_problems.csv huggingface_problems.csv fiftyone_problems.csv "
    "camtrapdp_problems.csv"
)


def is_output_folder(names: Iterable[str]) -> bool:
    """Whether a folder with files of these names is what a command wrote: artifacts, results, sightings."""
    return not set(_OUTPUT_FILES.split()).isdisjoint(names)


def is_as_written(path: Path) -> bool:
    """Whether WildTrack wrote the file and it has not been changed since."""
    return path.is_file() and _marks(path.parent).get(path.name) == sha256(path)


def refuse_foreign(path: Path) -> None:
    """Raise a UserError when there is a file that is not `is_as_written`."""
    if path.exists() and not is_as_written(path):
        raise UserError(f"{path} is there already, and is not as WildTrack wrote it; rename it or remove it")


def mark_written(path: Path) -> None:
    """Record that WildTrack has just written the file."""
    marks = _marks(path.parent) | {path.name: sha256(path)}
    write_text(path.parent / MARKER, "".join(f"{digest}  {name}\n" for name, digest in sorted(marks.items())))


def _marks(folder: Path) -> dict[str, str]:
    """File name -> SHA-256, from the folder's hidden list."""
    marker = folder / MARKER
    text = marker.read_text(encoding="utf-8", errors="replace") if marker.is_file() else ""
    return {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}
