import pytest

from wildtrack.assess.counts import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 copies"), (1, "1 copy"), (2, "2 copies")])
def test_one_is_no_plural(number: int, words: str) -> None:
    assert counted(number, "copy", "copies") == words
