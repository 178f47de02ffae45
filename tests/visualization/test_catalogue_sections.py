import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from wildtrack.assess.quality.flags import ISSUES
from wildtrack.visualization.catalogue_sections import (
    WORST,
    identity_section,
    problem_section,
    quality_section,
    sample_section,
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


QUALITY = pd.DataFrame({"image_id": list("abcdefghijkl"), "turn": 90.0})


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
    assert "pictured below, under another issue." in " ".join(section.text)


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (4, 1), (5, 2), (24, 6), (99, 6)])
def test_a_sample_has_no_empty_rows(count: int, rows: int) -> None:
    table = pd.DataFrame({"image_id": [f"p{row}" for row in range(count)], "identity": "Ana"})
    one, many = (sample_section(table.head(shown), read, 0).figures[0].figure for shown in (1, count))
    gap = 20 / 100  # inches around the photos
    assert (many.get_figheight() - gap) / (one.get_figheight() - gap) == pytest.approx(rows, rel=0.01)


@pytest.mark.parametrize(
    ("degrees", "words"), [(90, "turn 90° clockwise"), (180, "turn 180°"), (270, "turn 90° counterclockwise")]
)
def test_a_turned_photo_says_how_to_turn_it(degrees: float, words: str) -> None:
    section = quality_section(QUALITY.assign(turn=float(degrees)), flags(turned="a"), read)
    assert words in written(section.figures[0].figure)


@pytest.mark.parametrize(
    ("counts", "said", "pictures"),
    [
        ((5, 4, 1, 0), "5 rows, 4 photos, 1 identity.", ["photos_per_identity"]),
        ((1, 1, 0, 1), "1 row, 1 photo, 0 identities, 1 row without a name.", []),
    ],
)
def test_what_is_there_is_counted(counts: tuple[int, ...], said: str, pictures: list[str]) -> None:
    statistics = dict(zip(("rows", "photos", "identities", "unknown_rows"), counts, strict=True))
    section = identity_section(pd.DataFrame({"identity": ["Ana"]}), {**statistics, "animals_per_photo": {1: 1}})
    assert section.text == [said]
    assert [picture.name for picture in section.figures] == pictures


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ([], "Nobody is named yet, so there is nothing to split."),
        (["train"], "none is left to test on"),
        (["train", "test"], "--save-split writes it"),
    ],
)
def test_a_split_that_nobody_can_use_is_called_so(sides: list[str], said: str) -> None:
    text = split_section(None, pd.Series(sides, dtype=object), "").text
    assert said in text[-1]


def test_a_catalogue_without_a_split_gets_a_suggestion() -> None:
    section = split_section(None, pd.Series(["train", "train", "test"]), "by encounter")
    assert "2 train, 0 valid, 1 test (by encounter)" in " ".join(section.text)
    assert section.table is None


@pytest.mark.parametrize(
    ("count", "said"), [(0, "Everything could be used."), (2, "Photos, rows or cells that could not be used: 2.")]
)
def test_problems_are_counted(count: int, said: str) -> None:
    problems = pd.DataFrame({"path": ["a"] * count, "reason": ["b"] * count})
    assert problem_section(problems).text[0].startswith(said)
