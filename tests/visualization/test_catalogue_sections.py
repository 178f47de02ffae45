import pandas as pd
import pytest

from wildtrack.visualization.catalogue_sections import identity_section, problem_section, split_section


@pytest.mark.parametrize(
    ("counts", "text", "charts"),
    [
        ((5, 4, 1, 0), "5 rows, 4 photos, 1 identity.", ["photos_per_identity"]),
        ((1, 1, 0, 1), "1 row, 1 photo, 0 identities, 1 row without a name.", []),
    ],
)
def test_rows_photos_and_identities_are_counted(counts: tuple[int, ...], text: str, charts: list[str]) -> None:
    statistics = dict(zip(("rows", "photos", "identities", "unknown_rows"), counts, strict=True))
    section = identity_section(pd.DataFrame({"identity": ["Ana"]}), {**statistics, "animals_per_photo": {1: 1}})
    assert section.text == [text] and [chart.name for chart in section.charts] == charts


@pytest.mark.parametrize(
    ("subsets", "text"),
    [
        ([], "No animal is named yet, so there is nothing to split."),
        (["train"], "none is left to test on"),
        (["train", "train", "test"], "2 train, 0 valid, 1 test (by encounter). --save-split writes it"),
    ],
)
def test_a_split_is_suggested_and_one_without_test_photos_reported(subsets: list[str], text: str) -> None:
    section = split_section(None, pd.Series(subsets, dtype=object), "by encounter")
    assert text in section.text[-1] and section.table is None


@pytest.mark.parametrize(
    ("count", "text"), [(0, "Everything could be used."), (2, "Photos, rows or values that could not be used: 2.")]
)
def test_problems_are_counted(count: int, text: str) -> None:
    problems = pd.DataFrame({"path": ["a"] * count, "reason": ["b"] * count})
    assert problem_section(problems).text[0].startswith(text)
