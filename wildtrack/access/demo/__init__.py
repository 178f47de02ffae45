"""Drawn sea turtles: a dataset that needs no download.

Data flows one way: plates -> turtle -> camera <- water, and dataset saves what the camera sees.
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
