"""Compare what tells the animals apart: the same photos, the same questions, many methods, one table.

Writes methods.csv, methods.md and methods.png into results/compare. Embeddings are kept in the cache: a
second run only embeds what is new.

  python compare_methods.py                                              the last training, and what it has to beat
  python compare_methods.py --methods wildtrack megadescriptor           needs: pip install torch torchvision timm
  python compare_methods.py --methods wildtrack old_model/model.onnx     any Keras or ONNX model by its path
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wildtrack.commands.compare import Config, compare
from wildtrack.console import run

CUSTOM_OBJECTS: Mapping[str, Any] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

# What people turn most; --help has every setting, and what stands on the command line counts more than this.
CONFIG = Config(
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
    run(compare, CONFIG, __doc__)
