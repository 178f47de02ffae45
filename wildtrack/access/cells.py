"""One value of a catalogue: what was written in, the standard value out, or a ValueError with the reason."""

import math
import os
import re
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path
from posixpath import normpath
from typing import Any

UNKNOWN = "unknown"  # the identity of an animal that nobody has named

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "gallery", "database"), "train"),  # AnimalCLEF has databases
    **dict.fromkeys(("valid", "val", "validation"), "valid"),
    **dict.fromkeys(("test", "testing", "query"), "test"),
}

Parser = Callable[[Any], Any]


def text_in(cell: object) -> str:
    """What is written, without spaces around it."""
    return str(cell).strip()


def _identity(cell: object) -> str:
    name = unicodedata.normalize("NFC", text_in(cell))
    return UNKNOWN if name.casefold() == UNKNOWN else name


def path_in(cell: object, root: Path) -> str:
    """The POSIX path of a file in `root`, from a path with either kind of slash; ValueError where there is none."""
    try:
        return _file(str(cell), root)  # as written, since a name may end with a space
    except ValueError:
        return _file(text_in(cell), root)


def _file(path: str, root: Path) -> str:
    text = path.replace("\\", "/")
    if text.startswith("/") or text[1:2] == ":":  # a drive letter
        raise ValueError(f"path is absolute; make it relative to {root}")
    path = normpath(text)
    if path == ".." or path.startswith("../"):
        raise ValueError(f"path leads out of {root}")
    try:
        there = stat.S_ISREG(os.stat(f"{root}/{path}").st_mode)  # noqa: PTH116 (a Path for each row takes seconds)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null character
        there = False
    except OSError as error:
        raise ValueError(f"cannot be opened: {error.strerror}") from error
    if not there:
        raise ValueError(f"no such file in {root}")
    return path


def parse_bbox(cell: object) -> tuple[float, float, float, float]:
    """Four numbers from a sequence or a text such as "[1, 2, 30, 40]"; a ValueError where there are others."""
    parts = re.split(r"[\s,;]+", cell.strip().strip("[](){} ")) if isinstance(cell, str) else cell
    try:
        x, y, width, height = (float(part) for part in parts)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ValueError(f"bbox not understood: {cell!r}; expected [x, y, width, height] in pixels") from None
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise ValueError(f"bbox is empty or not finite: {cell!r}")
    return x, y, width, height


def _split(cell: object) -> str:
    word = text_in(cell).casefold()
    if word not in SPLIT_WORDS:
        raise ValueError(f"split not understood: {cell!r}; allowed: {', '.join(SPLIT_WORDS)}")
    return SPLIT_WORDS[word]


def _number(name: str, low: float, high: float) -> Parser:
    def parse(cell: object) -> float:
        try:
            number = float(cell)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            number = math.nan
        if not low <= number <= high:  # NaN is refused too
            raise ValueError(f"{name} not understood: {str(cell)!r}; expected a number from {low:g} to {high:g}")
        return number

    return parse


NUMBERS = {"height": (1, 1e6), "width": (1, 1e6), "latitude": (-90, 90), "longitude": (-180, 180)}
PARSERS: dict[str, Parser] = {  # the others are text; for paths, see `path_in`, for dates `date_parser`
    "image_id": str,  # as it is written, like the path that it often is
    "identity": _identity,
    "bbox": parse_bbox,
    "split": _split,
    **{name: _number(name, *limits) for name, limits in NUMBERS.items()},
}
