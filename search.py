"""Ask who the animals on new photos are.

  python search.py new_photo.jpg               one photo, several, folders, or patterns such as "new/*.jpg"
  python search.py new_photo.jpg --json        the answer for machines
  python search.py                             the demo's new photos

The first call builds the index from every labelled photo; build it again with --rebuild when photos were added.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wildtrack.commands.search import Config, search
from wildtrack.console import run

CUSTOM_OBJECTS: Mapping[str, Any] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
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
    run(search, CONFIG, __doc__)
