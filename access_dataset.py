"""Bring a public dataset, or a copy on disk, into the one catalogue that every script reads.

python access_dataset.py                       the datasets there are
python access_dataset.py nyala                 download it, and write its catalogue.csv
python access_dataset.py --root my_download    a copy already on disk, in any layout that is known
"""

import errno
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from wildtrack.access import readers, sources
from wildtrack.access.problems import report_problems
from wildtrack.access.readers.table import write_table
from wildtrack.console import console, run
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Knobs:
    """Change a value here, or on the command line: --part turtle."""

    name: tyro.conf.Positional[str | None] = None  # a dataset of the list; none, and no --root: show the list
    root: Path | None = None  # a copy already on disk: nothing is downloaded
    split_column: str = "split_closed"  # SeaTurtleID2022: split_closed, split_closed_random or split_open
    part: str = "head"  # SeaTurtleID2022: head, flipper or turtle
    cache: Path | None = None  # where downloads go; none: $WILDTRACK_CACHE, or wildtrack in the system's cache folder


def main(knobs: Knobs) -> None:
    """Source -> root -> catalogue -> catalogue.csv."""
    if knobs.name is None and knobs.root is None:
        list_sources()
        return
    source = sources.load(knobs.name) if knobs.name is not None else None
    root = knobs.root
    if root is None and source is not None:
        root = source.download_and_extract(knobs.cache)
    if root is None or not root.is_dir():
        raise UserError(f"--root {root} is no folder; give the folder of the dataset")
    read = source.read if source is not None else readers.read
    catalogue = read(root, split_column=knobs.split_column, part=knobs.part)
    console.print(catalogue.understood)
    target = catalogue.root / "catalogue.csv"
    try:
        report_problems(catalogue.root / "problems.csv", catalogue.problems)
        write_table(catalogue.table, target)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise UserError(
            f"{catalogue.root} cannot be written to, and catalogue.csv must lie beside the photos; "
            "copy the dataset to a folder of your own and name that with --root"
        ) from error
    console.print(f'Saved {target}. What next? python train_classifier_reid.py --data "{target}"')


def list_sources() -> None:
    """Print the datasets as a table on standard output."""
    table = Table("name", "species", "photos", "identities", "licence", "download", box=None)
    table.columns[0].no_wrap = True  # it is what one types
    for card in sources.cards():
        species = ", ".join(entry.name for entry in card.species)
        table.add_row(card.slug, species, f"{card.photos:,}", f"{card.identities:,}", card.licence, card.size)
    Console(file=sys.stdout, markup=False, highlight=False).print(table)
    console.print("More on each: docs/datasets. To get one: python access_dataset.py NAME")


if __name__ == "__main__":
    run(main, Knobs, __doc__)
