"""What inference must know about a model: photo size, embedding, labels."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.address.models.loading.plain_pickle import load_plain_pickle, save_plain_pickle
from wildtrack.errors import UserError

# what range of pixel values the network's first layer expects -> scale and offset from 0-255 to it
RESCALE = {"0-255": (1.0, 0.0), "0-1": (1 / 255.0, 0.0), "-1-1": (1 / 127.5, -1.0)}
SCALINGS = tuple(RESCALE)


@dataclass(frozen=True)
class Preprocessor:
    """The content of `preprocessor.pkl`.

    A stranger's file has only the first four of these (its labels as `label2id` and `id2label`).
    """

    image_size: tuple[int, int]  # height, width
    embed_dim: int
    use_l2norm: bool  # the network itself normalises; embeddings are normalised either way
    identities: tuple[str, ...]  # class number -> identity
    scaling: str | None = None  # one of SCALINGS; None in a stranger's file: it has to be found out
    reader_version: int = READER_VERSION  # of the photo reader that the network was trained with

    def save(self, path: Path) -> None:
        """Write a pickle of plain builtins, which any Python reads."""
        values = {
            "image_size": list(self.image_size),
            "embed_dim": self.embed_dim,
            "use_l2norm": self.use_l2norm,
            "label2id": {identity: number for number, identity in enumerate(self.identities)},
            "id2label": dict(enumerate(self.identities)),
            "scaling": self.scaling,
            "reader_version": self.reader_version,
        }
        save_plain_pickle(values, path)


def load_preprocessor(path: Path) -> Preprocessor:
    """Read ours or a stranger's `preprocessor.pkl`; UserError names what is missing or wrong in it."""
    values = load_plain_pickle(path)
    needed = {"image_size", "embed_dim", "use_l2norm", "label2id", "id2label"}
    missing = needed - set(values) if isinstance(values, dict) else needed
    if missing:
        raise UserError(
            f"{path} must be a dict with the keys {', '.join(sorted(needed))}; missing: {', '.join(sorted(missing))}"
        )
    try:
        loaded = Preprocessor(
            _image_size(values["image_size"]),
            int(values["embed_dim"]),
            bool(values["use_l2norm"]),
            _identities(values["id2label"]),
            values.get("scaling"),
            int(values.get("reader_version", READER_VERSION)),
        )
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise UserError(f"{path} holds a value that cannot be used: {' '.join(str(error).split())[:200]}") from error
    if not all(8 <= side <= 4096 for side in loaded.image_size):
        raise UserError(f"{path}: image_size {_short(loaded.image_size)} is not between 8 and 4096 pixels")
    if loaded.embed_dim < 1:
        raise UserError(
            f"{path}: embed_dim {_short(loaded.embed_dim)} is not a number of dimensions; it must be 1 or more"
        )
    if loaded.scaling not in (None, *SCALINGS):
        raise UserError(f"{path}: scaling is none of {', '.join(SCALINGS)}")
    return loaded


def _short(value: object) -> str:
    try:
        return str(value)[:60]
    except ValueError:  # Python writes no number of thousands of digits
        return "of thousands of digits"


def _image_size(value: Any) -> tuple[int, int]:
    """(height, width) from a side, or from a sequence that starts with height and width."""
    sides = list(value[:2]) if isinstance(value, list | tuple) else [value]
    if not sides or not all(isinstance(side, int | float) for side in sides):
        raise ValueError("image_size must be one number or two")
    return int(sides[0]), int(sides[-1])


def _identities(id2label: Any) -> tuple[str, ...]:
    """The names in the order of their class numbers, which may be text, as JSON has them."""
    names = {int(number): identity for number, identity in id2label.items()}
    if not names or set(names) != set(range(len(names))) or len(names) != len(id2label):
        raise ValueError("id2label must map 0, 1, 2, ... to names")
    if not all(isinstance(identity, str | int) for identity in names.values()):
        raise ValueError("id2label must map 0, 1, 2, ... to names that are text or whole numbers")
    identities = tuple(str(names[number]) for number in range(len(names)))
    if len(set(identities)) < len(identities):
        raise ValueError("id2label gives two classes the same name")
    return identities


def model_fingerprint(
    architecture: str, weights: Iterable[np.ndarray], image_size: tuple[int, int], scaling: str
) -> str:
    """A hash that names the model and its preprocessing: equal fingerprints make comparable embeddings.

    It covers the layers and where among them the embedding is taken, the weights (values, shapes and order),
    the photo size, the scaling and the photo reader's version, and not the engine that runs them.

    Args:
        architecture: The layers and the embedding's place in words that do not change between loads.
        weights: All arrays, in the network's order.
        image_size: (height, width) in pixels.
        scaling: One of SCALINGS.
    """
    digest = hashlib.sha256(json.dumps([architecture, list(image_size), scaling, READER_VERSION]).encode())
    for array in weights:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def current_fingerprint(saved: str, reader_version: int) -> str:
    """The fingerprint of a saved model as photos are read now: its own, unless they were read otherwise back then.

    Args:
        saved: From `model_fingerprint`, when the model was saved.
        reader_version: The photo reader's version then.
    """
    if reader_version == READER_VERSION:
        return saved
    return hashlib.sha256(json.dumps([saved, READER_VERSION]).encode()).hexdigest()


def plain(value: Any) -> Any:
    """NumPy scalars and paths as builtins, all the way down, for JSON and YAML."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Path):
        return value.as_posix()
    return value
