import numpy as np
import pandas as pd

from tests.helpers.features import keypoints
from wildtrack.address.features.features import Features, viewpoints_of


def test_some_photos_of_all() -> None:
    rng = np.random.default_rng(6)
    embeddings, found = rng.normal(size=(3, 4)).astype(np.float32), [keypoints(rng, count) for count in (3, 0, 5)]
    everything = Features(embeddings, np.array(["left", "", "right"], dtype=object), found)
    some = everything[np.array([2, 0])]
    assert (len(everything), len(some)) == (3, 2)
    np.testing.assert_array_equal(some.embeddings, embeddings[[2, 0]])
    assert some.viewpoints.tolist() == ["right", "left"] and some.keypoints == [found[2], found[0]]
    assert Features(embeddings, everything.viewpoints)[np.array([1])].keypoints is None


def test_viewpoints() -> None:
    table = pd.DataFrame({"identity": list("abcde")})
    assert viewpoints_of(table).tolist() == [""] * 5
    table["orientation"] = pd.Series(["left", None, float("nan"), "", 1], dtype=object)
    assert viewpoints_of(table).tolist() == ["left", "", "", "", "1"]
