"""Checks that every script makes of its knobs, so that a slip is a sentence and not a traceback an hour later."""

from wildtrack.errors import UserError


def check_range(**limits: tuple[float, float, float]) -> None:
    """Check numbers against their bounds.

    Args:
        limits: name = (value, lowest, highest), bounds included.

    Raises:
        UserError: The first that is outside.
    """
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise UserError(f"--{name.replace('_', '-')} {value} is not allowed; it must be between {low} and {high}")
