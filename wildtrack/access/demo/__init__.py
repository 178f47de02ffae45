"""Drawn sea turtles: a dataset that needs no download.

Data flows one way: plates -> turtle -> camera <- water, and dataset saves what the camera sees.
"""

from wildtrack.access.demo.dataset import DEMO, DEMO_NEW, make_demo

__all__ = ["DEMO", "DEMO_NEW", "make_demo"]
