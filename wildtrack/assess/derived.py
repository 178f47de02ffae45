"""Catalogues made of an assessed one, next to its photos: without its copies, or with the suggested split."""

from pathlib import Path

import pandas as pd

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.readers.table import write_table
from wildtrack.assess.checks import Checks
from wildtrack.console import counted, program
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv
from wildtrack.storage.ownership import mark_written


def write_without_copies(checks: Checks, catalogue: Catalogue, target: Path, removed: Path) -> list[str]:
    """Write the catalogue without copies to `target`, in its root, those to `removed`; sentences on what was done."""
    cleaned, copies = remove_duplicates(checks.table, checks.duplicates)
    unreadable = catalogue.table[~catalogue.table["image_id"].isin(checks.table["image_id"])]
    write_table(cleaned, target)
    mark_written(target)
    gone = [copies, unreadable[["image_id", "path"]].assign(reason="cannot be read")]
    write_csv(removed, pd.concat(gone, ignore_index=True))
    sentences = [
        f"Wrote {target} with {counted(len(cleaned), 'row', 'rows')}. Copies left out: {len(copies)}; unreadable "
        f"photos left out: {len(unreadable)}; {removed} lists them. No photo was deleted. {_train_on(target)}"
    ]
    if undecided := int(checks.duplicates["across_identities"].sum()):
        sentences.append(
            f"Photos that stay in it because a copy bears another name: {undecided}. Only a person can say which name "
            f"is right: see across_identities in {removed.with_name('duplicates.csv')}, mend the labels, and run this "
            "again."
        )
    return sentences


def write_with_split(checks: Checks, catalogue: Catalogue, target: Path, *, without_copies: bool) -> str:
    """Write the named animals with the suggested split to `target`, in the root; a sentence on what was done."""
    if not checks.anybody_named:
        raise UserError(
            f"--save-split wrote no {target.name}: nobody is named yet, so there is nothing to split; name the animals "
            "in the column identity, or sort them into a folder each, and run this again"
        )
    labelled = checks.with_suggested_split()
    # A copy is in the subset of the photo that stays instead, so no subset loses its last photo of an animal.
    resplit = remove_duplicates(labelled, checks.duplicates)[0] if without_copies else labelled
    write_table(resplit, target)
    mark_written(target)
    unnamed, copies = len(checks.table) - len(labelled), len(labelled) - len(resplit)
    unreadable = len(catalogue.table) - len(checks.table)
    return (
        f"Wrote {target} with {counted(len(resplit), 'row', 'rows')}. Rows left out: {unnamed} of unnamed animals, "
        f"{unreadable} with unreadable photos, {copies} of copies{'' if without_copies else ' (--remove-duplicates)'}. "
        f"{_train_on(target)}"
    )


def remove_duplicates(table: pd.DataFrame, duplicates: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The catalogue without the removable duplicates that `check_for_duplicates` found, and a row for each of them."""
    gone = duplicates[duplicates["removable"]]
    reasons = [
        f"near-duplicate: {distance} of 64 bits differ" if kind == "near" else f"{kind} duplicate"
        for kind, distance in zip(gone["kind"], gone["distance"], strict=True)
    ]
    removed = gone[["image_id", "path"]].assign(kept_image_id=gone["duplicate_of"], reason=reasons)
    return table[~table["image_id"].isin(gone["image_id"])].reset_index(drop=True), removed.reset_index(drop=True)


def _train_on(catalogue: Path) -> str:
    return f'To train on it: {program("train")} --data "{catalogue}"'
