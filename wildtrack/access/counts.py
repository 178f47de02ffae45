"""How many there are, in words that a person reads."""


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun.

    Examples:
        >>> counted(1, "photo", "photos"), counted(2, "identity", "identities")
        ('1 photo', '2 identities')
    """
    return f"{number} {one if number == 1 else many}"
