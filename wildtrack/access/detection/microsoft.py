"""The JSON of Microsoft's programs, with boxes in pixels: PytorchWildlife, and the command `megadetector detect`."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from wildtrack.access.boxes import Box
from wildtrack.access.detection.output import (
    TURNED,
    VIDEO,
    Detection,
    Output,
    PhotoDetections,
    Problems,
    detections,
    entries,
    from_corners,
    is_video,
)
from wildtrack.errors import UserError

_Confidence = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Detection(msgspec.Struct):
    category: str
    confidence: _Confidence
    bbox: Box

    def __post_init__(self) -> None:
        self.bbox = from_corners(self.bbox)
        if not (self.bbox[2] > 0 and self.bbox[3] > 0):
            raise ValueError("bbox is empty, or not [left, top, right, bottom]")


class _Listed(msgspec.Struct):
    file: Annotated[str, msgspec.Meta(min_length=1)]
    detections: list[Any] | None = None
    failure: Any = None


class _Annotated(msgspec.Struct):
    img_id: Annotated[str, msgspec.Meta(min_length=1)]
    bbox: list[Any]
    category: list[int | str] | None = None
    confidence: list[Any] | None = None
    det_category: list[int | str] | None = None  # so called where a classifier ran as well
    det_confidence: list[Any] | None = None


def is_microsoft(content: Any) -> bool:
    """Whether a JSON value is a list of files with detections."""
    return isinstance(content, list) and any(
        isinstance(entry, dict) and {"file", "detections"} <= entry.keys() for entry in content[:1]
    )


def is_pytorch_wildlife(content: Any) -> bool:
    """Whether a JSON value has an annotation for each photo, with lists in it."""
    entries = content.get("annotations") if isinstance(content, dict) else None
    return isinstance(entries, list) and any(isinstance(entry, dict) and "img_id" in entry for entry in entries[:1])


def read_microsoft(content: Any, source: Path) -> Output:
    """Read what `megadetector detect` writes."""
    problems: Problems = []
    photos = []
    for entry in entries(content, _Listed, problems, f"{source.name}, "):
        failure = None if entry.detections is not None else f"the detector could not read it: {entry.failure}"
        photos.append(_photo(entry.file, entry.detections or [], failure, problems))
    return Output("megadetector detect", photos, problems, pixels=True, as_stored=TURNED)


def read_pytorch_wildlife(content: Any, source: Path) -> Output:
    """Read what PytorchWildlife's `save_detection_json` writes; a UserError for points, or without category names."""
    categories = content.get("categories") or content.get("det_categories")
    if not isinstance(categories, dict):
        advice = "write it again with categories=detection_model.CLASS_NAMES"
        raise UserError(f"{source}: no names in categories say which boxes are animals; {advice}")
    if any(isinstance(entry, dict) and "dot" in entry for entry in content["annotations"][:1]):
        raise UserError(f"{source}: points, not boxes; an animal cannot be cut out around a point")
    problems: Problems = []
    photos = []
    for entry in entries(content["annotations"], _Annotated, problems, f"{source.name}, annotations"):
        kinds, scores = entry.det_category or entry.category or [], entry.det_confidence or entry.confidence or []
        failure = None if len(entry.bbox) == len(kinds) == len(scores) else "its lists are not of one length"
        found = [
            {"category": str(categories.get(str(kind), "?")), "confidence": score, "bbox": box}
            for kind, score, box in zip(kinds, scores, entry.bbox, strict=False)
        ]
        photos.append(_photo(entry.img_id, [] if failure else found, failure, problems))
    return Output("PytorchWildlife", photos, problems, pixels=True, as_stored=None)


def _photo(file: str, values: list[Any], failure: str | None, problems: Problems) -> PhotoDetections:
    found = detections(values, _Detection, problems, file)
    boxes = [Detection(one.category.strip().casefold(), one.confidence, one.bbox) for one in found]
    return PhotoDetections(file, boxes, VIDEO if is_video(file) else failure)
