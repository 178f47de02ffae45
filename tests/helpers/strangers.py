"""Models that somebody else trained, with their five-key preprocessor."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def save_stranger(path: Path, names: Sequence[str], *layers: Any) -> None:
    """Save a softmax classifier of 32 x 32 pixels as `path`: the layers, an embedding of 8 units, and the names."""
    import keras

    path.parent.mkdir()
    ends = (keras.layers.Dense(8, activation="relu"), keras.layers.Dense(len(names), activation="softmax"))
    keras.Sequential([keras.Input((32, 32, 3)), *layers, *ends]).save(path)
    labels = {"label2id": {name: number for number, name in enumerate(names)}, "id2label": dict(enumerate(names))}
    five = {"image_size": (32, 32), "embed_dim": 8, "use_l2norm": False, **labels}
    (path.parent / "preprocessor.pkl").write_bytes(pickle.dumps(five))
