"""Demo: a dataset of drawn sea turtles, which needs no download.

- `dataset`: which turtle is met when, and the folder with photos and catalogue
- `plates`: the mosaic on a turtle's head, its identity
- `turtle`: one side of a head
- `water`: the sea of a day
- `camera`: a photo of the head in the water
- `texture`, `drawing`: the sheet that a head is drawn on; noise, shapes and blends
"""

import logging
from pathlib import Path

DEMO = Path("data/demo-turtles")  # where the scripts look for it
DEMO_NEW = Path("data/demo-new-photos")

log = logging.getLogger(__name__)


def make_demo_once(data: Path) -> None:
    """Draw the demo where `data` is its folder and there is none yet."""
    if data == DEMO and not any(DEMO.glob("*")):
        from wildtrack.access.demo.dataset import make_demo  # SciPy takes a second: not for --help

        log.info("There are no photos at %s: drawing demo turtles there.", DEMO)
        make_demo(DEMO, DEMO_NEW)
