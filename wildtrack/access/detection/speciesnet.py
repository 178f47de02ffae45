"""SpeciesNet's predictions (Gadot et al. 2024; https://github.com/google/cameratrapai)."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from wildtrack.access.boxes import Box
from wildtrack.access.detection.frames import inside
from wildtrack.access.detection.output import (
    VIDEO,
    Detection,
    Output,
    PhotoDetections,
    Problems,
    detections,
    entries,
    is_video,
)
from wildtrack.errors import UserError

_LABELS = {"1": "animal", "2": "human", "3": "vehicle"}


class _Prediction(msgspec.Struct):
    filepath: Annotated[str, msgspec.Meta(min_length=1)]
    failures: Any = None
    detections: list[Any] | None = None


class _Detection(msgspec.Struct):
    category: str | int
    conf: Annotated[float, msgspec.Meta(ge=0, le=1)]
    bbox: Box
    label: str | None = None

    def __post_init__(self) -> None:
        self.bbox = inside(self.bbox)

    @property
    def name(self) -> str:
        return (self.label or _LABELS.get(str(self.category), f"category {self.category}")).casefold()


def is_speciesnet(content: Any) -> bool:
    """Whether a JSON value is a list of predictions for files."""
    entries = content.get("predictions") if isinstance(content, dict) else None
    return isinstance(entries, list) and any(isinstance(entry, dict) and "filepath" in entry for entry in entries[:1])


def read_speciesnet(content: Any, source: Path) -> Output:
    """Read SpeciesNet's predictions; a UserError when its detector did not run."""
    problems: Problems = []
    photos = []
    for entry in entries(content["predictions"], _Prediction, problems, f"{source.name}, predictions"):
        found = detections(entry.detections or [], _Detection, problems, entry.filepath)
        boxes = [Detection(one.name, one.conf, one.bbox) for one in found]
        failure = VIDEO if is_video(entry.filepath) else None
        if failure is None and entry.detections is None:
            failure = f"the detector could not read it: {entry.failures}" if entry.failures else "no list detections"
        photos.append(PhotoDetections(entry.filepath, boxes, failure))
    if not any(isinstance(entry, dict) and "detections" in entry for entry in content["predictions"]):
        raise UserError(
            f"{source}: SpeciesNet's predictions without any boxes; run its detector, or the whole ensemble"
        )
    return Output("SpeciesNet", photos, problems, as_stored=frozenset())
