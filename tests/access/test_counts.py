import pytest

from wildtrack.access.counts import counted


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 identities"), (1, "1 identity"), (2, "2 identities"), (8729, "8729 identities")]
)
def test_counted(number: int, expected: str) -> None:
    assert counted(number, "identity", "identities") == expected
