"""Bring a public dataset, or a copy on disk, into the one catalogue that every script reads.

  python access_dataset.py                                the datasets there are
  python access_dataset.py nyala                          download it, and write its catalogue.csv
  python access_dataset.py --root my_photos               what is on disk already, in any layout that is known
  python access_dataset.py --root my_photos --export csv  its catalogue.csv in another form, to pass on
  python access_dataset.py --root traps --boxes detections.json --unlabelled --crop animals
                                                          camera-trap photos and MegaDetector's boxes, cut out

Writes catalogue.csv beside the photos, and problems.csv: what was left out, and why.
"""

from pathlib import Path

from wildtrack.commands.access import Config, access
from wildtrack.console import run

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
    root=None,  # a copy already on disk: nothing is downloaded
    cache=None,  # where downloads go; None: $WILDTRACK_CACHE, or wildtrack in the system's cache folder
    boxes=None,  # MegaDetector's JSON, for photos without boxes; file names relative to the dataset
    min_confidence=0.2,  # of the boxes: what a detected animal must reach, 0 to 1
    crop=None,  # a new folder for the cut-out animals and a catalogue of their own
    export=(),  # other forms of the catalogue: csv, huggingface, fiftyone, camtrapdp
    to=Path("exports"),  # where exports go, a folder for each form
    positions=False,  # let crops and exports say where the animals were met
)

if __name__ == "__main__":
    run(access, CONFIG, __doc__)
