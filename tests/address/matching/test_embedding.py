import numpy as np
import pytest

from tests.helpers.features import unit
from wildtrack.address.matching.embedding import BLOCK, cosines


@pytest.mark.parametrize("queries", [0, 1, 4])
@pytest.mark.parametrize("photos", [0, 1, 7, BLOCK + 3])
def test_cosines_agree_with_a_plain_loop(queries: int, photos: int) -> None:
    rng = np.random.default_rng(photos)
    first, second = unit(rng.normal(size=(queries, 6))), unit(rng.normal(size=(photos, 6)))
    found = cosines(first, second)
    assert found.dtype == np.float32 and found.shape == (queries, photos)
    for row in range(queries):
        for column in [*range(min(photos, 7)), *range(max(0, photos - 5), photos)]:
            expected = sum(a * b for a, b in zip(first[row].tolist(), second[column].tolist(), strict=True))
            assert found[row, column] == pytest.approx(expected, abs=1e-6)


def test_to_a_single_query_equals_are_equal_wherever_they_lie() -> None:
    rng = np.random.default_rng(0)
    gallery = unit(rng.normal(size=(90_000, 24)))
    places = np.sort(rng.choice(len(gallery), 300, replace=False))
    gallery[places] = gallery[0]
    query = unit(rng.normal(size=(1, 24)))
    found = cosines(query, gallery)[0]
    assert (found[places] == found[0]).all()
    np.testing.assert_array_equal(found[places], cosines(query, gallery[places])[0])  # nor does it matter who else is
