"""What inference must know about a model: photo size, embedding, labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.address.models.loading.plain_pickle import load_plain_pickle, save_plain_pickle
from wildtrack.address.models.scaling import SCALINGS
from wildtrack.errors import UserError, in_one_line


@dataclass(frozen=True)
class Preprocessor:
    """The content of `preprocessor.pkl`; a third-party model's has only the first four, labels as `id2label`."""

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


class _File(msgspec.Struct):
    """The keys that a file must have, whoever wrote it, and two more of WildTrack's."""

    image_size: Annotated[list[Annotated[float, Meta(ge=8, le=4096)]], Meta(min_length=1)]
    embed_dim: Annotated[int, Meta(ge=1)]
    use_l2norm: Any  # true or false in any form; nothing depends on it
    label2id: Any
    id2label: Annotated[dict[int, str | int], Meta(min_length=1)]  # numbers may be text, as in JSON
    scaling: Literal[SCALINGS] | None = None  # type: ignore[valid-type]
    reader_version: int = READER_VERSION


def load_preprocessor(path: Path) -> Preprocessor:
    """Read WildTrack's or a third-party `preprocessor.pkl`; UserError names what is missing or wrong in it."""
    values = load_plain_pickle(path)
    try:
        if isinstance(values, dict) and "image_size" in values:  # one side, or height, width and perhaps channels
            size = values["image_size"]
            values["image_size"] = size[:2] if isinstance(size, list | tuple) else [size]
        file = msgspec.convert(values, _File, strict=False)
        if sorted(file.id2label) != list(range(len(values["id2label"]))):
            raise ValueError("id2label must map 0, 1, 2, ... to names")
        identities = tuple(str(file.id2label[number]) for number in range(len(file.id2label)))
        if len(set(identities)) < len(identities):
            raise ValueError("id2label gives two classes the same name")
    except ValueError as error:  # as msgspec's, too
        raise UserError(f"{path} cannot be used: {in_one_line(error)}") from error
    sides = int(file.image_size[0]), int(file.image_size[-1])
    return Preprocessor(sides, file.embed_dim, bool(file.use_l2norm), identities, file.scaling, file.reader_version)
