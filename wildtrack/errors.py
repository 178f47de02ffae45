"""The one exception a user is meant to read."""


class UserError(Exception):
    """Something the user can mend.

    The message is one line: the bad value, what is allowed, what to do. Scripts print it
    without a traceback and exit with code 2 (see `wildtrack.console.run`).
    """
