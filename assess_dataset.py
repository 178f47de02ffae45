"""Look at a dataset before anyone trains on it: what is in it, and what is wrong with it."""

from pathlib import Path

from wildtrack.commands import assess
from wildtrack.console import run

# What people turn most; --help has examples and every setting; the command line counts more than this.
CONFIG = assess.Config(
    data=Path("data/demo-turtles"),  # a folder with a folder of photos per animal, a CSV, or a COCO .json
    results=Path("results/assess"),  # where the report goes
    artifacts=Path("artifacts"),  # a trained model, if there is one, to look for wrong labels
    encounter_hours=12.0,  # photos of one animal with shorter gaps are one encounter
    test_share=0.2,  # share of each animal's photos that the suggested split tests
    valid_share=0.15,  # share of the rest, for validation
    remove_duplicates=False,  # write cleaned.csv next to the photos, without copies under the same name
    save_split=False,  # write split.csv next to the photos: the named animals with the suggested split
)

if __name__ == "__main__":
    run(assess.assess, CONFIG, assess.__doc__)
