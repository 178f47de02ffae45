"""What a person should know first: the results of every check in, sentences out, the most urgent first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from wildtrack.assess.checks import Checks
from wildtrack.assess.encounters import shown_together
from wildtrack.assess.labels.audit import Audit

Level = Literal["fix", "check", "good"]

LEVELS: dict[Level, str] = {"fix": "Fix", "check": "Check", "good": "Good"}  # the most urgent first
LEAKY = 0.05  # share of test photos whose answer is given away, from which on figures are too good
NOBODY_NAMED = (
    'No animal is named yet: all are "unknown", so nothing can be split, trained on or audited. Write the names into '
    "the column `identity` of a CSV, or sort the photos into a folder per animal, and run this again."
)
NO_COPIES = "No photo, and no animal cut out by a box, is a copy of another one."
NO_ISSUES = "No photo is dark, blurred, turned or otherwise beyond a threshold."
COPIES: tuple[tuple[str, Level, str], ...] = (  # a column of `check_for_duplicates`, and what its count means
    ("across_identities", "fix", "Photos with a copy that has another name: one is wrong, or both animals are on it"),
    ("across_splits", "fix", "Photos with a copy in another subset of the split"),
    ("removable", "check", "Copies that can go (--remove-duplicates writes a catalogue without them)"),
)


@dataclass(frozen=True)
class Finding:
    """A sentence that a person should know, and the section of the report with the details."""

    level: Level
    text: str
    section: str


def findings(checks: Checks, audit: Audit | None, remarks: Iterable[str] = ()) -> list[Finding]:
    """What is in the data and what is wrong with it; what to fix, what to check, then what is good.

    `remarks` are those of the catalogue's reading that name the flag which decides.
    """
    found = [
        *(Finding("check", f"{remark[0].upper()}{remark[1:]}.", "identities") for remark in remarks),
        *_photos(checks.statistics, checks.problems),
        *_together(checks.table),
        *_duplicates(checks.duplicates),
        *_leakage(checks.leakage),
        *_audit(audit),
        *_quality(checks.statistics, checks.flags),
        *_encounters(checks.statistics),
    ]
    return sorted(found, key=lambda finding: list(LEVELS).index(finding.level))


def _photos(statistics: dict[str, Any], problems: pd.DataFrame) -> Iterator[Finding]:
    if len(problems):
        text = f"Photos, rows or values that cannot be used: {len(problems)}. problems.csv says why."
        yield Finding("fix", text, "problems")
    if not statistics["identities"]:
        yield Finding("fix", NOBODY_NAMED, "identities")
    elif singletons := statistics["photos_per_identity"]["singletons"]:
        text = f"Animals with one photo only, which cannot be tested: {singletons} of {statistics['identities']}."
        yield Finding("check", text, "identities")


def _together(table: pd.DataFrame) -> Iterator[Finding]:
    if count := len(set(shown_together(table)) - {-1}):
        text = f"Photos with several names, and no boxes that say who is who: {count}. Each name counts as right."
        yield Finding("check", text, "identities")


def _duplicates(duplicates: pd.DataFrame) -> list[Finding]:
    if not len(duplicates):
        return [Finding("good", NO_COPIES, "duplicates")]
    counts = ((level, text, int(duplicates[flag].sum())) for flag, level, text in COPIES)
    return [Finding(level, f"{text}: {count}.", "duplicates") for level, text, count in counts if count]


def _leakage(leakage: dict[str, Any] | None) -> Iterator[Finding]:
    share = leakage["test"]["any"]["share"] if leakage is not None else None
    if share is None:
        return
    text = f"{share:.0%} of the test photos have one of the same occasion, or a look-alike, among the training photos"
    advice = "figures measured with this split are too good. --save-split writes a better one."
    yield Finding("good", f"{text}.", "split") if share < LEAKY else Finding("fix", f"{text}: {advice}", "split")


def _audit(audit: Audit | None) -> list[Finding]:
    if audit is None:
        return []
    if not audit.tells_apart:
        text = f"The model does not tell these animals apart well enough to check their names. {audit.origin}."
        return [Finding("check", text, "labels")]
    lists = {
        "Photos that may have the wrong name": "photos",
        "Pairs of identities that may be one animal": "pairs",
        "Identities that may be two animals": "identities",
    }
    found = []
    for title, name in lists.items():
        if count := len(getattr(audit, name)):
            tried = f" ({audit.trials[name]})" if audit.trials else ""
            found.append(Finding("check", f"{title}: {count}{tried}.", "labels"))
    if not found and audit.trials and not audit.trials["photos"].is_right:
        text = "Names are not doubted: errors planted on trial show that the model would be wrong more often than right"
        return [Finding("check", f"{text} ({audit.trials['photos']}). {audit.origin}.", "labels")]
    if not found:
        text = f"The model contradicts no name. {audit.origin}."
        return [Finding("check" if audit.is_of_others else "good", text, "labels")]
    return [*found, Finding("check", f"{audit.origin}.", "labels")] if audit.is_of_others else found


def _quality(statistics: dict[str, Any], flags: pd.DataFrame) -> list[Finding]:
    photos = flags["image_id"].nunique()
    if not photos:
        return [Finding("good", NO_ISSUES, "quality")]
    counts = flags["issue"].value_counts()
    named = ", ".join(f"{count} {str(issue).replace('_', ' ')}" for issue, count in counts.items())
    return [Finding("check", f"Photos with a quality flag: {photos} of {statistics['rows']} ({named}).", "quality")]


def _encounters(statistics: dict[str, Any]) -> Iterator[Finding]:
    if not statistics["identities"]:
        return
    encounters = statistics["encounters"]
    if encounters is None:
        who = "photo of a named animal" if statistics["dates"] else "photo"
        text = f"No {who} has a date: photos of one occasion cannot be kept in one subset of a split."
        yield Finding("check", text, "dates")
        return
    met = f"Animals met twice or more: {encounters['met_twice']} of {encounters['identities']}. A split by encounter is"
    if encounters["time_aware_split"]:
        yield Finding("good", f"{met} possible, and figures can be leak-free.", "dates")
    else:
        yield Finding("check", f"{met} not possible.", "dates")
