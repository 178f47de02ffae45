"""What search says of a photo: the same typed objects for the terminal, `--json` and the web page."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Candidate:
    """One identity the photo may show."""

    rank: int  # 1 is the best
    identity: str
    similarity: float  # cosine of the identity's best photo, -1 to 1
    path: str  # that photo, relative to the catalogue's root, POSIX
    image_id: str  # that photo's row in the catalogue
    bbox: tuple[float, float, float, float] | None  # x, y, width, height of the animal in it; None: the whole photo
    orientation: str | None  # of that photo
    date: str | None  # of that photo, ISO 8601
    known_photos: int  # how many photos of this identity are in the index


@dataclass(frozen=True)
class Answer:
    """The answer for one photo."""

    photo: str  # as it was asked about
    status: Literal["ok", "unreadable"]
    reason: str | None = None  # why it is unreadable
    candidates: list[Candidate] = field(default_factory=list)  # the best identity first
    already_known_as: str | None = None  # identity of this very file in the index; it is left out of the ranking
    panel: str | None = None  # the picture of query and candidates
    model: str | None = None  # fingerprint of the model that answered
