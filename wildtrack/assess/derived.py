"""Catalogues made of an assessed one, beside its photos: without its copies, or with the suggested split."""

from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.readers.table import write_table
from wildtrack.assess.checks import Checks
from wildtrack.console import counted, program
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv
from wildtrack.storage.ownership import mark_ours


def write_without_copies(checks: Checks, catalogue: Catalogue, target: Path, removed: Path) -> list[str]:
    """Write the catalogue without its copies.

    Args:
        checks: Of the catalogue.
        catalogue: What was assessed.
        target: The .csv file to write, in the catalogue's root.
        removed: The .csv file that lists what was left out: `image_id`, `path`, `kept_image_id`, `reason`.

    Returns:
        Sentences on what was written, and on what a person has to decide.
    """
    cleaned, copies = remove_duplicates(checks.table, checks.duplicates)
    unreadable = catalogue.table[~catalogue.table["image_id"].isin(checks.table["image_id"])]
    write_cleaned(cleaned, catalogue.root, target)
    mark_ours(target)
    gone = [copies, unreadable[["image_id", "path"]].assign(reason="cannot be read")]
    write_csv(removed, pd.concat(gone, ignore_index=True))
    sentences = [
        f"Wrote {target} with {counted(len(cleaned), 'row', 'rows')}. Copies left out: {len(copies)}; unreadable "
        f"photos left out: {len(unreadable)}; {removed} lists them. No photo was deleted. {_train_on(target)}"
    ]
    undecided = int(checks.duplicates["across_identities"].sum())
    if undecided:
        sentences.append(
            f"Photos that stay in it because a copy bears another name: {undecided}. Only a person can say which name "
            f"is right: see across_identities in {removed.with_name('duplicates.csv')}, mend the labels, and run this "
            "again."
        )
    return sentences


def write_with_split(checks: Checks, catalogue: Catalogue, target: Path, *, without_copies: bool) -> str:
    """Write the named animals of the catalogue with the suggested split.

    Args:
        checks: Of the catalogue.
        catalogue: What was assessed.
        target: The .csv file to write, in the catalogue's root.
        without_copies: Leave the copies out.

    Returns:
        A sentence on what was written.

    Raises:
        UserError: Nobody is named.
    """
    if not checks.anybody_named:
        raise UserError(
            f"--save-split wrote no {target.name}: nobody is named yet, so there is nothing to split; name the animals "
            "in the column identity, or sort them into a folder each, and run this again"
        )
    labelled = checks.with_suggested_split()
    # A copy is in the subset of the photo that stays instead, so no subset loses its last photo of an animal.
    resplit = remove_duplicates(labelled, checks.duplicates)[0] if without_copies else labelled
    write_table(resplit, target)
    mark_ours(target)
    unnamed, copies = len(checks.table) - len(labelled), len(labelled) - len(resplit)
    unreadable = len(catalogue.table) - len(checks.table)
    return (
        f"Wrote {target} with {counted(len(resplit), 'row', 'rows')}. Rows left out: {unnamed} of unnamed animals, "
        f"{unreadable} with unreadable photos, {copies} of copies{'' if without_copies else ' (--remove-duplicates)'}. "
        f"{_train_on(target)}"
    )


def remove_duplicates(table: pd.DataFrame, duplicates: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out the removable duplicates; what stays, and why, `check_for_duplicates` says.

    Args:
        table: The catalogue.
        duplicates: From `check_for_duplicates` on it.

    Returns:
        The cleaned table, RangeIndex, and what left: `image_id`, `path`, `kept_image_id` (the photo of the same
        identity that stays) and `reason`.
    """
    gone = duplicates[duplicates["removable"]]
    cleaned = table[~table["image_id"].isin(gone["image_id"])].reset_index(drop=True)
    reasons = [
        f"near-duplicate: {distance} of 64 bits differ" if kind == "near" else f"{kind} duplicate"
        for kind, distance in zip(gone["kind"], gone["distance"], strict=True)
    ]
    removed = gone[["image_id", "path"]].assign(kept_image_id=gone["duplicate_of"], reason=reasons)
    return cleaned, removed.reset_index(drop=True)


def write_cleaned(cleaned: pd.DataFrame, root: Path, target: Path) -> None:
    """Write a cleaned catalogue as a CSV that `load_catalogue` reads.

    Args:
        cleaned: A catalogue's table.
        root: What its paths are relative to.
        target: The .csv file, in `root`; one that is there already is replaced.

    Raises:
        UserError: The file would not lie in `root`, or has another suffix.
    """
    if target.parent.resolve() != root.resolve() or target.suffix.lower() != ".csv":
        raise UserError(
            f"the cleaned catalogue cannot be {target}: its paths are relative to its own folder, so it must be a .csv "
            f"in {root}, such as {root / 'cleaned.csv'}"
        )
    write_table(cleaned, target)


def _train_on(catalogue: Path) -> str:
    return f'To train on it: {program("train")} --data "{catalogue}"'
