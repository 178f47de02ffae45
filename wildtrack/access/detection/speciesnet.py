"""SpeciesNet's predictions (Gadot et al. 2024; https://github.com/google/cameratrapai)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from wildtrack.access.detection.megadetector import read_megadetector
from wildtrack.access.detection.output import Output
from wildtrack.errors import UserError

_LABELS = {"1": "animal", "2": "human", "3": "vehicle"}


def is_speciesnet(content: Any) -> bool:
    """Whether a JSON value is a list of predictions for files."""
    entries = content.get("predictions") if isinstance(content, dict) else None
    return isinstance(entries, list) and any(isinstance(entry, dict) and "filepath" in entry for entry in entries[:1])


def read_speciesnet(content: Any, source: Path) -> Output:
    """Read SpeciesNet's predictions, whose boxes are MegaDetector's; a UserError when its detector did not run."""
    predictions = [entry if isinstance(entry, dict) else {} for entry in content["predictions"]]
    if not any("detections" in entry for entry in predictions):
        raise UserError(
            f"{source}: SpeciesNet's predictions without any boxes; run its detector, or the whole ensemble"
        )
    images = [
        {"file": entry.get("filepath"), "failure": entry.get("failures"), "detections": entry.get("detections")}
        for entry in predictions
    ]
    output = read_megadetector({"images": images, "detection_categories": _LABELS}, source)
    return replace(output, program="SpeciesNet", as_stored=frozenset())
