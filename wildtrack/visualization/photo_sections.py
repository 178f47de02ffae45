"""Sections of the report that show photos: a sample, the worst of each issue, copies, names that may be wrong."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from wildtrack.access.photos.thumbnails import Thumbnails
from wildtrack.assess.findings import NO_COPIES, NO_ISSUES
from wildtrack.assess.labels.audit import Audit
from wildtrack.assess.labels.suspicions import NEIGHBOURS
from wildtrack.assess.quality.flags import ISSUES
from wildtrack.console import counted
from wildtrack.visualization.html_report import Pair, Photos, Section, Thumbnail, shown_of
from wildtrack.visualization.style import identity_styles

SAMPLED = 24  # photos
WORST = 6  # photos shown for each issue
PAIRS = 8  # shown in each list
TURNS = {90.0: "turn 90° clockwise", 270.0: "turn 90° counterclockwise"}
BORDERS = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "double"}  # matplotlib's dashes in CSS
COPY_COLUMNS = {  # the most useful first
    "image_id": "a photo that has a copy.",
    "duplicate_of": "the copy that stays instead, or the most similar one.",
    "kind": "exact file: equal byte by byte; near: the same picture, resized, recompressed, or the next frame if "
    "nothing moved.",
    "removable": "it can go; --remove-duplicates leaves it out.",
    "identity": "its name.",
    "across_identities": "a copy has another name: one is wrong, or both animals are on it.",
    "across_splits": "a copy is in another subset of the split and gives the answer away.",
    "within_identity": "a copy has the same name.",
    "group": "photos with the same number show the same picture.",
    "distance": "how many of the 64 bits that describe a picture differ; 0 is equal.",
}


def sample_section(table: pd.DataFrame, read: Thumbnails, seed: int) -> Section:
    """Some photos, drawn at random, framed by identity."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(table))[:SAMPLED])
    sample = table.iloc[rows].sort_values("identity", kind="stable")
    styles = identity_styles(sample["identity"])
    photos = [
        Thumbnail(read(image_id), name, (), f"{BORDERS[styles[name][1]]} {to_hex(styles[name][0])}")
        for image_id, name in zip(sample["image_id"], sample["identity"], strict=True)
    ]
    text = f"{len(sample)} of {counted(len(table), 'photo', 'photos')}, drawn at random. Each animal has its own frame."
    return Section("sample", "Some of the photos", [text], photos=[Photos(singles=photos)])


def quality_section(quality: pd.DataFrame, flags: pd.DataFrame, read: Thumbnails) -> Section:
    """The worst photos of each issue; a photo with several issues is shown once, under the first."""
    text = ["A flagged photo deserves a look, no more. docs/quality.md defines the measures and how to set thresholds."]
    if flags.empty:
        return Section("quality", "Image quality", [*text, NO_ISSUES])
    lists, shown = list[Photos](), set[str]()
    turns = quality.set_index("image_id")["turn"]
    issues = flags["issue"].str.replace("_", " ").groupby(flags["image_id"]).agg(list)
    for issue, rows in flags.groupby("issue", sort=False):
        name, (measure, bad) = str(issue).replace("_", " "), ISSUES[str(issue)]
        measured = measure.replace("_", " ")
        above = rows["image_id"].isin(shown)
        worst = rows[~above].head(WORST)
        shown.update(worst["image_id"])
        beyond = "below" if bad == "low" else "above"
        title = f"{name}: {measured} {beyond} {rows['threshold'].iloc[0]:g} ({len(rows)} of {len(quality)} photos)"
        if worst.empty:
            text.append(f"{title}; all are shown below, under another issue.")
            continue
        photos = []
        for image_id, path, value in zip(worst["image_id"], worst["path"], worst["value"], strict=True):
            turn = TURNS.get(turns[image_id], f"turn {turns[image_id]:g}°")
            heading = turn if issue == "turned" else f"{measured} {value:.2f}"
            others = ", ".join(other for other in issues[image_id] if other != name)
            photos.append(Thumbnail(read(image_id), heading, [path, f"also {others}"] if others else [path]))
        before = f" Shown above for another issue: {above.sum()}." if above.any() else ""
        caption = shown_of(len(worst), len(rows), "quality.csv") + before
        lists.append(Photos(title, photos, caption=caption.strip()))
    return Section("quality", "Image quality", text, photos=lists)


def duplicate_section(duplicates: pd.DataFrame, read: Thumbnails) -> Section:
    """Copies: how many of which kind, those with two names, and those that can go."""
    if duplicates.empty:
        return Section("duplicates", "Copies", [NO_COPIES])
    kinds = ", ".join(f"{count} {kind}" for kind, count in duplicates["kind"].value_counts().items())
    text = [
        f"Photos with a copy: {len(duplicates)} ({kinds}); groups of copies: {duplicates['group'].nunique()}; "
        f"copies that can go: {int(duplicates['removable'].sum())}.",
        "--remove-duplicates writes a catalogue without the copies that can go. The copy with the fewest quality flags "
        "stays, then one with a box, then the largest, then the one with the shortest file name. Where copies have two "
        "names, all of them stay: only a person knows which name is right.",
    ]
    renamed, removable = duplicates[duplicates["across_identities"]], duplicates[duplicates["removable"]]
    source = "duplicates.csv"
    photos = [
        *_pairs("Copies with two names", copies_with_two_names(renamed, read), renamed["group"].nunique(), source),
        *_pairs("Copies that can go", copies_that_can_go(removable, read), len(removable), source),
    ]
    table = duplicates[[name for name in COPY_COLUMNS if name != "across_splits" or "split" in duplicates]]
    return Section("duplicates", "Copies", text, (), photos, table, source, COPY_COLUMNS)


def copies_with_two_names(copies: pd.DataFrame, read: Thumbnails) -> Iterator[Pair]:
    """For each group of copies with several names, the first photo of its first two."""
    for _, rows in copies.groupby("group"):
        firsts = rows.drop_duplicates("identity")
        left, right = (_photo(read, row["image_id"], row["identity"]) for _, row in firsts.head(2).iterrows())
        more = f"; 2 of {len(rows)} photos shown" if len(rows) > 2 else ""
        yield Pair(left, right, f"one picture, {len(firsts)} names{more}")


def copies_that_can_go(copies: pd.DataFrame, read: Thumbnails) -> Iterator[Pair]:
    """The photo that stays on the left, the copy that can go on the right."""
    for _, row in copies.iterrows():
        kind = f"near: {row['distance']} of 64 bits differ" if row["kind"] == "near" else row["kind"]
        stays, goes = _photo(read, row["duplicate_of"], "stays"), _photo(read, row["image_id"], "can go")
        yield Pair(stays, goes, f"{row['identity']}, {kind}")


def label_section(audit: Audit | None, read: Thumbnails, statistics: dict[str, Any]) -> Section:
    """Names that a model contradicts, and how far the model can be trusted."""
    name, title = "labels", "Names that may be wrong"
    if not statistics["identities"]:
        return Section(name, title, ["No animal is named yet, so there are no names to check."])
    if audit is None:
        return Section(name, title, ["No model was used. Train one and run this again to check the names."])
    text = [f"{audit.origin}.", _trust(audit.found_share, statistics["encounters"] is not None)]
    if not audit.tells_apart:
        return Section(name, title, [*text, "That is too little to check any name; train on these photos first."])
    lists = {
        "Photos that may have the wrong name": (odd_photos, audit.photos, "suspicious_photos.csv"),
        "Identities that may be one animal": (alike_identities, audit.pairs, "suspicious_pairs.csv"),
        "Identities that may be two animals": (mixed_identities, audit.identities, "suspicious_identities.csv"),
    }
    text.append("; ".join(f"{what}: {len(found)}" for what, (_, found, _) in lists.items()) + ".")
    if len(audit.photos):
        text.append(f"Similar photos: how many of the photos most similar to it, at most {NEIGHBOURS}, have that name.")
    if len(audit.pairs) or len(audit.identities):
        text.append(
            "Likeness: how similar photos are to the model; 0 is typical of two animals, 1 of one animal. Values below "
            "0 and above 1 are possible."
        )
    photos = (_pairs(what, show(found, read), len(found), source) for what, (show, found, source) in lists.items())
    return Section(name, title, text, photos=list(chain.from_iterable(photos)))


def odd_photos(photos: pd.DataFrame, read: Thumbnails) -> Iterator[Pair]:
    """`Audit.photos`: the photo on the left, the most similar one of the suggested identity on the right."""
    for _, row in photos.iterrows():
        own, other = (f"similar photos: {row[name]}" for name in ("own_votes", "votes"))
        left = _photo(read, row["image_id"], f"labelled {row['identity']}", own)
        yield Pair(left, _photo(read, row["evidence_image_id"], f"labelled {row['suggested_identity']}", other))


def alike_identities(pairs: pd.DataFrame, read: Thumbnails) -> Iterator[Pair]:
    """`Audit.pairs`: the most similar photos of two identities."""
    for _, row in pairs.iterrows():
        left, right = (_photo(read, row[f"image_id_{one}"], row[f"identity_{one}"]) for one in "ab")
        yield Pair(left, right, f"one animal? likeness {row['score']:.2f}")


def mixed_identities(identities: pd.DataFrame, read: Thumbnails) -> Iterator[Pair]:
    """`Audit.identities`: typical photos of the two parts of an identity."""
    for _, row in identities.iterrows():
        counts = {part: counted(row[f"photos_{part}"], "photo", "photos") for part in "ab"}
        left, right = (_photo(read, row[f"image_id_{part}"], row["identity"], counts[part]) for part in "ab")
        yield Pair(left, right, f"two animals? likeness {1 - row['score']:.2f}")


def _photo(read: Thumbnails, image_id: str, title: str, *lines: str) -> Thumbnail:
    return Thumbnail(read(image_id), title, (*lines, image_id))


def _pairs(title: str, pairs: Iterator[Pair], total: int, source: str) -> list[Photos]:
    """The first `PAIRS`; no others are read."""
    caption = shown_of(min(PAIRS, total), total, source)
    return [Photos(title, pairs=list(islice(pairs, PAIRS)), caption=caption)] if total else []


def _trust(found_share: float | None, dated: bool) -> str:
    """How far the model can be trusted, in sentences; `dated`: encounters are known."""
    if found_share is None:
        return "No animal has two photos to compare, not counting copies."
    other = "photo of another occasion" if dated else "other photo that is no copy"
    text = f"For {found_share:.0%} of the photos, the most similar {other} shows the same animal."
    more = "" if dated else " Without dates it may be a photo of the same occasion, which is easy to find."
    return f"{text} The model can be trusted that far at best.{more}"
