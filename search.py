"""Ask who the animals on new photos are."""

from pathlib import Path

from wildtrack.commands import search
from wildtrack.console import run

CUSTOM_OBJECTS: dict[str, type] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has examples and every setting; the command line counts more than this.
CONFIG = search.Config(
    topk=5,  # how many identities to name
    panels=True,  # draw a picture for each photo; those of the search before are removed
    matcher="auto",  # embedding, local, fused; auto: whichever did best on validation photos
    false_match_rate=0.01,  # share of new animals' photos that may be called a match
    data=None,  # known photos; None: those of the index, or of the training if there is no index
    artifacts=Path("artifacts"),  # the trained model, and the gallery
    results=Path("results"),  # where the pictures go
    custom_objects=CUSTOM_OBJECTS,
)

if __name__ == "__main__":
    run(search.search, CONFIG, search.__doc__)
