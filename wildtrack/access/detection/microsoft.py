"""The JSON of Microsoft's programs, with boxes in pixels: PytorchWildlife, and the command `megadetector detect`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from wildtrack.access.boxes import Box
from wildtrack.access.detection.output import (
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
from wildtrack.errors import UserError


class _Photo(msgspec.Struct):
    file: Annotated[str, msgspec.Meta(min_length=1)]
    detections: list[Any] | None = None
    failure: Any = None


class _Detection(msgspec.Struct):
    category: str
    confidence: Confidence
    bbox: Box

    def __post_init__(self) -> None:
        self.bbox = from_corners(self.bbox)
        if not (self.bbox[2] > 0 and self.bbox[3] > 0):
            raise ValueError("bbox is empty, or not [left, top, right, bottom]")


class _Lists(msgspec.Struct):
    """An annotation of PytorchWildlife; with a classifier, the detector's lists have other names."""

    img_id: str
    bbox: list[Any]
    category: list[int | str] = msgspec.field(default_factory=list)
    confidence: list[Any] = msgspec.field(default_factory=list)
    det_category: list[int | str] = msgspec.field(default_factory=list)
    det_confidence: list[Any] = msgspec.field(default_factory=list)


def is_microsoft(content: Any) -> bool:
    """Whether a JSON value is a list of files with detections."""
    found = content if isinstance(content, list) else []  # a photo that could not be read may have no detections
    return any(isinstance(entry, dict) and {"file", "detections"} <= entry.keys() for entry in found)


def is_pytorch_wildlife(content: Any) -> bool:
    """Whether a JSON value has an annotation for each photo, with lists in it."""
    found = content.get("annotations") if isinstance(content, dict) else None
    return isinstance(found, list) and any(isinstance(entry, dict) and "img_id" in entry for entry in found[:1])


def read_microsoft(content: Any, source: Path) -> Output:
    """Read what `megadetector detect` writes."""
    problems: Problems = []
    photos = []
    for photo in entries(content, _Photo, problems, f"{source.name}, "):
        found, failure = detections(photo.detections or [], _Detection, problems, photo.file)
        boxes = [Detection(one.category.strip().casefold(), one.confidence, one.bbox) for one in found]
        if photo.detections is None:
            failure = f"the detector gave no boxes: {photo.failure}"
        photos.append(PhotoDetections(photo.file, boxes, VIDEO if is_video(photo.file) else failure))
    return Output("megadetector detect", photos, problems, pixels=True, as_stored=TURNED)


def read_pytorch_wildlife(content: Any, source: Path) -> Output:
    """Read what PytorchWildlife's `save_detection_json` writes; a UserError for points, or without category names."""
    names = content.get("categories") or content.get("det_categories")
    if not isinstance(names, dict):
        advice = "write it again with categories=detection_model.CLASS_NAMES"
        raise UserError(f"{source}: no names in categories say which boxes are animals; {advice}")
    if any(isinstance(entry, dict) and "dot" in entry for entry in content["annotations"][:1]):
        raise UserError(f"{source}: points, not boxes; an animal cannot be cut out around a point")
    problems: Problems = []
    photos = []
    for lists in entries(content["annotations"], _Lists, problems, f"{source.name}, annotations"):
        kinds, scores = lists.det_category or lists.category, lists.det_confidence or lists.confidence
        if len(kinds) == len(scores) == len(lists.bbox):
            labels = [str(names.get(str(kind), f"category {kind}")) for kind in kinds]
            found = zip(labels, scores, lists.bbox, strict=True)
            boxes = [{"category": label, "confidence": score, "bbox": box} for label, score, box in found]
            photos.append({"file": lists.img_id, "detections": boxes})
        else:
            photos.append({"file": lists.img_id, "failure": "its lists differ in length"})
    output = read_microsoft(photos, source)
    return replace(output, program="PytorchWildlife", problems=problems + output.problems, as_stored=None)
