"""The search as a web page: drop a photo, see who it is, say yes or no, and the catalogue learns.

  python app.py                        on this computer only: http://127.0.0.1:8000
  python app.py --host 0.0.0.0         for the others in this network as well; what writes needs the token it prints

It needs a trained model; the index is built where there is none yet. What people confirm is kept in `sightings`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wildtrack.commands.serve import Config, serve
from wildtrack.console import run

CUSTOM_OBJECTS: Mapping[str, Any] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
    port=8000,  # 0: any that is free
    host="127.0.0.1",  # the address to listen at; 0.0.0.0: all of this computer's
    artifacts=Path("artifacts"),  # the trained model, and the gallery
    sightings=Path("sightings"),  # what people confirm: a database, and the photos
    data=None,  # gallery photos; None: those it has, or for a new gallery those of the training
    matcher="auto",  # embedding, local, fused; auto: whichever did best on validation photos
    false_match_rate=0.01,  # share of new animals' photos that may be called a match
    custom_objects=CUSTOM_OBJECTS,
)

if __name__ == "__main__":
    run(serve, CONFIG, __doc__)
