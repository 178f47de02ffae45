"""Sources: the name of a public dataset in, its catalogue out. A dataset is a YAML file in this folder.

- `source`: downloads a dataset and reads it
- `card`: what to know about a dataset before using it, also as Markdown
- `adjust`: what the layout of a dataset does not say

A dataset is also an attribute: `sources.gzgc` is `load("gzgc")`.
"""

import re
from difflib import get_close_matches
from functools import cache

from wildtrack.access.sources.card import Card
from wildtrack.access.sources.source import FOLDER, Source, read_source
from wildtrack.errors import UserError


def names() -> list[str]:
    """The slugs of all sources."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "references")


def cards() -> list[Card]:
    """The cards of all sources."""
    return [load(name) for name in names()]


@cache
def load(name: str) -> Source:
    """The source of that name.

    Raises:
        UserError: There is none.
    """
    known = names()
    if name not in known:
        near = get_close_matches(re.sub(r"\W+", "_", name.casefold()), known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"dataset {name!r} is not known; {meant}known are {', '.join(known)}")
    return read_source(name)


def __getattr__(name: str) -> Source:
    if name in names():
        return load(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
