"""The sections of the report on a catalogue, from the results of the checks: text, charts, photos and tables."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from wildtrack.access.photos.thumbnails import thumbnail_reader
from wildtrack.assess.checks import Checks
from wildtrack.assess.labels.audit import Audit
from wildtrack.console import counted
from wildtrack.visualization import catalogue_plots as plots
from wildtrack.visualization.html_report import Chart, Section
from wildtrack.visualization.photo_sections import duplicate_section, label_section, quality_section, sample_section
from wildtrack.visualization.style import PAGE, PHOTO_SIDE, png

CHARTS = (  # names of the charts, and of those of earlier versions
    r"(photos_per_identity|animals_per_photo|photos_per_date|encounters_per_identity|orientation|species|photo_sizes"
    r"|sample|quality_\w+|copies_\w+|photos_that_may_\w+|identities_that_may_\w+)\.png"
)
LEAKS = {
    "photos": "named photos in that subset.",
    "same_encounter": "of them, with a photo of the same animal and occasion in an earlier subset.",
    "near_duplicate": "with a copy, or nearly, in an earlier subset.",
    "same_photo": "with a part of the same photo in an earlier subset.",
    "share_with_any": "the share with any of these; 0 is a leak-free split.",
}


def all_sections(checks: Checks, audit: Audit | None, root: Path, encounter_hours: float, seed: int) -> list[Section]:
    """All sections, in their order on the page; `audit` is None without a model, `seed` chooses the sample."""
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


def identity_section(table: pd.DataFrame, statistics: dict[str, Any]) -> Section:
    """How many photos each identity has."""
    words = (("rows", "row"), ("photos", "photo"), ("identities", "identity"))
    counts = [counted(statistics[plural], word, plural) for plural, word in words]
    if statistics["unknown_rows"]:
        counts.append(f"{counted(statistics['unknown_rows'], 'row', 'rows')} without a name")
    charts = []
    if statistics["identities"]:
        charts.append(_chart("photos_per_identity", plots.plot_identity_histogram(list(table["identity"]))))
    if len(statistics["animals_per_photo"]) > 1:
        charts.append(_chart("animals_per_photo", plots.plot_animals_per_photo(table)))
    return Section("identities", "Identities", [f"{', '.join(counts)}."], charts)


def date_section(table: pd.DataFrame, statistics: dict[str, Any], encounter_hours: float) -> Section:
    """When the photos were taken, and whether a time-aware split is possible."""
    charts = []
    text = (
        "No photo has a date, so it is not known which photos are of one occasion. Dates come from the column "
        "`date`, or from the photos' own EXIF."
    )
    if statistics["dates"] is not None:
        charts.append(_chart("photos_per_date", plots.plot_photos_per_date(table)))
        text = "The photos that have a date have no name, so it is not known which animals were met twice."
    if statistics["encounters"] is not None:
        charts.append(_chart("encounters_per_identity", plots.plot_encounters_per_identity(table, encounter_hours)))
        text = (
            f"An encounter is photos of one animal with gaps of at most {encounter_hours:g} hours. Only an animal that "
            "was met twice or more gives leak-free figures: its later encounters are searched in its earlier ones."
        )
    return Section("dates", "Dates and encounters", [text], charts)


def balance_section(table: pd.DataFrame, quality: pd.DataFrame) -> Section:
    """How often each viewpoint and species comes, and how large the photos are."""
    columns = ("orientation", "species")
    charts = [_chart(column, plots.plot_balance(table, column)) for column in columns if column in table]
    charts.append(_chart("photo_sizes", plots.plot_photo_sizes(quality)))
    missing = " and ".join(column for column in columns if column not in table)
    text = [f"Not in the catalogue: {missing}."] if missing else []
    return Section("balance", "Viewpoints, species, sizes", text, charts)


def split_section(leakage: dict[str, Any] | None, suggested: "pd.Series[Any]", method: str) -> Section:
    """How leaky the catalogue's split is, and the one that is suggested."""
    if suggested.empty:
        return Section("split", "Split", ["No animal is named yet, so there is nothing to split."])
    counts = ", ".join(f"{(suggested == subset).sum()} {subset}" for subset in ("train", "valid", "test"))
    text = [f"Suggested in split.csv: {counts} ({method}). --save-split writes it next to the photos, to train on."]
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
    count = len(problems)
    text = f"Photos, rows or values that could not be used: {count}." if count else "Everything could be used."
    return Section("problems", "What could not be used", [text], table=problems, source="problems.csv")


def _chart(name: str, figure: Figure) -> Chart:
    return Chart(name, png(figure, PAGE))
