"""Drawn sea turtles: a dataset that needs no download.

Data flows one way: plates -> turtle -> camera <- water, and dataset saves what the camera sees.
"""

from pathlib import Path

DEMO = Path("data/demo-turtles")  # where the scripts look for it
DEMO_NEW = Path("data/demo-new-photos")
