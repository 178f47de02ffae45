"""The search as a web page: drop a photo, see which animal it shows, confirm it, and later searches use it.

  python app.py                        on this computer only: http://127.0.0.1:8000
  python app.py --host 0.0.0.0         for others in this network too; confirming needs the token it prints

It needs a trained model; the gallery is built where there is none yet. Confirmed photos are kept in `sightings`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wildtrack.commands.serve import Config, serve
from wildtrack.console import run

CUSTOM_OBJECTS: Mapping[str, Any] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
    port=8000,  # port of the page's address; 0: any free port
    host="127.0.0.1",  # address to listen at; 0.0.0.0: all addresses of this computer
    artifacts=Path("artifacts"),  # the trained model, and the gallery
    sightings=Path("sightings"),  # confirmed photos: a database and the files
    data=None,  # known photos; None: those of the index, or of the training if there is no index
    matcher="auto",  # embedding, local, fused; auto: whichever did best on validation photos
    false_match_rate=0.01,  # share of new animals' photos that may be called a match
    custom_objects=CUSTOM_OBJECTS,
)

if __name__ == "__main__":
    run(serve, CONFIG, __doc__)
