from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from wildtrack.assess.audit import MIXED_COLUMNS, PAIR_COLUMNS, PHOTO_COLUMNS, Audit
from wildtrack.assess.quality import ISSUES
from wildtrack.assess.sections import (
    PAIRS,
    WORST,
    duplicate_section,
    label_section,
    problem_section,
    quality_section,
    split_section,
)


def read(image_id: str) -> np.ndarray:
    return np.full((30, 40, 3), 90, dtype=np.uint8)


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


def flags(**photos: str) -> pd.DataFrame:
    """Issue -> a letter a photo, the worst first."""
    rows = [(name, f"{name}.jpg", issue, 0.5, 0.4) for issue, names in photos.items() for name in names]
    return pd.DataFrame(rows, columns=["image_id", "path", "issue", "value", "threshold"])


QUALITY = pd.DataFrame({"image_id": list("abcdefghijkl")})


@pytest.mark.parametrize(
    ("given", "pictures", "captions"),
    [
        ({}, [], []),
        ({"dark": "ab"}, ["quality_dark"], [""]),
        ({"dark": "abcdefgh"}, ["quality_dark"], [f"{WORST} of 8 shown; quality.csv lists all."]),
        (
            {"dark": "ab", "plain": "abc"},
            ["quality_dark", "quality_plain"],
            ["", "1 of 3 shown; quality.csv lists all. Pictured above for another issue: 2."],
        ),
        ({"dark": "ab", "plain": "ba"}, ["quality_dark"], [""]),
    ],
)
def test_a_photo_is_pictured_once(given: dict[str, str], pictures: list[str], captions: list[str]) -> None:
    assert set(given) <= set(ISSUES)
    section = quality_section(QUALITY, flags(**given), read)
    assert [picture.name for picture in section.figures] == pictures
    assert [picture.caption for picture in section.figures] == captions
    paths = [text for picture in section.figures for text in written(picture.figure) if text.endswith(".jpg")]
    assert len(paths) == len(set(paths))


def test_a_pictured_photo_shows_all_its_issues() -> None:
    section = quality_section(QUALITY, flags(dark="ab", low_contrast="a", plain="a"), read)
    assert "also low contrast, plain" in written(section.figures[0].figure)
    assert "all of them are pictured" in " ".join(section.text)


def duplicates(groups: int) -> pd.DataFrame:
    """Groups of three copies: two of one animal and one under another name."""
    rows = [(group, f"{group}{name}", "Ana" if name < 2 else "Bo") for group in range(groups) for name in range(3)]
    columns: dict[str, Any] = {
        "path": "p", "kind": "near", "distance": 3, "duplicate_of": "0", "removable": False, "across_identities": True,
    }  # fmt: skip
    return pd.DataFrame(rows, columns=["group", "image_id", "identity"]).assign(**columns)


@pytest.mark.parametrize(
    ("groups", "caption"),
    [(1, ""), (PAIRS, ""), (PAIRS + 3, f"{PAIRS} of {PAIRS + 3} shown; duplicates.csv lists all.")],
)
def test_copies_that_are_not_shown_are_counted(groups: int, caption: str) -> None:
    (picture,) = duplicate_section(duplicates(groups), read).figures
    assert picture.name == "copies_under_two_names"
    assert picture.caption == caption
    assert "one picture, 2 names; 2 of 3 photos shown" in written(picture.figure)


def test_without_copies_there_is_no_table() -> None:
    section = duplicate_section(duplicates(0), read)
    assert section.table is None
    assert not section.figures


def audit(found_share: float | None, pairs: int = 0) -> Audit:
    row = ["Ana", "Bo", "", 0.9, 0.7, 4, 5, "p", "p.jpg", "q", "q.jpg"]
    return Audit(
        pd.DataFrame(columns=PHOTO_COLUMNS),
        pd.DataFrame([row] * pairs, columns=PAIR_COLUMNS),
        pd.DataFrame(columns=MIXED_COLUMNS),
        found_share,
        compared=10,
        learnt=7,
    )


@pytest.mark.parametrize(
    ("given", "said", "pictures"),
    [
        (None, "There is no trained model yet", 0),
        (audit(None), "for none of the photos", 0),
        (audit(0.3, pairs=1), "too little to suspect any label", 0),
        (audit(0.9), "Identities that may be one animal: 0", 0),
        (audit(0.9, pairs=1), "Likeness says", 1),
    ],
)
def test_labels_are_suspected_only_by_a_model_that_knows_them(given: Audit | None, said: str, pictures: int) -> None:
    section = label_section(given, read)
    assert said in " ".join(section.text)
    assert ("trained on 7 of these 10 photos" in " ".join(section.text)) is (given is not None)
    assert len(section.figures) == pictures


def test_a_catalogue_without_a_split_gets_a_suggestion() -> None:
    section = split_section(None, pd.Series(["train", "train", "test"]), "by encounter")
    assert "2 train, 0 valid, 1 test (by encounter)" in " ".join(section.text)
    assert section.table is None


@pytest.mark.parametrize(("count", "said"), [(0, "Everything could be used."), (2, "2 photos, rows or cells")])
def test_problems_are_counted(count: int, said: str) -> None:
    problems = pd.DataFrame({"path": ["a"] * count, "reason": ["b"] * count})
    assert problem_section(problems).text[0].startswith(said)
