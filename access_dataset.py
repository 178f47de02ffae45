"""Bring a public dataset, or a copy on disk, into the one catalogue that every script reads."""

from pathlib import Path

from wildtrack.commands import access
from wildtrack.console import run

# What people turn most; --help has examples and every setting; the command line counts more than this.
CONFIG = access.Config(
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
    run(access.access, CONFIG, access.__doc__)
