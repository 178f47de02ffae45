"""Write a catalogue next to its photos: catalogue.csv, and problems.csv with what was left out."""

import errno

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.labelled import is_labelled
from wildtrack.access.problems import report_problems
from wildtrack.access.readers.table import has_labels, holds, write_table
from wildtrack.errors import UserError
from wildtrack.storage.ownership import is_as_written, mark_written, refuse_foreign


def save_catalogue(catalogue: Catalogue, *, unchanged: bool) -> None:
    """Write catalogue.csv and problems.csv in the catalogue's root; `unchanged` if it was read from that catalogue.csv.

    Raises a UserError when a file of the user's is in the way, labels would be lost, or the folder is read-only.
    """
    target, problems = catalogue.root / "catalogue.csv", catalogue.root / "problems.csv"
    kept = not is_as_written(target) and (unchanged or holds(target, catalogue.table))  # the user's own
    for path in (problems,) if kept else (target, problems):
        refuse_foreign(path)
    if not kept and target.exists() and not is_labelled(catalogue.table) and has_labels(target):
        raise UserError(f"{target} names animals, and would lose them; rename it or remove it")
    try:
        report_problems(problems, catalogue.problems)
        mark_written(problems)
        if not kept:
            write_table(catalogue.table, target)
            mark_written(target)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        why = f"{catalogue.root} cannot be written to, and catalogue.csv must lie next to the photos"
        raise UserError(f"{why}; copy the dataset to a folder of your own and name that with --root") from error
