from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from wildtrack.assess.labels.audit import MIXED_COLUMNS, PAIR_COLUMNS, PHOTO_COLUMNS, Audit
from wildtrack.assess.quality.flags import ISSUES
from wildtrack.visualization import photo_sections as sections
from wildtrack.visualization.html_report import Pair
from wildtrack.visualization.photo_sections import PAIRS, WORST


def read(image_id: str) -> np.ndarray:
    return np.full((30, 40, 3), 90, np.uint8)


def described(pair: Pair) -> list[tuple[str, ...]]:
    return [(photo.title, *photo.lines) for photo in (pair.left, pair.right)]


def test_a_sample_has_a_border_for_each_identity() -> None:
    table = pd.DataFrame({"image_id": [f"p{row}" for row in range(99)], "identity": ["Ana", "unknown", "Bo"] * 33})
    (photos,) = sections.sample_section(table, read, 0).photos
    assert len(photos.singles) == 24
    borders = {photo.title: photo.border for photo in photos.singles}
    assert borders == {"Ana": "solid #0072b2", "Bo": "solid #e69f00", "unknown": "dotted #787878"}
    assert len(sections.sample_section(table.head(2), read, 0).photos[0].singles) == 2


def flags(**photos: str) -> pd.DataFrame:
    """Issue -> a letter a photo, the worst first."""
    rows = [(name, f"{name}.jpg", issue, 0.5, 0.4) for issue, names in photos.items() for name in names]
    return pd.DataFrame(rows, columns=["image_id", "path", "issue", "value", "threshold"])


LISTED = "shown; quality.csv lists all."
QUALITY = pd.DataFrame({"image_id": list("abcdefghijkl"), "turn": 90.0})


@pytest.mark.parametrize(
    ("given", "titles", "captions"),
    [
        ({}, [], []),
        ({"dark": "ab"}, ["dark"], [""]),
        ({"dark": "abcdefgh"}, ["dark"], [f"{WORST} of 8 {LISTED}"]),
        ({"dark": "ab", "plain": "abc"}, ["dark", "plain"], ["", f"1 of 3 {LISTED} Shown above for another issue: 2."]),
        ({"dark": "ab", "plain": "ba"}, ["dark"], [""]),
    ],
)
def test_photos_of_several_issues_are_shown_once(given: dict[str, str], titles: list[str], captions: list[str]) -> None:
    assert set(given) <= set(ISSUES)
    section = sections.quality_section(QUALITY, flags(**given), read)
    assert [photos.title.partition(":")[0] for photos in section.photos] == titles
    assert [photos.caption for photos in section.photos] == captions
    paths = [photo.lines[0] for photos in section.photos for photo in photos.singles]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(("degrees", "words"), [(180, "turn 180°"), (270, "turn 90° counterclockwise")])
def test_a_turned_photo_says_how_to_turn_it_and_lists_other_issues(degrees: float, words: str) -> None:
    flagged = flags(turned="a", dark="ab", low_contrast="a")
    section = sections.quality_section(QUALITY.assign(turn=float(degrees)), flagged, read)
    assert section.photos[0].singles[0].title == words
    assert section.photos[0].singles[0].lines == ["a.jpg", "also dark, low contrast"]
    assert "all are shown below, under another issue" in " ".join(section.text)


def duplicates(groups: int) -> pd.DataFrame:
    """Groups of three copies: two of one animal and one under another name."""
    rows = [(group, f"{group}{name}", "Ana" if name < 2 else "Bo") for group in range(groups) for name in range(3)]
    columns: dict[str, Any] = {
        "path": "p", "kind": "near", "distance": 3, "duplicate_of": "0", "removable": False, "across_identities": True,
        "within_identity": True, "across_splits": False,
    }  # fmt: skip
    return pd.DataFrame(rows, columns=["group", "image_id", "identity"]).assign(**columns)


@pytest.mark.parametrize(
    ("groups", "caption"),
    [(1, ""), (PAIRS, ""), (PAIRS + 3, f"{PAIRS} of {PAIRS + 3} shown; duplicates.csv lists all.")],
)
def test_copies_that_are_not_shown_are_counted_and_not_read(groups: int, caption: str) -> None:
    seen = Mock(side_effect=read)
    (photos,) = sections.duplicate_section(duplicates(groups), seen).photos
    assert (photos.title, photos.caption) == ("Copies with two names", caption)
    assert seen.call_count == 2 * len(photos.pairs) == 2 * min(groups, PAIRS)


def test_copies_are_shown_by_two_names_or_by_the_one_that_stays() -> None:
    (pair,) = sections.copies_with_two_names(duplicates(1), read)
    assert described(pair) == [("Ana", "00"), ("Bo", "02")]
    assert pair.remark == "one picture, 2 names; 2 of 3 photos shown"
    assert [pair.remark for pair in sections.copies_with_two_names(duplicates(1)[1:], read)] == ["one picture, 2 names"]
    near, exact = sections.copies_that_can_go(duplicates(1).assign(kind=["", "near", "exact file"])[1:], read)
    assert described(near) == [("stays", "0"), ("can go", "01")]
    assert (near.remark, exact.remark) == ("Ana, near: 3 of 64 bits differ", "Bo, exact file")


@pytest.mark.parametrize("has_split", [False, True])
def test_every_column_is_explained(has_split: bool) -> None:
    section = sections.duplicate_section(duplicates(1).assign(**({"split": "train"} if has_split else {})), read)
    assert sections.duplicate_section(duplicates(0), read).table is None and section.table is not None
    assert list(section.table)[:4] == ["image_id", "duplicate_of", "kind", "removable"]
    assert set(section.table) <= set(section.headings) and ("across_splits" in section.table) is has_split


NAMED: dict[str, Any] = {"identities": 2, "encounters": {}}
PHOTO = pd.DataFrame([["p", "Ana", "p.jpg", "", "Bo", 0.9, 8, 1, "q", "q.jpg", "o", "o.jpg"]], columns=PHOTO_COLUMNS)
PAIR = ["Ana", "Bo", "", 0.876, 0.7, 4, 1, "p", "p.jpg", "q", "q.jpg"]


def audit(found_share: float | None, pairs: int = 0, photos: int = 0) -> Audit:
    alike, mixed = pd.DataFrame([PAIR] * pairs, columns=PAIR_COLUMNS), pd.DataFrame(columns=MIXED_COLUMNS)
    return Audit(PHOTO.head(photos), alike, mixed, found_share, compared=10, learnt=7)


def test_suspicions_are_shown_by_their_evidence() -> None:
    (pair,) = sections.odd_photos(PHOTO, read)
    assert described(pair) == [("labelled Ana", "similar photos: 1", "p"), ("labelled Bo", "similar photos: 8", "q")]
    (pair,) = sections.alike_identities(pd.DataFrame([PAIR], columns=PAIR_COLUMNS), read)
    assert (described(pair), pair.remark) == ([("Ana", "p"), ("Bo", "q")], "one animal? likeness 0.88")
    (pair,) = sections.mixed_identities(pd.DataFrame([[PAIR[0], *PAIR[2:]]], columns=MIXED_COLUMNS), read)
    assert described(pair) == [("Ana", "4 photos", "p"), ("Ana", "1 photo", "q")]
    assert pair.remark == "two animals? likeness 0.12"


@pytest.mark.parametrize(
    ("given", "text", "lists"),
    [
        (None, "No model was used", 0),
        (audit(None), "No animal has two photos to compare", 0),
        (audit(0.3, pairs=1), "too little to check any name", 0),
        (audit(0.9), "identities that may be one animal: 0", 0),
        (audit(0.9, pairs=1), "Values below 0", 1),
        (audit(0.9, photos=1), "have that name", 1),
    ],
)
def test_names_are_checked_only_by_a_model_that_knows_the_animals(given: Audit | None, text: str, lists: int) -> None:
    section = sections.label_section(given, read, NAMED)
    assert text.casefold() in " ".join(section.text).casefold()
    assert ("trained on 7 of the 10 photos here" in " ".join(section.text)) is (given is not None)
    assert len(section.photos) == lists


@pytest.mark.parametrize(
    ("statistics", "text"),
    [
        ({}, "photo of another occasion"),
        ({"encounters": None}, "Without dates"),
        ({"identities": 0}, "No animal is named yet, so there are no names to check."),
    ],
)
def test_occasions_are_mentioned_only_where_photos_have_dates(statistics: dict[str, Any], text: str) -> None:
    found = " ".join(sections.label_section(audit(0.9), read, NAMED | statistics).text)
    assert text in found and ("Without dates" in found) is (text == "Without dates")
