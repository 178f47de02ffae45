"""Measure how well the trained model tells the animals apart, and draw what it sees."""

from pathlib import Path

from wildtrack.commands import evaluate
from wildtrack.console import run

CUSTOM_OBJECTS: dict[str, type] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has examples and every setting; the command line counts more than this.
CONFIG = evaluate.Config(
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
    run(evaluate.evaluate, CONFIG, evaluate.__doc__)
