"""Look at a dataset before anyone trains on it: what is in it, and what is wrong with it.

  python assess_dataset.py                          the demo's photos
  python assess_dataset.py --data my_photos         your own
  python assess_dataset.py --remove-duplicates      also write a catalogue without the copies; no photo is deleted.
                                                    The copy with the fewest quality flags stays, then the
                                                    largest; copies with two names all stay for a person to judge
  python assess_dataset.py --save-split             also write the catalogue with a split that can be trusted

Writes results/assess: report.html, its charts and its tables.
"""

from pathlib import Path

from wildtrack.commands.assess import Config, assess
from wildtrack.console import run

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
    data=Path("data/demo-turtles"),  # a folder with a folder of photos per animal, a CSV, or a COCO .json
    results=Path("results/assess"),  # where the report goes
    artifacts=Path("artifacts"),  # a trained model, if there is one, to look for wrong labels
    encounter_hours=12.0,  # photos of one animal with shorter gaps are one encounter
    test_share=0.2,  # share of each animal's photos that the suggested split tests
    valid_share=0.15,  # share of the rest, for validation
    remove_duplicates=False,  # write cleaned.csv beside the photos, without copies under the same name
    save_split=False,  # write split.csv beside the photos: the named animals with the suggested split
)

if __name__ == "__main__":
    run(assess, CONFIG, __doc__)
