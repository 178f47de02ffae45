"""Measure how well the trained model tells the animals apart, and draw what it sees.

Asks about photos the model never saw; writes results/metrics.json and pictures.

  python evaluate_reid_and_visualize.py                            the last training
  python evaluate_reid_and_visualize.py --artifacts other_model    a model that lies elsewhere
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wildtrack.commands.evaluate import Config, evaluate
from wildtrack.console import run

CUSTOM_OBJECTS: Mapping[str, Any] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
    topk=5,  # how many gallery photos a retrieval picture shows
    examples=6,  # how many retrieval and Grad-CAM pictures to draw
    tsne_max=1000,  # largest number of photos on the t-SNE map
    matcher="auto",  # embedding, local, fused; auto: whichever did best on validation photos
    false_match_rate=0.01,  # share of new animals' photos that may be called a match
    queries_per_identity=1,  # test photos of each animal that are queries; 0: all of them
    data=None,  # the photos to use; None: those the model was trained on
    artifacts=Path("artifacts"),  # the trained model
    results=Path("results"),  # where metrics.json and the pictures go
    custom_objects=CUSTOM_OBJECTS,
)

if __name__ == "__main__":
    run(evaluate, CONFIG, __doc__)
