"""The exception for the user."""


class UserError(Exception):
    """A mistake that the user can mend. The message is one line: the bad value, what is allowed, what to do."""
