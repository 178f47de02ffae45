"""The answer of a search: the same typed objects for the terminal, `--json` and the web page."""

from dataclasses import dataclass, field
from typing import Literal

from wildtrack.address.matching.decision import Decision


@dataclass(frozen=True)
class Candidate:
    """One identity the photo may show."""

    rank: int  # 1 is the best
    identity: str
    similarity: float  # cosine of the identity's best photo, -1 to 1
    photo_id: str  # that photo by its content: SHA-256 of the file
    path: str | None  # its file, relative to the catalogue's root, POSIX; None on the web
    image_id: str | None  # its row in the catalogue; None on the web, as it may be a path
    bbox: tuple[float, float, float, float] | None  # x, y, width, height of the animal in it; None: the whole photo
    orientation: str | None  # of that photo
    date: str | None  # of that photo, ISO 8601
    gallery_photos: int  # number of photos of this identity in the gallery
    probability: float | None = None  # P(same animal), 0 to 1; None for a model without validation photos
    shared_points: int | None = None  # number of keypoints that the two photos share; None: not compared
    points: list[list[float]] | None = None  # all of them: x, y in the query, x, y here; shares of width and height
    other_viewpoint: str | None = None  # the identity's known viewpoints, where the query's is not among them


@dataclass(frozen=True)
class Answer:
    """The answer for one photo."""

    photo: str  # the query, as it was named
    status: Literal["ok", "unreadable"]
    reason: str | None = None  # why it is unreadable
    candidates: list[Candidate] = field(default_factory=list)  # the best identity first
    already_known_as: str | None = None  # in the gallery, this very file is that of Ana and Eva; it is not ranked
    panel: str | None = None  # the picture of query and candidates
    model: str | None = None  # fingerprint of the model
    matcher: str | None = None  # embedding, local or fused
    viewpoint: str | None = None  # of the query, as given
    decision: Decision | None = None  # on the first candidate; None where P(same animal) is
    false_match_rate: float | None = None  # the share of unknown animals' photos that may be called a match
