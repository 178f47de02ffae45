"""How far a label audit can be believed: an `Audit` in, sentences for a person out."""

from wildtrack.assess.labels.audit import Audit
from wildtrack.console import counted

TRUSTED = 0.5  # share of photos whose nearest other one shows the same animal, from which on an audit says something
KNOWN = 0.5  # share of photos learnt, below which these are not the animals of the model; a training learns two thirds


def tells_apart(audit: Audit) -> bool:
    """Whether the model tells these animals apart well enough to say anything of their labels."""
    return audit.found_share is not None and audit.found_share >= TRUSTED


def is_of_others(audit: Audit) -> bool:
    """Whether the model was trained on other animals, or does not say on which."""
    return audit.learnt is None or audit.learnt < KNOWN * audit.compared


def origin(audit: Audit) -> str:
    """Say which of these photos the model was trained on, and what follows from it."""
    if audit.learnt is None:
        return (
            "The model does not say which photos it was trained on: animals that it never saw it may confuse, and a "
            "wrong label that it learnt it believes"
        )
    photos = counted(audit.compared, "photo", "photos")
    if not audit.learnt:
        return (
            f"The model was trained on none of the {photos} here, but on other ones, so it may confuse animals that it "
            "never saw"
        )
    learnt = f"The model was trained on {audit.learnt} of the {photos} here"
    believed = "A photo learnt under a wrong label lies near that wrong label, so its error may not show"
    if is_of_others(audit):
        return f"{learnt} only, so it may confuse animals that it never saw. {believed}"
    return f"{learnt}. {believed}; a model that was trained on other photos finds such errors"
