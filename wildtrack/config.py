"""Checks that every script makes of its knobs, so that a slip is a sentence and not a traceback an hour later."""

import math

from wildtrack.errors import UserError


def check_range(**limits: tuple[float, float, float]) -> None:
    """Check numbers against their bounds.

    Args:
        limits: name = (value, lowest, highest), bounds included; `math.inf` is no bound, and never a value.

    Raises:
        UserError: The first that is outside.
    """
    for name, (value, low, high) in limits.items():
        if not low <= value <= high or math.isinf(value):  # NaN is refused too
            allowed = f"between {low} and {high}" if math.isfinite(high) else f"{low} or more"
            raise UserError(f"--{name.replace('_', '-')} {value} is not allowed; it must be {allowed}")
