"""What a detector found on photos: the one form that the files of all detectors are read into."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeVar

import msgspec

from wildtrack.access.boxes import Box, Size
from wildtrack.access.photos.formats import VIDEO_SUFFIXES

ANIMAL = "animal"
TURNED = frozenset(range(2, 9))  # the EXIF orientations of photos that are stored turned or mirrored
MIRRORED = frozenset({2, 4, 5, 7})  # those of them that no camera trap writes
VIDEO = "a video: extract frames of it as JPEG, and run the detector on these"

Confidence = Annotated[float, msgspec.Meta(ge=-1, le=1)]
Problems = list[tuple[str, str]]  # (what, reason)

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class Detection:
    """One box."""

    label: str  # "animal" for an animal of any species, otherwise what the detector calls it
    confidence: float  # the detector's, 0 to 1; below 0 once the elimination of repeated detections has removed it
    box: Box  # x, y, width, height in the unit of its `Output`


@dataclass(frozen=True)
class PhotoDetections:
    """The boxes of one photo."""

    file: str  # the photo, as the detector names it
    detections: list[Detection]
    failure: str | None = None  # why the file does not say what is on the photo
    size: Size | None = None  # what the detector saw


@dataclass(frozen=True)
class Output:
    """The boxes of all photos, and what they mean."""

    program: str  # that wrote the file
    photos: list[PhotoDetections]
    problems: Problems  # malformed entries
    pixels: bool = False  # boxes are in pixels; otherwise relative to the photo's width and height
    as_stored: frozenset[int] | None = MIRRORED  # EXIF orientations whose boxes fit the photo as stored; None: unsure
    threshold: float | None = None  # the confidence that the detector's authors recommend


def entries(values: Iterable[Any], kind: type[_Entry], problems: Problems, name: str) -> Iterator[_Entry]:
    """The entries of the list `name` that have the structure `kind`; the others go to `problems`."""
    for number, value in enumerate(values):
        try:
            yield msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            problems.append((f"{name}[{number}]", f"left out: {error}: {value!r:.160}"))


def detections(values: list[Any], kind: type[_Entry], problems: Problems, file: str) -> tuple[list[_Entry], str | None]:
    """The detections of a photo that have the structure `kind`, and why there are none where all are malformed."""
    malformed: Problems = []
    found = list(entries(values, kind, malformed, ""))
    problems += [(file, f"detection {reason}") for _, reason in malformed]
    return found, "none of its detections can be used" if values and not found else None


def from_corners(corners: Box) -> Box:
    """[x, y, width, height] of [left, top, right, bottom]."""
    left, top, right, bottom = corners
    return left, top, right - left, bottom - top


def is_video(file: str) -> bool:
    """Whether a file is a video by its name."""
    return PurePosixPath(file).suffix.lower() in VIDEO_SUFFIXES
