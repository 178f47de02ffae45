import numpy as np
import pytest

from wildtrack.address.matching.viewpoints import RELATIONS, viewpoint_relation


@pytest.mark.parametrize(
    ("query", "gallery", "relation"),
    [
        ("left", "left", "same"),
        ("left", "right", "other"),
        ("", "left", "any"),
        ("left", "", "any"),
        ("", "", "any"),
    ],
)
def test_how_viewpoints_relate(query: str, gallery: str, relation: str) -> None:
    for viewpoints in ([query], np.array([query], dtype=object)):
        found = viewpoint_relation(viewpoints, np.array([gallery, "x", gallery]))
        assert found.shape == (1, 3)
        assert found.dtype == np.int8
        assert RELATIONS[found[0, 0]] == RELATIONS[found[0, 2]] == relation
    assert viewpoint_relation([query], []).shape == (1, 0)
