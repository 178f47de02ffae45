"""Write a catalogue beside its photos: catalogue.csv, and problems.csv with what was left out."""

import errno
from pathlib import Path

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.labelled import is_labelled
from wildtrack.access.problems import report_problems
from wildtrack.access.readers.table import has_labels, holds, write_table
from wildtrack.errors import UserError
from wildtrack.storage.ownership import is_ours, mark_ours, refuse_foreign


def save_catalogue(catalogue: Catalogue, target: Path) -> None:
    """Write catalogue.csv and problems.csv; files that WildTrack did not write stay as they are.

    Args:
        catalogue: What to write.
        target: catalogue.csv in its root.

    Raises:
        UserError: Such a file is in the way, catalogue.csv would lose its labels, or the folder cannot be written to.
    """
    problems = catalogue.root / "problems.csv"
    kept = not is_ours(target) and holds(target, catalogue.table)  # the user's own table, as it was read
    for path in (problems,) if kept else (target, problems):
        refuse_foreign(path)
    if not kept and target.exists() and has_labels(target) and not is_labelled(catalogue.table):
        raise UserError(f"{target} names animals, and would lose them; rename it or remove it")
    try:
        report_problems(problems, catalogue.problems)
        mark_ours(problems)
        if not kept:
            write_table(catalogue.table, target)
            mark_ours(target)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise UserError(
            f"{catalogue.root} cannot be written to, and catalogue.csv must lie beside the photos; "
            "copy the dataset to a folder of your own and name that with --root"
        ) from error
