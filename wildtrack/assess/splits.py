"""Which photos to train on and which to test with: catalogue in, a subset for each row out.

The kinds of split are those of wildlife-datasets (Cermak et al., 2024).
"""

import logging
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cells import SPLIT_WORDS, UNKNOWN
from wildtrack.assess.duplicates.hashes import Hashes, check_hashes
from wildtrack.assess.encounters import linked_groups, photo_keys, photo_times
from wildtrack.assess.subsets import begins_after, carve, cutoff_day, held_out, split_parts
from wildtrack.config import Hours, Range, check_settings
from wildtrack.errors import UserError

MOSTLY = 0.5  # share of photos with a date from which on "auto" goes by encounters: one odd date decides nothing
SUBSETS = ("train", "valid", "test")
SplitRule = Literal["auto", "catalogue", "encounter", "random", "cutoff"]
Subsets = npt.NDArray[np.str_]
IdentityRule = Literal["closed", "open", "disjoint"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitConfig:
    """How to split a catalogue.

    Attributes:
        split: "catalogue" takes the column `split`; "encounter" sends each identity's later encounters to test;
            "random" sends groups drawn by `seed`; "cutoff" sends what begins on the day `cutoff` or later, so that
            animals first met then are new. "auto" is the first of catalogue, encounter (where at least half of the
            photos have a date) and random that can be done.
        cutoff: An ISO 8601 day, or a year; for "cutoff" only.
        identities: Each of "closed" identities is trained on. "open" first holds out some identities with all their
            photos for test: they are unknown animals. "disjoint" also leaves all others to train and valid.
        held_out_share: Share of the identities to hold out where they are not closed, 0.001 to 0.999.
        encounter_hours: The longest gap inside an encounter, in hours.
        test_share: Share of each identity's photos to test, 0 to 0.999.
        valid_share: Share of each identity's photos left after test, 0 to 0.999.
        seed: Names the random draw.
    """

    split: SplitRule = "auto"
    cutoff: str | None = None
    identities: IdentityRule = "closed"
    held_out_share: Annotated[float, Range(0.001, 0.999)] = 0.2
    encounter_hours: Hours = 12.0
    test_share: Annotated[float, Range(0, 0.999)] = 0.2
    valid_share: Annotated[float, Range(0, 0.999)] = 0.15
    seed: int = 0

    def check(self) -> None:
        """Raise a UserError for what `make_split` can do with no catalogue."""
        check_settings(self)
        if (self.split == "cutoff") != (self.cutoff is not None):
            raise UserError(
                f"--split {self.split} and --cutoff {self.cutoff} do not go together; "
                "--split cutoff needs a day such as 2023-06-01, and no other split takes one"
            )
        if self.cutoff is not None:
            cutoff_day(self.cutoff)
        if self.identities != "closed" and self.split in ("catalogue", "cutoff"):
            raise UserError(
                f"--identities {self.identities} chooses the test photos itself, and so does --split {self.split}; "
                "choose encounter or random"
            )


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Split:
    """The subsets of a catalogue's rows, and how they were chosen.

    Attributes:
        subset: "train", "valid" or "test" for each row, shape (N,).
        method: One plain sentence for reports.
    """

    subset: Subsets
    method: str


def make_split(table: pd.DataFrame, hashes: Hashes | None, config: SplitConfig) -> Split:
    """Put every row into train, valid or test.

    Groups as `linked_groups` defines them go whole, except that a catalogue's own subsets are left as they are.
    Identities that share a photo are held out together.

    An identity with two groups or more gets at least one in test, and more while that brings its test photos nearer to
    `test_share`; then likewise valid out of what is left. One group always stays in train, and so does, by encounter
    and cutoff, every group with an undated row. The result does not depend on row order.

    Args:
        table: A catalogue of N rows, none of them "unknown".
        hashes: Perceptual hashes, bool, shape (N, 64), or None to leave near-duplicates out.
        config: How to split it.

    Returns:
        The subsets, shape (N,), and a sentence on how they were chosen.

    Raises:
        UserError: An unknown word or share, or a catalogue that has not what `config.split` needs.
        ValueError: A row of the identity "unknown", or not one hash a row.
    """
    if (table["identity"] == UNKNOWN).any():
        raise ValueError(f'Rows of the identity "{UNKNOWN}" have no subset; drop them before splitting.')
    config.check()
    times = photo_times(table)
    dated_share = 1 - np.isnat(times).mean() if len(table) else 0
    rule = _rule(table, config, dated_share)
    by_time = rule in ("encounter", "cutoff") or (rule == "catalogue" and dated_share >= MOSTLY)
    draw = None if by_time else config.seed
    groups = linked_groups(table, config.encounter_hours, hashes)
    parts = split_parts(table, groups, times if draw is None else None)
    if rule == "catalogue":
        return _own_split(table, parts, config.valid_share, draw)
    subset = np.full(len(table), "train", dtype="<U5")
    if config.identities != "closed":
        subset[held_out(parts, config.held_out_share, config.seed)] = "test"
    if rule == "cutoff":
        subset[begins_after(parts["group"], photo_times(table, local=True), str(config.cutoff))] = "test"
    elif config.identities != "disjoint":
        subset[carve(parts, subset == "train", config.test_share, draw)] = "test"
    subset[carve(parts, subset == "train", config.valid_share, draw)] = "valid"
    undated = int(np.isnat(times).sum())
    if config.test_share > 0 and not (subset == "test").any():
        logger.warning(
            "No photo is in test: no identity has two groups of photos that can be parted. "
            "Add photos of other days, or lower --encounter-hours %s%s.",
            config.encounter_hours,
            ", or choose --split random, which needs no dates" if draw is None and undated else "",
        )
    method = _method(rule, table, undated, hashes is not None, config.cutoff)
    if config.identities != "closed":
        count = parts["identity"].nunique() - parts["identity"][subset != "test"].nunique()
        others = "" if config.identities == "disjoint" else f", the others {method}"
        method = f"with {count} identities held out whole{others}"
    return Split(subset, method)


def suggested_split(table: pd.DataFrame, hashes: Hashes | None, config: SplitConfig) -> tuple[pd.DataFrame, str]:
    """Split a catalogue as `make_split` would if it had no split of its own: by encounter, or else at random.

    Returns:
        `image_id`, `identity`, `path` and `split` of each labelled row, and a sentence on how they were chosen.
    """
    known = (table["identity"] != UNKNOWN).to_numpy()
    check_hashes(hashes, len(table))
    labelled = table[known].drop(columns="split", errors="ignore").reset_index(drop=True)
    if labelled.empty:
        return labelled[["image_id", "identity", "path"]].assign(split=""), "nobody is named yet"
    split = make_split(labelled, None if hashes is None else hashes[known], config)
    return labelled[["image_id", "identity", "path"]].assign(split=split.subset), split.method


def _rule(table: pd.DataFrame, config: SplitConfig, dated_share: float) -> str:
    """The rule of the split, "auto" settled; UserError where the catalogue has not what the rule needs."""
    has_split = "split" in table and bool((table["split"].notna() & (table["split"] != "")).any())
    if config.split == "auto":
        if config.identities == "closed" and has_split:
            return "catalogue"
        return "encounter" if dated_share >= MOSTLY else "random"
    if config.split == "catalogue" and not has_split:
        raise UserError("--split catalogue, but the catalogue has no column `split`; add one, or choose auto")
    if config.split in ("encounter", "cutoff") and not dated_share:
        raise UserError(
            f"--split {config.split}, but no photo has a date that can be used; add dates, or choose random"
        )
    return config.split


def _own_split(table: pd.DataFrame, parts: pd.DataFrame, valid_share: float, draw: int | None) -> Split:
    """The catalogue's own split, checked; valid comes out of train where it has none."""
    subset = split_subsets(table, "split")
    for needed in ("train", "test"):
        if needed not in subset:
            raise UserError(
                f"None of the {len(table)} named photos that can be used is {needed} in the column `split`, and both "
                "train and test are needed; name the animals of such rows, mend the column, or choose "
                "--split encounter or random"
            )
    if (subset == "").any():
        logger.warning("Rows in no subset of the catalogue's own split, left out: %d.", (subset == "").sum())
    if torn := int((pd.Series(subset).groupby(photo_keys(table)).nunique() > 1).sum()):
        logger.warning("Photos with rows in two subsets of the catalogue's own split, left as they are: %d.", torn)
    method = "the catalogue's own split"
    if valid_share > 0 and "valid" not in subset:
        subset[carve(parts, subset == "train", valid_share, draw)] = "valid"
        method += f", valid carved out of train {'by encounter' if draw is None else 'at random'}"
    return Split(subset, method)


def split_subsets(table: pd.DataFrame, column: str) -> Subsets:
    """Read a column as a split: "train", "valid", "test", or "" for a row in no subset, shape (N,).

    Its words are those of `SPLIT_WORDS`, in any case; a UserError for a column that is missing, empty or has others.
    """
    if column not in table:
        raise UserError(f'there is no column "{column}" to take for a split; there are {", ".join(table.columns)}')
    words = table[column].astype("string").str.strip().str.casefold().fillna("")
    strange = sorted(set(words) - set(SPLIT_WORDS) - {""})
    if strange or not (words != "").any():
        says = ", ".join(strange[:5]) or "nothing"
        raise UserError(f'the column "{column}" is no split: it says {says}; allowed: {", ".join(SPLIT_WORDS)}')
    return words.map(SPLIT_WORDS).fillna("").to_numpy(dtype="<U5")


def _method(rule: str, table: pd.DataFrame, undated: int, hashed: bool, cutoff: str | None) -> str:
    """Say in one sentence how the subsets were chosen."""
    stay = f"; photos without a date ({undated}) stay in train" if undated else ""
    if rule == "cutoff":
        return f"by date: what begins on {cutoff} or later is tested{stay}"
    if rule == "encounter":
        return f"by encounter: the later ones are tested{stay}"
    dated = len(table) - undated
    kept = ["encounters"] if dated or "encounter" in table else []
    if hashed:
        kept.append("near-duplicate photos")
    text = f"random, with {' and '.join(kept) or 'rows of one photo'} kept in one subset"
    if dated >= MOSTLY * len(table):
        return text
    few = f"with a date on {dated} of {len(table)} photos" if dated else "without dates"
    return f"{text}; {few}, photos of one occasion may be torn apart and flatter the figures"
