"""The answers of the web page's server, apart from the `Answer` that `search.py --json` gives too."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Literal

from pydantic import BaseModel, Field

from wildtrack.access.photos.reader import printable
from wildtrack.address.gallery.answers import Answer

ONLY_TRAINED = (
    "Only the animals that the model was trained on, and always one of them: a new animal gets a name here as well. "
    "To find out who an animal is, ask /search."
)
LONGEST_NAME = 200  # characters of a file name that are repeated


@dataclass(frozen=True)
class Probability:
    """One of the identities that the model was trained on."""

    identity: str
    probability: float  # of the model's classes; 0 to 1


@dataclass(frozen=True)
class Prediction:
    """The probabilities of the model's classes for a photo."""

    photo: str  # the file name, as it was sent
    status: Literal["ok", "unreadable"]
    reason: str | None  # why it is unreadable
    probabilities: list[Probability]  # the most likely first
    note: str = ONLY_TRAINED


@dataclass(frozen=True)
class KnownAnimal:
    """An identity of the gallery."""

    identity: str
    photos: int
    photo_id: str  # of its latest photo
    bbox: tuple[float, float, float, float] | None  # of the animal in it
    last_seen: str | None  # ISO 8601


@dataclass(frozen=True)
class Identities:
    """The known animals, and the catalogue's words for the viewpoints of photos."""

    photos: int
    viewpoints: list[str]
    identities: list[KnownAnimal]


class Confirmation(BaseModel):
    """A sighting: a person says which animal a photo shows."""

    id: int
    identity: str
    new_individual: bool  # named in this sighting for the first time
    viewpoint: str  # "" where not given
    said: datetime
    undone: datetime | None
    decision: str | None  # of the search at that time
    probability: float | None  # its P(same animal) for this identity; None where it was not among its answers
    photo_id: str = Field(validation_alias="photo")


class Entry(BaseModel):
    """A line of the history: a sighting that was made or undone."""

    at: datetime
    action: str  # confirmed, named or undone
    sighting: int
    identity: str
    photo_id: str = Field(validation_alias="photo")


@dataclass(frozen=True)
class Health:
    """The state of the server."""

    status: Literal["ok"]
    version: str
    model: str  # fingerprint
    matcher: str
    photos: int
    identities: int
    confirmed: int
    lost: int  # confirmed photos whose files are gone or damaged
    writes_need_token: bool


def for_the_web(answer: Answer, with_points: bool) -> Answer:
    """An answer without the server's paths, and without the points unless they are asked for."""
    candidates = [replace(each, path=None, image_id=None) for each in answer.candidates]
    shown = candidates if with_points else [replace(each, points=None) for each in candidates]
    return replace(answer, candidates=shown)


def shown_name(name: str | None) -> str:
    """A client's file name, only to be shown: without folders and invisible characters."""
    last = PurePosixPath(PureWindowsPath(name or "").name).name
    return "".join(each if each.isprintable() else "?" for each in printable(last))[:LONGEST_NAME] or "photo"
