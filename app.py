"""The search as a web page: drop a photo, see which animal it shows, confirm it, and later searches use it."""

from pathlib import Path

from wildtrack.commands import serve
from wildtrack.console import run

CUSTOM_OBJECTS: dict[str, type] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has examples and every setting; the command line counts more than this.
CONFIG = serve.Config(
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
    run(serve.serve, CONFIG, serve.__doc__)
