"""Sources: the name of a public dataset in, its catalogue out; one dataset a module, its card (YAML) beside it.

- `source`: downloads a dataset and reads it
- `card`: what a person should know of it
- `pages`: cards as pages of docs/datasets

Examples:
    >>> from wildtrack.access.sources import load
    >>> source = load("gzgc")
    >>> root = source.download_and_extract()  # doctest: +SKIP
    >>> table = source.systematize_dataset_metadata(root)  # doctest: +SKIP
"""

import re
from difflib import get_close_matches

from wildtrack.access.sources import (
    beluga_id_2022,
    gzgc,
    hyena_id_2022,
    leopard_id_2022,
    lion,
    nyala,
    sea_star_re_id_2023,
    seaturtleid2022,
    seaturtleidheads,
)
from wildtrack.access.sources.card import Card
from wildtrack.access.sources.source import Source
from wildtrack.errors import UserError

_MODULES = (
    seaturtleid2022,
    seaturtleidheads,
    gzgc,
    nyala,
    lion,
    beluga_id_2022,
    hyena_id_2022,
    leopard_id_2022,
    sea_star_re_id_2023,
)
_SOURCES: dict[str, Source] = {module.SOURCE.slug: module.SOURCE for module in _MODULES}


def names() -> list[str]:
    """The slugs of all sources."""
    return list(_SOURCES)


def cards() -> list[Card]:
    """The cards of all sources."""
    return [source.card for source in _SOURCES.values()]


def load(name: str) -> Source:
    """The source of that name.

    Raises:
        UserError: there is none.
    """
    if name not in _SOURCES:
        near = get_close_matches(re.sub(r"\W+", "_", name.casefold()), _SOURCES, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"dataset {name!r} is not known; {meant}known are {', '.join(_SOURCES)}")
    return _SOURCES[name]
