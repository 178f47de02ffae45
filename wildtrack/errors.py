"""The exception for the user."""


class UserError(Exception):
    """A mistake that the user can mend. The message is one line: the bad value, what is allowed, what to do."""


def in_one_line(error: object, most: int = 600) -> str:
    """The text of a library's error in one line; of a long one the middle is left out, as reasons stand at the end."""
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[: most // 3]} ... {text[-2 * most // 3 :]}"
