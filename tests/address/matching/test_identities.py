import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wildtrack.address.matching import identities as module
from wildtrack.address.matching.identities import Identities


def ranked_by_the_book(scores: list[float], ids: list[str]) -> dict[str, int]:
    """Identity -> the row of its best photo, the best identity first."""
    best: dict[str, int] = {}
    for row in sorted(range(len(ids)), key=lambda row: (-scores[row], row)):
        if scores[row] > -math.inf:
            best.setdefault(ids[row], row)
    return best


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(15))
def test_ranking_agrees_with_plain_loops(seed: int, kind: type[np.floating], monkeypatch: pytest.MonkeyPatch) -> None:
    """With many ties, excluded photos, and identities whose photos are all excluded."""
    monkeypatch.setattr(module, "BLOCK", 40)
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 60))
    ids = [f"id {number}" for number in rng.integers(0, rng.integers(1, 25), count)]
    scores = rng.integers(-4, 4, (7, count)).astype(kind)
    scores[rng.random(scores.shape) < rng.choice([0.0, 0.3, 0.9])] = -np.inf
    identities, names = Identities.of(ids), list(dict.fromkeys(ids))
    assert identities.names.tolist() == names
    assert identities.counts.tolist() == [ids.count(name) for name in names]
    merged = identities.merge(scores)
    assert merged.dtype == kind
    expected = [[max(row[[each == name for each in ids]]) for name in names] for row in scores]
    np.testing.assert_array_equal(merged, expected)
    for row in scores:
        places, rows = identities.ranking(row)
        found = dict(zip(identities.names[places], rows.tolist(), strict=True))
        assert list(found.items()) == list(ranked_by_the_book(row.tolist(), ids).items())


@pytest.mark.parametrize("ids", [[3, 3, "é"], np.array(["b", "a", "b"]), pd.Series(["x", "y", "y"], index=[9, 9, 2])])
def test_names_of_any_kind(ids: Any) -> None:
    identities = Identities.of(ids)
    assert identities.names[identities.codes].tolist() == list(ids) and identities.names.dtype == object


def test_nothing_to_rank_and_scores_of_other_photos() -> None:
    identities = Identities.of(["a", "b", "a"])
    assert identities.merge(np.zeros((0, 3), np.float32)).shape == (0, 2)
    assert [each.tolist() for each in identities.ranking(np.full(3, -np.inf))] == [[], []]
    nobody = Identities.of([])
    assert (len(nobody.names), nobody.counts.tolist()) == (0, [])
    for shape in ((3,), (2, 2), (2, 4), (1, 2, 3)):
        with pytest.raises(ValueError, match=r"3 gallery photos need shape \(Q, 3\), not"):
            identities.merge(np.zeros(shape))
