"""What inference must know about a model: photo size, embedding, labels."""

import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.address.models.loading.plain_pickle import load_plain_pickle, save_plain_pickle
from wildtrack.address.models.scaling import SCALINGS
from wildtrack.errors import UserError

NEEDED = {"image_size", "embed_dim", "use_l2norm", "label2id", "id2label"}


@dataclass(frozen=True)
class Preprocessor:
    """The content of `preprocessor.pkl`.

    A third-party model's file has only the first four of these (its labels as `label2id` and `id2label`).
    """

    image_size: tuple[int, int]  # height, width
    embed_dim: int
    use_l2norm: bool  # the network itself normalises; embeddings are normalised either way
    identities: tuple[str, ...]  # class number -> identity
    scaling: str | None = None  # one of SCALINGS; None where the file does not say: it has to be found out
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
    """Read our own or a third-party `preprocessor.pkl`; UserError names what is missing or wrong in it."""
    values = load_plain_pickle(path)
    missing = NEEDED - set(values) if isinstance(values, dict) else NEEDED
    if missing:
        raise UserError(
            f"{path} must be a dict with the keys {', '.join(sorted(NEEDED))}; missing: {', '.join(sorted(missing))}"
        )
    try:
        return Preprocessor(
            _image_size(values["image_size"]),
            _embed_dim(values["embed_dim"]),
            bool(values["use_l2norm"]),
            _identities(values["id2label"]),
            _scaling(values.get("scaling")),
            int(values.get("reader_version", READER_VERSION)),
        )
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(f"{path} holds a value that cannot be used: {' '.join(str(error).split())[:200]}") from error


def _image_size(value: Any) -> tuple[int, int]:
    """(height, width) from a side, or from a sequence that starts with height and width."""
    sides = value[:2] if isinstance(value, list | tuple) else [value]
    if not sides or not all(isinstance(side, int | float) and 8 <= side <= 4096 for side in sides):
        raise ValueError(f"image_size {reprlib.repr(value)} is not one number or two between 8 and 4096 pixels")
    return int(sides[0]), int(sides[-1])


def _embed_dim(value: Any) -> int:
    if int(value) < 1:
        raise ValueError(f"embed_dim {reprlib.repr(value)} is not a number of dimensions; it must be 1 or more")
    return int(value)


def _scaling(value: Any) -> str | None:
    if value is not None and value not in SCALINGS:
        raise ValueError(f"scaling {reprlib.repr(value)} is none of {', '.join(SCALINGS)}")
    return None if value is None else str(value)


def _identities(id2label: Any) -> tuple[str, ...]:
    """The names in the order of their class numbers, which may be text, as in JSON."""
    names = {int(number): identity for number, identity in id2label.items()}
    if not names or set(names) != set(range(len(names))) or len(names) != len(id2label):
        raise ValueError("id2label must map 0, 1, 2, ... to names")
    if not all(isinstance(identity, str | int) for identity in names.values()):
        raise ValueError("id2label must map 0, 1, 2, ... to names that are text or whole numbers")
    identities = tuple(str(names[number]) for number in range(len(names)))
    if len(set(identities)) < len(identities):
        raise ValueError("id2label gives two classes the same name")
    return identities
