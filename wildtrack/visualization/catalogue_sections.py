"""Sections of the report on a catalogue: results of the checks in, titles, sentences, pictures and tables out."""

from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.photos.thumbnails import Thumbnails, thumbnail_reader
from wildtrack.assess.checks import Checks
from wildtrack.assess.labels.audit import Audit
from wildtrack.assess.quality.flags import ISSUES
from wildtrack.console import counted
from wildtrack.visualization.catalogue_plots import (
    plot_animals_per_photo,
    plot_balance,
    plot_encounters_per_identity,
    plot_identity_histogram,
    plot_photo_sizes,
    plot_photos_per_date,
)
from wildtrack.visualization.html_report import Picture, Section, some_shown
from wildtrack.visualization.photo_grids import plot_grid, plot_worst
from wildtrack.visualization.style import PHOTO_SIDE
from wildtrack.visualization.suspicion_sections import duplicate_section, label_section

PICTURES = (  # the files that the figures go to
    *("sample.png", "photos_per_identity.png", "animals_per_photo.png", "photos_per_date.png"),
    *("encounters_per_identity.png", "orientation.png", "species.png", "photo_sizes.png", "quality_*.png"),
    *("copies_*.png", "photos_that_may_*.png", "identities_that_may_*.png"),
)
GRID = (6, 4)
WORST = 6  # photos shown an issue
CAPTION = 28  # letters a line below a photo
LEAKS = {
    "photos": "named photos in that subset.",
    "same_encounter": "of them, with a photo of the same animal and occasion in an earlier subset.",
    "near_duplicate": "with a copy, or nearly, in an earlier subset.",
    "same_photo": "with a part of the same photo in an earlier subset.",
    "share_with_any": "the share with any of these; 0 is a split that gives nothing away.",
}


def all_sections(checks: Checks, audit: Audit | None, root: Path, encounter_hours: float, seed: int) -> list[Section]:
    """All sections of the report, in their order on the page.

    Args:
        checks: From `check_catalogue`.
        audit: From `audit_labels`, or None without a model.
        root: What the catalogue's paths are relative to.
        encounter_hours: The longest gap inside an encounter, in hours.
        seed: Names the photos that are shown as a sample.
    """
    table, read = checks.table, thumbnail_reader(checks.table, root, PHOTO_SIDE)
    return [
        sample_section(table, read, seed),
        identity_section(table, checks.statistics),
        date_section(table, checks.statistics, encounter_hours),
        balance_section(table, checks.quality),
        quality_section(checks.quality, checks.flags, read),
        duplicate_section(checks.duplicates, read),
        split_section(checks.leakage, checks.suggested["split"], checks.method),
        label_section(audit, read, checks.statistics),
        problem_section(checks.problems),
    ]


def sample_section(table: pd.DataFrame, read: Thumbnails, seed: int) -> Section:
    """Some photos, drawn at random, framed by identity."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(table))[: GRID[0] * GRID[1]])
    sample = table.iloc[rows].sort_values("identity", kind="stable")
    photos = [read(image_id) for image_id in sample["image_id"]]
    text = f"{len(sample)} of {counted(len(table), 'photo', 'photos')}, drawn at random"
    text += "; each frame's colour and dash is an identity's."
    rows_needed = max(1, -(-len(sample) // GRID[1]))
    grid = plot_grid(photos, list(sample["identity"]), (rows_needed, GRID[1]))
    return Section("sample", "Some of the photos", [text], [Picture("sample", grid)])


def identity_section(table: pd.DataFrame, statistics: dict[str, Any]) -> Section:
    """How many photos each identity has."""
    counts = [
        counted(statistics["rows"], "row", "rows"),
        counted(statistics["photos"], "photo", "photos"),
        counted(statistics["identities"], "identity", "identities"),
    ]
    if statistics["unknown_rows"]:
        counts.append(f"{counted(statistics['unknown_rows'], 'row', 'rows')} without a name")
    text = ", ".join(counts)
    figures = []
    if statistics["identities"]:
        figures.append(Picture("photos_per_identity", plot_identity_histogram(list(table["identity"]))))
    if len(statistics["animals_per_photo"]) > 1:
        figures.append(Picture("animals_per_photo", plot_animals_per_photo(table)))
    return Section("identities", "Identities", [f"{text}."], figures)


def date_section(table: pd.DataFrame, statistics: dict[str, Any], encounter_hours: float) -> Section:
    """When the photos were taken, and whether a time-aware split is possible."""
    if statistics["dates"] is None:
        text = (
            "No photo has a date, so it is not known which photos are of one occasion. Dates come from the column "
            "`date`, or from the photos' own EXIF."
        )
        return Section("dates", "Dates and encounters", [text])
    text = (
        f"An encounter is photos of one animal with gaps of at most {encounter_hours:g} hours. Only an animal that was "
        "met twice or more gives leak-free figures: its later encounters are searched in its earlier ones."
    )
    figures = [Picture("photos_per_date", plot_photos_per_date(table))]
    if statistics["encounters"] is None:
        text = "The photos that have a date have no name, so it is not known which animals were met twice."
        return Section("dates", "Dates and encounters", [text], figures)
    figures.append(Picture("encounters_per_identity", plot_encounters_per_identity(table, encounter_hours)))
    return Section("dates", "Dates and encounters", [text], figures)


def balance_section(table: pd.DataFrame, quality: pd.DataFrame) -> Section:
    """How often each viewpoint and species comes, and how large the photos are."""
    figures = [Picture(column, plot_balance(table, column)) for column in ("orientation", "species") if column in table]
    figures.append(Picture("photo_sizes", plot_photo_sizes(quality)))
    missing = [column for column in ("orientation", "species") if column not in table]
    text = [f"Not in the catalogue: {' and '.join(missing)}."] if missing else []
    return Section("balance", "Viewpoints, species, sizes", text, figures)


def quality_section(quality: pd.DataFrame, flags: pd.DataFrame, read: Thumbnails) -> Section:
    """The worst photos of each issue, each photo pictured once: a dark one is underexposed and plain as well."""
    text = ["Every number is defined in docs/quality.md; thresholds are settings. A flag asks for a look, no more."]
    if flags.empty:
        return Section("quality", "Image quality", [*text, "No photo is beyond a threshold."])
    figures: list[Picture] = []
    pictured: set[str] = set()
    turns = quality.set_index("image_id")["turn"]
    issues = flags["issue"].str.replace("_", " ").groupby(flags["image_id"]).agg(list)
    for issue, rows in flags.groupby("issue", sort=False):
        name, (measure, bad) = str(issue).replace("_", " "), ISSUES[str(issue)]
        above = rows["image_id"].isin(pictured)
        worst = rows[~above].head(WORST)
        pictured.update(worst["image_id"])
        beyond = "below" if bad == "low" else "above"
        measured = measure.replace("_", " ")
        title = f"{name}: {measured} {beyond} {rows['threshold'].iloc[0]:g} ({len(rows)} of {len(quality)})"
        if worst.empty:
            text.append(f"{title}: pictured below, under another issue.")
            continue
        captions = [
            (
                turn_in_words(turns[image_id]) if issue == "turned" else f"{measured} {value:.2f}",
                path,
                *_also(issues[image_id], name),
            )
            for value, path, image_id in zip(worst["value"], worst["path"], worst["image_id"], strict=True)
        ]
        caption = some_shown(len(worst), len(rows), "quality.csv")
        if above.any():
            caption += f" Pictured above for another issue: {above.sum()}."
        photos = [read(image_id) for image_id in worst["image_id"]]
        figures.append(Picture(f"quality_{issue}", plot_worst(photos, captions, title), caption))
    return Section("quality", "Image quality", text, figures)


def turn_in_words(degrees: float) -> str:
    """How to set a photo upright, from the clockwise degrees."""
    return {90.0: "turn 90° clockwise", 270.0: "turn 90° counterclockwise"}.get(degrees, f"turn {degrees:g}°")


def _also(issues: list[str], but: str) -> list[str]:
    """The photo's other issues, in lines that fit below it."""
    others = ", ".join(issue for issue in issues if issue != but)
    return wrap(f"also {others}", CAPTION) if others else []


def split_section(leakage: dict[str, Any] | None, suggested: "pd.Series[Any]", method: str) -> Section:
    """How leaky the catalogue's split is, and the one that is suggested."""
    if suggested.empty:
        return Section("split", "Split", ["Nobody is named yet, so there is nothing to split."])
    counts = ", ".join(f"{(suggested == subset).sum()} {subset}" for subset in ("train", "valid", "test"))
    text = [f"Suggested in split.csv: {counts} ({method}). --save-split writes it beside the photos, to train on."]
    if not (suggested == "test").any():
        text.append("No animal has photos of two occasions that can be separated, so none is left to test on.")
    if leakage is None:
        return Section("split", "Split", ["The catalogue has no split of its own.", *text])
    rows = [
        {
            "subset": subset,
            "photos": leakage[subset]["photos"],
            **{why: leakage[subset][why]["count"] for why in ("same_encounter", "near_duplicate", "same_photo")},
            "share_with_any": leakage[subset]["any"]["share"],
        }
        for subset in ("valid", "test")
    ]
    about = (
        f"The column `{leakage['column']}`: how many photos of each subset have one of the same animal in an earlier "
        "subset that gives the answer away."
    )
    return Section("split", "Split", [about, *text], table=pd.DataFrame(rows), source="statistics.json", headings=LEAKS)


def problem_section(problems: pd.DataFrame) -> Section:
    """What could not be used."""
    text = "Everything could be used."
    if len(problems):
        text = f"Photos, rows or cells that could not be used: {len(problems)}."
    return Section("problems", "What could not be used", [text], table=problems, source="problems.csv")
