"""The sections of the report: the results of every check in, titles, sentences, pictures and tables out."""

from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.thumbnails import thumbnail
from wildtrack.assess.audit import Audit
from wildtrack.assess.audit_plots import (
    Reader,
    Suspicion,
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
from wildtrack.assess.report import Picture, Section
from wildtrack.assess.trust import origin, tells_apart

SHOWN_SIDE = 256  # pixels, the longer side of a photo in a picture

PICTURES = (  # the files that the figures go to
    *("sample.png", "photos_per_identity.png", "animals_per_photo.png", "photos_per_date.png"),
    *("encounters_per_identity.png", "orientation.png", "species.png", "photo_sizes.png", "quality_*.png"),
    *("copies_*.png", "photos_that_may_*.png", "identities_that_may_*.png"),
)
GRID = (6, 4)
WORST = 6  # photos shown an issue
PAIRS = 8  # suspicions shown a list
CAPTION = 28  # letters a line below a photo


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
    grid = plot_grid(photos, list(sample["identity"]), GRID)
    return Section("sample", "Some of the photos", [text], [Picture("sample", grid)])


def identity_section(table: pd.DataFrame, statistics: dict[str, Any]) -> Section:
    """How many photos each identity has."""
    text = f"{statistics['rows']} rows, {statistics['photos']} photos, {statistics['identities']} identities"
    if statistics["unknown_rows"]:
        text += f", {statistics['unknown_rows']} rows without a name"
    figures = [Picture("photos_per_identity", plot_identity_histogram(list(table["identity"])))]
    if len(statistics["animals_per_photo"]) > 1:
        figures.append(Picture("animals_per_photo", plot_animals_per_photo(table)))
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
        Picture("photos_per_date", plot_photos_per_date(table)),
        Picture("encounters_per_identity", plot_encounters_per_identity(table, encounter_hours)),
    ]
    return Section("dates", "Dates and encounters", [text], figures)


def balance_section(table: pd.DataFrame, quality: pd.DataFrame) -> Section:
    """Sides, species, and sizes of the photos."""
    figures = [Picture(column, plot_balance(table, column)) for column in ("orientation", "species") if column in table]
    figures.append(Picture("photo_sizes", plot_photo_sizes(quality)))
    missing = [column for column in ("orientation", "species") if column not in table]
    text = [f"The catalogue says nothing of {' and '.join(missing)}."] if missing else []
    return Section("balance", "Sides, species, sizes", text, figures)


def quality_section(quality: pd.DataFrame, flags: pd.DataFrame, read: Reader) -> Section:
    """The worst photos of each issue, each photo pictured once: a dark one is underexposed and plain as well."""
    text = ["Every number is defined in docs/quality.md; the thresholds are knobs. A flag asks for a look, no more."]
    if flags.empty:
        return Section("quality", "Image quality", [*text, "No photo is beyond a threshold."])
    figures: list[Picture] = []
    pictured: set[str] = set()
    issues = flags["issue"].str.replace("_", " ").groupby(flags["image_id"]).agg(list)
    for issue, rows in flags.groupby("issue", sort=False):
        name, (measure, bad) = str(issue).replace("_", " "), ISSUES[str(issue)]
        above = rows["image_id"].isin(pictured)
        worst = rows[~above].head(WORST)
        pictured.update(worst["image_id"])
        side = "below" if bad == "low" else "above"
        measured = measure.replace("_", " ")
        title = f"{name}: {measured} {side} {rows['threshold'].iloc[0]:g} ({len(rows)} of {len(quality)})"
        if worst.empty:
            text.append(f"{title}: all of them are pictured below for another issue.")
            continue
        captions = [
            (f"{measured} {value:.2f}", path, *_also(issues[image_id], name))
            for value, path, image_id in zip(worst["value"], worst["path"], worst["image_id"], strict=True)
        ]
        caption = _shown(len(worst), len(rows), "quality.csv")
        if above.any():
            caption += f" Pictured above for another issue: {above.sum()}."
        photos = [read(image_id) for image_id in worst["image_id"]]
        figures.append(Picture(f"quality_{issue}", plot_worst(photos, captions, title), caption))
    return Section("quality", "Image quality", text, figures)


def _also(issues: list[str], but: str) -> list[str]:
    """The photo's other issues, in lines that fit below it."""
    others = ", ".join(issue for issue in issues if issue != but)
    return wrap(f"also {others}", CAPTION) if others else []


def _shown(count: int, of: int, source: str) -> str:
    return "" if count == of else f"{count} of {of} shown; {source} lists all."


def _suspicion_pictures(lists: dict[str, tuple[list[Suspicion], str]], read: Reader) -> list[Picture]:
    """A picture of each list that has any: title -> (suspicions, the file that lists all)."""
    return [
        Picture(
            title.lower().replace(" ", "_"),
            plot_suspicions(found[:PAIRS], read, title, ""),
            _shown(min(PAIRS, len(found)), len(found), source),
        )
        for title, (found, source) in lists.items()
        if found
    ]


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
        "Copies under two names": (duplicates_across_identities(duplicates), "duplicates.csv"),
        "Copies that can go": (plain_copies(duplicates), "duplicates.csv"),
    }
    table = duplicates.drop(columns=["path"])
    return Section("duplicates", "Copies", text, _suspicion_pictures(lists, read), table, "duplicates.csv")


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
    share = "none" if audit.found_share is None else f"{audit.found_share:.0%}"
    text = [
        f"{origin(audit)}.",
        f"The most similar photo of another occasion shows the same animal for {share} of the photos: so far, at best, "
        "can the model be trusted here.",
    ]
    if not tells_apart(audit):
        return Section(
            "labels", "Labels", [*text, "That is too little to suspect any label; train on these photos first."]
        )
    lists = {
        "Photos that may have the wrong label": (odd_photos(audit.photos), "suspicious_photos.csv"),
        "Identities that may be one animal": (alike_identities(audit.pairs), "suspicious_pairs.csv"),
        "Identities that may be two animals": (mixed_identities(audit.identities), "suspicious_identities.csv"),
    }
    text.append("; ".join(f"{title}: {len(found)}" for title, (found, _) in lists.items()) + ".")
    if len(audit.pairs) or len(audit.identities):
        text.append(
            "Likeness says how similar photos are to the model: 0 is typical of two different animals, 1 of two photos "
            "of one animal."
        )
    return Section("labels", "Labels", text, _suspicion_pictures(lists, read))


def problem_section(problems: pd.DataFrame) -> Section:
    """What could not be used."""
    text = (
        "Everything could be used." if problems.empty else f"{len(problems)} photos, rows or cells could not be used."
    )
    return Section("problems", "What could not be used", [text], table=problems, source="problems.csv")
