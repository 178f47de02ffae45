"""The sections of the report that show photos side by side: copies, and labels that a model doubts."""

from typing import Any

import pandas as pd

from wildtrack.access.photos.thumbnails import Thumbnails
from wildtrack.assess.findings import NO_COPIES
from wildtrack.assess.labels.audit import Audit
from wildtrack.assess.labels.suspicions import NEIGHBOURS
from wildtrack.assess.labels.trust import origin, tells_apart
from wildtrack.visualization.html_report import Picture, Section, some_shown
from wildtrack.visualization.suspicion_plots import (
    Suspicion,
    alike_identities,
    duplicates_across_identities,
    mixed_identities,
    odd_photos,
    plain_copies,
    plot_suspicions,
)

PAIRS = 8  # suspicions shown a list
COPY_COLUMNS = {  # those that a person wants first come first
    "image_id": "a photo that has a copy.",
    "duplicate_of": "the copy that stays instead of it, or else the one most like it.",
    "kind": "exact file: equal byte by byte; exact pixels: equal as pictures; near: resized, recompressed, or the next "
    "frame if nothing moved.",
    "removable": "it can go, and --remove-duplicates leaves it out.",
    "identity": "the name it has.",
    "across_identities": "a copy has another name, so one of the names is wrong.",
    "across_splits": "a copy is in another subset of the split and gives the answer away.",
    "within_identity": "a copy has the same name.",
    "group": "photos of one number show the same picture.",
    "distance": "of the 64 bits that describe a picture, how many differ; 0 is equal.",
}


def duplicate_section(duplicates: pd.DataFrame, read: Thumbnails) -> Section:
    """Copies: how many of which kind, and those under two names."""
    if duplicates.empty:
        return Section("duplicates", "Copies", [NO_COPIES])
    kinds = ", ".join(f"{count} {kind}" for kind, count in duplicates["kind"].value_counts().items())
    text = [
        f"Photos with a copy: {len(duplicates)} ({kinds}); groups of copies: {duplicates['group'].nunique()}; "
        f"copies that can go: {int(duplicates['removable'].sum())}.",
        "--remove-duplicates writes a catalogue without those that can go. What stays is the copy with the fewest "
        "quality flags, then one with a box, then the one with the most pixels, then the one with the plainest file "
        "name. Where one picture has two names, all its copies stay, because only a person knows which is right.",
    ]
    lists = {
        "Copies under two names": (duplicates_across_identities(duplicates), "duplicates.csv"),
        "Copies that can go": (plain_copies(duplicates), "duplicates.csv"),
    }
    table = duplicates[[name for name in COPY_COLUMNS if name != "across_splits" or "split" in duplicates]]
    pictures = _suspicion_pictures(lists, read)
    return Section("duplicates", "Copies", text, pictures, table, "duplicates.csv", COPY_COLUMNS)


def label_section(audit: Audit | None, read: Thumbnails, statistics: dict[str, Any]) -> Section:
    """Labels that the model doubts, and how far it can be trusted."""
    if not statistics["identities"]:
        return Section("labels", "Labels", ["Nobody is named yet, so there are no labels to check."])
    if audit is None:
        text = ["No trained model was used. Train one, run this again, and it looks for wrong labels."]
        return Section("labels", "Labels", text)
    text = [f"{origin(audit)}.", _trusted(audit.found_share, dated=statistics["encounters"] is not None)]
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
    if len(audit.photos):
        text.append(
            f"Similar photos: of the photos that the model finds most similar to the left one, at most {NEIGHBOURS}, "
            "how many have that name."
        )
    if len(audit.pairs) or len(audit.identities):
        text.append(
            "Likeness says how similar photos are to the model: 0 is typical of two different animals, 1 of two photos "
            "of one animal. Less than 0 is even less alike than that, more than 1 even more alike."
        )
    return Section("labels", "Labels", text, _suspicion_pictures(lists, read))


def _trusted(found_share: float | None, *, dated: bool) -> str:
    """How far the model can be trusted, in sentences; `dated`: encounters are known."""
    if found_share is None:
        return "No photo has another one of its own animal to be compared with, copies not counted."
    other = "photo of another occasion" if dated else "other photo that is no copy"
    text = (
        f"The most similar {other} shows the same animal for {found_share:.0%} of the photos. The model can be "
        "trusted that far at best."
    )
    return text if dated else f"{text} Without dates it may be a photo of the same occasion, which is easy to find."


def _suspicion_pictures(lists: dict[str, tuple[list[Suspicion], str]], read: Thumbnails) -> list[Picture]:
    """A picture of each list that has any: title -> (suspicions, the file that lists all)."""
    return [
        Picture(
            title.lower().replace(" ", "_"),
            plot_suspicions(found[:PAIRS], read, title),
            some_shown(min(PAIRS, len(found)), len(found), source),
        )
        for title, (found, source) in lists.items()
        if found
    ]
