import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import keypoints
from wildtrack.address.features.features import Features, viewpoints_of


def test_some_photos_of_all() -> None:
    rng = np.random.default_rng(6)
    embeddings, found = rng.normal(size=(3, 4)).astype(np.float32), [keypoints(rng, count) for count in (3, 0, 5)]
    everything = Features(embeddings, np.array(["left", "", "right"], dtype=object), found)
    some = everything[np.array([2, 0])]
    assert (len(everything), len(some)) == (3, 2)
    np.testing.assert_array_equal(some.embeddings, embeddings[[2, 0]])
    assert some.viewpoints.tolist() == ["right", "left"]
    assert some.keypoints == [found[2], found[0]]
    assert Features(embeddings, everything.viewpoints)[np.array([1])].keypoints is None


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (None, ["", "", ""]),
        (["left", None, "right"], ["left", "", "right"]),
        ([None, float("nan"), ""], ["", "", ""]),
        ([1, 2, 1], ["1", "2", "1"]),
    ],
)
def test_viewpoints(column: list[object] | None, expected: list[str]) -> None:
    table = pd.DataFrame({"identity": list("abc")})
    if column is not None:
        table["orientation"] = pd.Series(column, dtype=object)
    assert viewpoints_of(table).tolist() == expected
