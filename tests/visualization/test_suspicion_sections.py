from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from wildtrack.assess.labels.audit import MIXED_COLUMNS, PAIR_COLUMNS, PHOTO_COLUMNS, Audit
from wildtrack.visualization.suspicion_sections import PAIRS, duplicate_section, label_section


def read(image_id: str) -> np.ndarray:
    return np.full((30, 40, 3), 90, dtype=np.uint8)


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


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
def test_copies_that_are_not_shown_are_counted(groups: int, caption: str) -> None:
    (picture,) = duplicate_section(duplicates(groups), read).figures
    assert picture.name == "copies_under_two_names"
    assert picture.caption == caption
    assert "one picture, 2 names; 2 of 3 photos shown" in written(picture.figure)


@pytest.mark.parametrize("has_split", [False, True])
def test_every_column_is_explained(has_split: bool) -> None:
    section = duplicate_section(duplicates(1).assign(**({"split": "train"} if has_split else {})), read)
    assert section.table is not None
    assert list(section.table)[:4] == ["image_id", "duplicate_of", "kind", "removable"]
    assert set(section.table) <= set(section.headings)
    assert ("across_splits" in section.table) is has_split


def test_without_copies_there_is_no_table() -> None:
    section = duplicate_section(duplicates(0), read)
    assert section.table is None
    assert not section.figures


NAMED: dict[str, Any] = {"identities": 2, "encounters": {}}


def audit(found_share: float | None, pairs: int = 0, photos: int = 0) -> Audit:
    row = ["Ana", "Bo", "", 0.9, 0.7, 4, 5, "p", "p.jpg", "q", "q.jpg"]
    return Audit(
        pd.DataFrame([["p", "Ana", "p.jpg", "", "Bo", 0.9, 8, 1, *"qqoo"]] * photos, columns=PHOTO_COLUMNS),
        pd.DataFrame([row] * pairs, columns=PAIR_COLUMNS),
        pd.DataFrame(columns=MIXED_COLUMNS),
        found_share,
        compared=10,
        learnt=7,
    )


@pytest.mark.parametrize(
    ("given", "said", "pictures"),
    [
        (None, "No trained model was used", 0),
        (audit(None), "No photo has another one of its own animal", 0),
        (audit(0.3, pairs=1), "too little to suspect any label", 0),
        (audit(0.9), "Identities that may be one animal: 0", 0),
        (audit(0.9, pairs=1), "Less than 0 is even less alike", 1),
        (audit(0.9, photos=1), "how many have that name", 1),
    ],
)
def test_labels_are_suspected_only_by_a_model_that_knows_them(given: Audit | None, said: str, pictures: int) -> None:
    section = label_section(given, read, NAMED)
    assert said in " ".join(section.text)
    assert ("trained on 7 of the 10 photos here" in " ".join(section.text)) is (given is not None)
    assert len(section.figures) == pictures


@pytest.mark.parametrize(("encounters", "dated"), [({}, True), (None, False)])
def test_without_dates_nobody_speaks_of_occasions_as_known(encounters: Any, dated: bool) -> None:
    text = " ".join(label_section(audit(0.9), read, NAMED | {"encounters": encounters}).text)
    assert ("photo of another occasion" in text) is dated
    assert ("Without dates" in text) is not dated


def test_where_nobody_is_named_there_are_no_labels() -> None:
    section = label_section(audit(None), read, NAMED | {"identities": 0})
    assert section.text == ["Nobody is named yet, so there are no labels to check."]
