"""Every check of a catalogue but the label audit, which needs a model: photos in, one table or summary a check out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.photos.pixel_cache import SMALL, Decoded
from wildtrack.assess.duplicates.groups import Pictures, check_for_duplicates
from wildtrack.assess.duplicates.hashes import Hashes
from wildtrack.assess.leakage import split_leakage
from wildtrack.assess.quality.flags import Thresholds, flag_quality, quality_table
from wildtrack.assess.splits import SplitConfig, suggested_split
from wildtrack.assess.statistics import catalogue_statistics

PIXELS = SMALL  # (height, width) at which photos are decoded to be compared


@dataclass(frozen=True, eq=False)
class Checks:
    """The results of the checks.

    Attributes:
        table: The rows whose photos can be read.
        problems: `path` and `reason` of everything else.
        statistics: From `catalogue_statistics`.
        quality: From `quality_table`, one row a photo.
        flags: From `flag_quality`, one row a photo and issue.
        duplicates: From `check_for_duplicates`.
        leakage: From `split_leakage`; None for a catalogue without a split.
        suggested: From `suggested_split`.
        method: How the suggested split was made.
    """

    table: pd.DataFrame
    problems: pd.DataFrame
    statistics: dict[str, Any]
    quality: pd.DataFrame
    flags: pd.DataFrame
    duplicates: pd.DataFrame
    leakage: dict[str, Any] | None
    suggested: pd.DataFrame
    method: str

    @property
    def anybody_named(self) -> bool:
        """Whether a photo that can be read shows a named animal; without one nothing can be split or audited."""
        return bool(self.statistics["identities"])

    def quality_with_issues(self) -> pd.DataFrame:
        """`quality` with a column `issues`: the words of `flags`, "" where there is none."""
        issues = self.flags.groupby("image_id")["issue"].agg("; ".join)
        return self.quality.assign(issues=self.quality["image_id"].map(issues).fillna(""))

    def with_suggested_split(self) -> pd.DataFrame:
        """The labelled rows of `table` with the suggested split in place of their own."""
        labelled = self.table[self.table["image_id"].isin(self.suggested["image_id"])]
        subsets = self.suggested.set_index("image_id")["split"]
        return labelled.assign(split=labelled["image_id"].map(subsets)).reset_index(drop=True)


def check_catalogue(
    catalogue: Catalogue, photos: Decoded, hashes: Hashes, thresholds: Thresholds, config: SplitConfig
) -> Checks:
    """Run the checks on the photos that could be decoded; `config.encounter_hours` counts for every check."""
    table = photos.table
    quality, unreadable = quality_table(table, catalogue.root)
    flags = flag_quality(quality, thresholds)
    pictures = Pictures(
        photos.small,
        hashes,
        photos.digests,
        faults=table["image_id"].map(flags["image_id"].value_counts()).fillna(0).to_numpy(dtype=np.intp),
        sizes=(quality["height"] * quality["width"]).fillna(0).to_numpy(),
    )
    has_split = "split" in table and table["split"].notna().any()
    suggested, method = suggested_split(table.assign(sha256=photos.digests), hashes, config)
    return Checks(
        table=table,
        problems=pd.concat([catalogue.problems, photos.problems, unreadable], ignore_index=True),
        statistics=catalogue_statistics(table, config.encounter_hours),
        quality=quality,
        flags=flags,
        duplicates=check_for_duplicates(table, pictures),
        leakage=split_leakage(table, "split", config.encounter_hours, hashes) if has_split else None,
        suggested=suggested,
        method=method,
    )
