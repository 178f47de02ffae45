"""Compare what tells the animals apart: the same photos, the same questions, many methods, one table."""

from pathlib import Path

from wildtrack.commands import compare
from wildtrack.console import run

CUSTOM_OBJECTS: dict[str, type] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has examples and every setting; the command line counts more than this.
CONFIG = compare.Config(
    methods=("pixels", "backbone", "untrained", "wildtrack", "local", "fused"),  # also megadescriptor, or a model file
    reference="wildtrack",  # the method that the others are compared with
    artifacts=Path("artifacts"),  # the trained model: it gives the photos and the split
    data=None,  # the photos to use; None: those the model was trained on
    results=Path("results/compare"),  # where the table goes
    queries_per_identity=0,  # 0 asks every test photo, so that no draw decides which method looks better
    encounter_hours=12.0,  # photos of one animal with shorter gaps count as one encounter: leaky
    custom_objects=CUSTOM_OBJECTS,
)

if __name__ == "__main__":
    run(compare.compare, CONFIG, compare.__doc__)
