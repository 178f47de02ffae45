import math
from typing import Any

import pytest

from wildtrack.config import check_range
from wildtrack.errors import UserError


@pytest.mark.parametrize("value", [1, 2.5, 5])
def test_a_value_inside_passes(value: float) -> None:
    check_range(top_k=(value, 1, 5))


@pytest.mark.parametrize("value", [0, 5.01, -math.inf, math.inf, math.nan])
def test_a_value_outside_is_named_with_its_limits(value: float) -> None:
    with pytest.raises(UserError, match=r"--top-k .* between 1 and 5") as error:
        check_range(fine=(1, 0, 1), top_k=(value, 1, 5))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["five", None, [5]])
def test_what_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(UserError, match=r"^--top-k .* is not allowed; it must be a number$"):
        check_range(top_k=(value, 1, 5))


def test_nothing_to_check() -> None:
    check_range()
