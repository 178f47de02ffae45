"""The sections of the report: the results of every check in, titles, sentences, pictures and tables out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.thumbnails import thumbnail
from wildtrack.assess.audit import Audit
from wildtrack.assess.audit_plots import (
    Reader,
    alike_identities,
    duplicates_across_identities,
    mixed_identities,
    odd_photos,
    plain_copies,
    plot_suspicions,
)
from wildtrack.assess.checks import Checks
from wildtrack.assess.plots import (
    plot_animals_per_photo,
    plot_balance,
    plot_encounters_per_identity,
    plot_grid,
    plot_identity_histogram,
    plot_photo_sizes,
    plot_photos_per_date,
    plot_worst,
)
from wildtrack.assess.quality import ISSUES
from wildtrack.assess.report import Section
from wildtrack.assess.trust import origin

SHOWN_SIDE = 256  # pixels, the longer side of a photo in a picture

PICTURES = (  # the files that the figures go to
    *("sample.png", "photos_per_identity.png", "animals_per_photo.png", "photos_per_date.png"),
    *("encounters_per_identity.png", "orientation.png", "species.png", "photo_sizes.png", "quality_*.png"),
    *("copies_*.png", "photos_that_may_*.png", "identities_that_may_*.png"),
)
GRID = (4, 6)
WORST = 6  # photos shown an issue
PAIRS = 9  # suspicions shown a list


def all_sections(checks: Checks, audit: Audit | None, root: Path, encounter_hours: float, seed: int) -> list[Section]:
    """The whole report.

    Args:
        checks: From `check_catalogue`.
        audit: From `audit_labels`, or None without a model.
        root: What the catalogue's paths are relative to.
        encounter_hours: The longest gap inside an encounter, in hours.
        seed: Names the photos that are shown as a sample.
    """
    table, read = checks.table, photo_reader(checks.table, root)
    return [
        sample_section(table, read, seed),
        identity_section(table, checks.statistics),
        date_section(table, checks.statistics, encounter_hours),
        balance_section(table, checks.quality),
        quality_section(checks.quality, checks.flags, read),
        duplicate_section(checks.duplicates, read),
        split_section(checks.leakage, checks.suggested["split"], checks.method),
        label_section(audit, read),
        problem_section(checks.problems),
    ]


def photo_reader(table: pd.DataFrame, root: Path) -> Reader:
    """A function from an image_id to its photo or box, see `thumbnail`."""
    photos = {
        image_id: (root / path, box)
        for image_id, path, box in zip(table["image_id"], table["path"], boxes(table), strict=True)
    }
    return lambda image_id: thumbnail(*photos[image_id], SHOWN_SIDE)


def sample_section(table: pd.DataFrame, read: Reader, seed: int) -> Section:
    """Some photos, drawn at random, framed by identity."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(table))[: GRID[0] * GRID[1]])
    sample = table.iloc[rows].sort_values("identity", kind="stable")
    photos = [read(image_id) for image_id in sample["image_id"]]
    text = f"{len(sample)} of {len(table)} photos, drawn at random; each frame's colour and dash is an identity's."
    return Section(
        "sample", "Some of the photos", [text], [("sample", plot_grid(photos, list(sample["identity"]), GRID))]
    )


def identity_section(table: pd.DataFrame, statistics: dict[str, Any]) -> Section:
    """How many photos each identity has."""
    text = f"{statistics['rows']} rows, {statistics['photos']} photos, {statistics['identities']} identities"
    if statistics["unknown_rows"]:
        text += f", {statistics['unknown_rows']} rows without a name"
    figures = [("photos_per_identity", plot_identity_histogram(list(table["identity"])))]
    if len(statistics["animals_per_photo"]) > 1:
        figures.append(("animals_per_photo", plot_animals_per_photo(table)))
    return Section("identities", "Identities", [f"{text}."], figures)


def date_section(table: pd.DataFrame, statistics: dict[str, Any], encounter_hours: float) -> Section:
    """When the photos were taken, and whether a time-aware split is possible."""
    if statistics["dates"] is None:
        text = (
            "No photo has a date, so nobody can tell which photos are of one occasion. Dates come from the column "
            "`date`, or from the photos' own EXIF."
        )
        return Section("dates", "Dates and encounters", [text])
    text = (
        f"An encounter is photos of one animal with gaps of at most {encounter_hours:g} hours. Only an animal that was "
        "met twice or more can be asked about honestly: its later encounters against its earlier ones."
    )
    figures = [
        ("photos_per_date", plot_photos_per_date(table)),
        ("encounters_per_identity", plot_encounters_per_identity(table, encounter_hours)),
    ]
    return Section("dates", "Dates and encounters", [text], figures)


def balance_section(table: pd.DataFrame, quality: pd.DataFrame) -> Section:
    """Sides, species, and sizes of the photos."""
    figures = [(column, plot_balance(table, column)) for column in ("orientation", "species") if column in table]
    figures.append(("photo_sizes", plot_photo_sizes(quality)))
    missing = [column for column in ("orientation", "species") if column not in table]
    text = [f"The catalogue says nothing of {' and '.join(missing)}."] if missing else []
    return Section("balance", "Sides, species, sizes", text, figures)


def quality_section(quality: pd.DataFrame, flags: pd.DataFrame, read: Reader) -> Section:
    """The worst photos of each issue."""
    text = ["Every number is defined in docs/quality.md; the thresholds are knobs. A flag asks for a look, no more."]
    figures = []
    for issue, rows in flags.groupby("issue", sort=False):
        worst = rows.head(WORST)
        measure, bad = ISSUES[str(issue)]
        side = "below" if bad == "low" else "above"
        captions = [
            (f"{measure.replace('_', ' ')} {value:.2f}", str(path))
            for value, path in zip(worst["value"], worst["path"], strict=True)
        ]
        name = str(issue).replace("_", " ")
        title = (
            f"{name}: {measure.replace('_', ' ')} {side} {worst['threshold'].iloc[0]:g} ({len(rows)} of {len(quality)})"
        )
        figures.append(
            (f"quality_{issue}", plot_worst([read(image_id) for image_id in worst["image_id"]], captions, title))
        )
    if not figures:
        text.append("No photo is beyond a threshold.")
    return Section("quality", "Image quality", text, figures)


def duplicate_section(duplicates: pd.DataFrame, read: Reader) -> Section:
    """Copies: how many of which kind, and those under two names."""
    if duplicates.empty:
        return Section("duplicates", "Copies", ["No photo is a copy of another one."])
    kinds = ", ".join(f"{count} {kind}" for kind, count in duplicates["kind"].value_counts().items())
    text = [
        f"Photos with a copy: {len(duplicates)} ({kinds}); groups of copies: {duplicates['group'].nunique()}; "
        f"copies that --remove-duplicates leaves out: {int(duplicates['removable'].sum())}.",
        "--remove-duplicates writes a catalogue without those. Where one picture bears two names, all its copies stay, "
        "because only a person knows which name is right.",
    ]
    lists = {
        "Copies under two names": duplicates_across_identities(duplicates),
        "Copies that can go": plain_copies(duplicates),
    }
    figures = [
        (title.lower().replace(" ", "_"), plot_suspicions(pairs[:PAIRS], read, title, ""))
        for title, pairs in lists.items()
        if pairs
    ]
    table = duplicates.drop(columns=["path"])
    return Section("duplicates", "Copies", text, figures, table, "duplicates.csv")


def split_section(leakage: dict[str, Any] | None, suggested: "pd.Series[Any]", method: str) -> Section:
    """How leaky the catalogue's split is, and the one that is suggested."""
    counts = ", ".join(f"{(suggested == side).sum()} {side}" for side in ("train", "valid", "test"))
    text = [f"Suggested in split.csv: {counts} ({method}). --save-split writes it beside the photos, to train on."]
    if leakage is None:
        return Section("split", "Split", ["The catalogue has no split of its own.", *text])
    rows = [
        {
            "side": side,
            "photos": leakage[side]["photos"],
            **{reason: leakage[side][reason]["count"] for reason in ("same_encounter", "near_duplicate", "same_photo")},
            "share_with_any": leakage[side]["any"]["share"],
        }
        for side in ("valid", "test")
    ]
    about = (
        f"The column `{leakage['column']}`: how many photos of each side have one of the same animal on an earlier "
        "side that gives the answer away."
    )
    return Section("split", "Split", [about, *text], table=pd.DataFrame(rows), source="statistics.json")


def label_section(audit: Audit | None, read: Reader) -> Section:
    """What the model says against the labels."""
    if audit is None:
        text = ["There is no trained model yet. Train one, run this again, and it looks for wrong labels."]
        return Section("labels", "Labels", text)
    share = "no photo can be judged" if audit.found_share is None else f"{audit.found_share:.0%} of the photos"
    text = [
        f"{origin(audit)}.",
        f"The nearest independent photo shows the same animal for {share}: so far, at best, can the model be trusted "
        "here.",
    ]
    lists = {
        "Photos that may have the wrong label": odd_photos(audit.photos),
        "Identities that may be one animal": alike_identities(audit.pairs),
        "Identities that may be two animals": mixed_identities(audit.identities),
    }
    text.append("; ".join(f"{title}: {len(pairs)}" for title, pairs in lists.items()) + ".")
    figures = [
        (title.lower().replace(" ", "_"), plot_suspicions(pairs[:PAIRS], read, title, ""))
        for title, pairs in lists.items()
        if pairs
    ]
    return Section("labels", "Labels", text, figures)


def problem_section(problems: pd.DataFrame) -> Section:
    """What could not be used."""
    text = (
        "Everything could be used." if problems.empty else f"{len(problems)} photos, rows or cells could not be used."
    )
    return Section("problems", "What could not be used", [text], table=problems, source="problems.csv")
