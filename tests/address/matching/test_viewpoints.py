import numpy as np
import pytest

from wildtrack.address.matching.viewpoints import ANY, OTHER, SAME, viewpoint_relation


@pytest.mark.parametrize(
    ("query", "expected"), [("left", [SAME, OTHER, ANY]), ("", [ANY, ANY, ANY]), ("top", [OTHER, OTHER, ANY])]
)
def test_the_relation_of_viewpoints(query: str, expected: list[int]) -> None:
    for viewpoints in ([query], np.array([query], dtype=object)):
        found = viewpoint_relation(viewpoints, np.array(["left", "right", ""]))
        assert found.dtype == np.int8 and found.tolist() == [expected]
    assert viewpoint_relation([query], []).shape == (1, 0)
