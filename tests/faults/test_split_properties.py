"""What a split may never do, whatever the catalogue: each rule in a plain loop over pairs of rows."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wildtrack.assess.duplicates.hashes import NEAR_DUPLICATE_BITS
from wildtrack.assess.splits import SUBSETS, SplitConfig, make_split
from wildtrack.errors import UserError

START = datetime(2024, 5, 1)
PICTURES = np.random.default_rng(0).random((6, 64)) < 0.5

ROW = st.fixed_dictionaries(
    {
        "identity": st.sampled_from(["a", "b", "Blå", "\0", "nan", "007"]),
        "photo": st.integers(0, 15),
        "hours": st.none() | st.integers(0, 200),
        "picture": st.integers(0, 5),
        "flipped": st.integers(0, 2 * NEAR_DUPLICATE_BITS),  # how many bits of the picture's hash
        "file": st.integers(0, 12),
    }
)
Rows = list[dict[str, Any]]


def table_of(rows: Rows) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """A catalogue whose rows may share photos, files, days and looks; and its hashes."""
    names = [f"r{number}" for number in range(len(rows))]
    dates = [None if row["hours"] is None else (START + timedelta(hours=row["hours"])).isoformat() for row in rows]
    table = pd.DataFrame(
        {
            "image_id": names,
            "identity": pd.Series([row["identity"] for row in rows], dtype=object),
            "path": [f"{name}.jpg" for name in names],
            "photo_id": [f"p{row['photo']}" for row in rows],
            "date": pd.Series(dates, dtype=object),
            "sha256": [f"{row['file']:064x}" for row in rows],
        }
    )
    hashes = PICTURES[[row["picture"] for row in rows]].copy()
    for number, row in enumerate(rows):
        hashes[number, : row["flipped"]] ^= True
    return table, hashes


def must_stay_together(rows: Rows, hashes: NDArray[np.bool_], hours: float, one: int, other: int) -> bool:
    """Whether two rows show one photo or file, or one animal on one occasion or in one pose."""
    first, second = rows[one], rows[other]
    if first["photo"] == second["photo"] or first["file"] == second["file"]:
        return True
    if first["identity"] != second["identity"]:
        return False
    dated = first["hours"] is not None and second["hours"] is not None
    if dated and abs(first["hours"] - second["hours"]) <= hours:
        return True
    return int((hashes[one] != hashes[other]).sum()) <= NEAR_DUPLICATE_BITS


@pytest.mark.slow
@given(
    rows=st.lists(ROW, min_size=1, max_size=25),
    config=st.fixed_dictionaries(
        {
            "split": st.sampled_from(["auto", "encounter", "random", "cutoff"]),
            "identities": st.sampled_from(["closed", "open", "disjoint"]),
            "encounter_hours": st.sampled_from([0, 1, 12, 48]),
            "test_share": st.floats(0, 0.95),
            "valid_share": st.floats(0, 0.95),
            "seed": st.integers(0, 2**63),
        }
    ),
    shuffle=st.randoms(use_true_random=False),
)
def test_rows_that_belong_together_stay_in_one_subset(rows: Rows, config: dict[str, Any], shuffle: Any) -> None:
    table, hashes = table_of(rows)
    if config["split"] == "cutoff":
        config = config | {"cutoff": "2024-05-04"}
    try:
        subset = make_split(table, hashes, SplitConfig(**config)).subset
    except UserError as error:
        assert str(error).isprintable()
        return
    assert subset.shape == (len(rows),) and set(subset) <= set(SUBSETS)
    for one in range(len(rows)):
        for other in range(one):
            if must_stay_together(rows, hashes, config["encounter_hours"], one, other):
                assert subset[one] == subset[other], (rows[one], rows[other])
    again = make_split(table, hashes, SplitConfig(**config)).subset
    assert again.tolist() == subset.tolist()
    order = shuffle.sample(range(len(rows)), len(rows))
    assert make_split(table.iloc[order], hashes[order], SplitConfig(**config)).subset.tolist() == subset[order].tolist()


@pytest.mark.slow
@given(rows=st.lists(ROW, min_size=1, max_size=25), seed=st.integers(0, 2**63))
def test_closed_identities_all_have_training_photos(rows: Rows, seed: int) -> None:
    table, hashes = table_of(rows)
    config = SplitConfig("random", test_share=0.5, valid_share=0.5, seed=seed)
    subset = make_split(table, hashes, config).subset
    for identity in {row["identity"] for row in rows}:
        own = [str(word) for word, row in zip(subset, rows, strict=True) if row["identity"] == identity]
        assert "train" in own


@pytest.mark.slow
@given(
    rows=st.lists(ROW, min_size=2, max_size=25),
    words=st.lists(st.sampled_from([*SUBSETS, "", None]), min_size=25, max_size=25),
    valid_share=st.floats(0, 0.9),
)
def test_a_catalogues_own_subsets_are_kept(rows: Rows, words: list[str | None], valid_share: float) -> None:
    table, hashes = table_of(rows)
    own = words[: len(rows)]
    assume({"train", "test"} <= set(own))
    config = SplitConfig("catalogue", test_share=0.5, valid_share=valid_share)
    subset = make_split(table.assign(split=pd.Series(own, dtype=object)), hashes, config).subset
    for word, given_word in zip(subset, own, strict=True):
        if given_word == "train" and "valid" not in own:
            assert word in ("train", "valid")  # carved out
        else:
            assert word == (given_word or "")
