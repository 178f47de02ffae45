"""MegaDetector's JSON (Beery et al. 2019; https://lila.science/megadetector-output-format), all versions up to 1.6.

AddaxAI (EcoAssist), SpeciesNet's converter, repeat-detection elimination, Timelapse and PytorchWildlife write it too.
"""

import re
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import msgspec

from wildtrack.access.boxes import Box, Size
from wildtrack.access.detection.frames import TOLERANCE, inside
from wildtrack.access.detection.output import (
    ANIMAL,
    MIRRORED,
    TURNED,
    VIDEO,
    Confidence,
    Detection,
    Output,
    PhotoDetections,
    Problems,
    detections,
    entries,
    from_corners,
    is_video,
)
from wildtrack.errors import UserError, in_one_line

_FIRST_VERSION, _FIRST_UPRIGHT = "2019-06-06", "2021-04"  # before, boxes were [top, left, bottom, right]; as stored
_ADDAXAI = frozenset({"addaxai_metadata", "ecoassist_metadata", "addaxai"})  # in `info`
_NO_ANIMAL = frozenset(
    {
        *("person", "persons", "people", "human", "humans", "homo sapiens", "vehicle", "vehicles", "car", "bicycle"),
        *("empty", "blank", "nothing", "none", "no animal", "false trigger", "false positive", "background"),
    }
)


class _Content(msgspec.Struct):
    images: list[Any]
    detection_categories: dict[str, str] | None
    info: Any = None


class _Image(msgspec.Struct):
    file: Annotated[str, msgspec.Meta(min_length=1)]
    failure: Any = None
    detections: list[Any] | None = None
    frame_rate: Any = None
    width: Any = None
    height: Any = None

    @property
    def size(self) -> Size | None:
        known = all(isinstance(side, int | float) and side >= 1 for side in (self.width, self.height))
        return (int(self.width), int(self.height)) if known else None


class _Detection(msgspec.Struct):
    category: str | int
    conf: Confidence
    bbox: Box
    prev_conf: Confidence | None = None  # AddaxAI puts the confidence in the species into `conf`
    frame_number: Any = None

    @property
    def confidence(self) -> float:
        return self.conf if self.prev_conf is None or self.conf < 0 else self.prev_conf


class _Relative(_Detection):
    def __post_init__(self) -> None:
        self.bbox = inside(self.bbox)


class _Corners(_Detection):
    def __post_init__(self) -> None:
        top, left, bottom, right = self.bbox
        self.bbox = inside(from_corners((left, top, right, bottom)))


def is_megadetector(content: Any) -> bool:
    """Whether a JSON value has the two parts that all versions have."""
    return isinstance(content, dict) and {"images", "detection_categories"} <= content.keys()


def read_megadetector(content: Any, source: Path) -> Output:
    """Read MegaDetector's format; a UserError when it is malformed, or does not say which boxes are animals."""
    try:
        output = msgspec.convert(content, _Content)
    except msgspec.ValidationError as error:
        wanted = "MegaDetector's format (https://lila.science/megadetector-output-format)"
        raise UserError(f"{source}: not {wanted}: {error}") from error
    info = output.info if isinstance(output.info, dict) else {}
    labels = _labels(output.detection_categories, content, info, source)
    version, made = info.get("format_version"), _day(info.get("detection_completion_time"))
    kind = _Corners if version is None and made < _FIRST_VERSION else _Relative
    problems: Problems = []
    images = list(entries(output.images, _Image, problems, f"{source.name}, images"))
    if kind is _Relative:
        _refuse_corners(images, source)
    photos = [_photo(image, kind, labels, problems) for image in images]
    of_wildlife = version is None and "detector" in info and labels.get("0") == ANIMAL  # numbered from 0
    as_stored = None if of_wildlife else TURNED if made < _FIRST_UPRIGHT else MIRRORED
    about = info.get("detector_metadata")
    recommended = about.get("typical_detection_threshold") if isinstance(about, dict) else None
    threshold = recommended if isinstance(recommended, float) else None
    program = "PytorchWildlife" if of_wildlife else "MegaDetector"
    return Output(program, photos, problems, as_stored=as_stored, threshold=threshold)


def _labels(categories: dict[str, str] | None, content: Any, info: dict[str, Any], source: Path) -> dict[str, str]:
    """The number of each category -> its label; AddaxAI has the species among them, and calls the rest unidentified."""
    if not categories:
        advice = "write it again with categories=detection_model.CLASS_NAMES"
        raise UserError(f"{source}: no names in detection_categories say which boxes are animals; {advice}")
    names = {number: name.strip().casefold() for number, name in categories.items()}
    species = bool(_ADDAXAI & info.keys()) or "detection_categories_original" in content
    species = species or "unidentified animal" in names.values()
    animals = {number for number, name in names.items() if name == ANIMAL or (species and name not in _NO_ANIMAL)}
    if not animals:
        seen = ", ".join(categories.values())
        raise UserError(f'{source}: no detection category is "{ANIMAL}"; it has {in_one_line(seen, 200)}')
    return {number: ANIMAL if number in animals else name for number, name in names.items()}


def _photo(image: _Image, kind: type[_Detection], labels: dict[str, str], problems: Problems) -> PhotoDetections:
    found, failure = detections(image.detections or [], kind, problems, image.file)
    if image.frame_rate is not None or is_video(image.file) or any(one.frame_number is not None for one in found):
        failure = VIDEO
    elif image.failure and not image.detections:  # a failed classifier leaves the boxes
        failure = f"the detector could not read it: {in_one_line(image.failure, 200)}"
    elif image.detections is None:
        failure = "no list detections"
    names = (labels.get(str(one.category), f"category {one.category}") for one in found)
    boxes = [Detection(name, one.confidence, one.bbox) for name, one in zip(names, found, strict=True)]
    return PhotoDetections(image.file, boxes, failure, image.size)


def _refuse_corners(images: list[_Image], source: Path) -> None:
    """Raise when the boxes are [left, top, right, bottom]: read as sizes, these leave the photo."""
    found = chain.from_iterable(image.detections or [] for image in images)
    bboxes = [one.get("bbox") for one in found if isinstance(one, dict)]
    boxes = [box for box in bboxes if isinstance(box, list) and len(box) == 4]
    boxes = [box for box in boxes if all(isinstance(edge, int | float) and 0 <= edge <= 1 for edge in box)]
    over = [box for box in boxes if max(box[0] + box[2], box[1] + box[3]) > 1 + TOLERANCE]
    if over and all(box[0] < box[2] and box[1] < box[3] for box in boxes):
        seen = f"boxes such as {over[0]} are corners, and leave the photo as [x, y, width, height]"
        raise UserError(f"{source}: {seen}, which is MegaDetector's format; write them that way")


def _day(value: Any) -> str:
    """What `info` says of the time as text to compare; "9" for none, which is late."""
    return value if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value) else "9"
