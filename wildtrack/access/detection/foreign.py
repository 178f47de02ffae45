"""Files of other programs that are not read: what they are, and what to do."""

from pathlib import Path
from typing import Any

from wildtrack.access.detection.megadetector import is_megadetector
from wildtrack.access.detection.microsoft import is_microsoft, is_pytorch_wildlife
from wildtrack.access.detection.speciesnet import is_speciesnet
from wildtrack.errors import UserError
from wildtrack.storage.json_files import read_json

_CVAT = "in CVAT, export the task as COCO 1.0: its attribute identity, individual or name is read as the animal's name"
_TABLE = "write catalogue.csv with the columns image_id, identity, path and, for boxes in pixels, bbox"
_IN_FOLDERS = ("datapackage.json", "annotations.xml", "annotations/default.json")
_HEAD_BYTES = 4000


def foreign_boxes(content: Any) -> str | None:
    """What a JSON value is that was taken for a detector's boxes, and what to do; None where it is not known."""
    if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
        return "a COCO file, which is labels: leave --boxes out, and give --root the folder of it and its photos"
    return _foreign(content)


def foreign_labels(source: Path) -> str | None:
    """What a file or folder is that was taken for labels, and what to do; None where a reader may know it."""
    if source.is_dir():
        found = (source / name for name in _IN_FOLDERS)
        return next((f"{file}: {what}" for file in found if file.is_file() and (what := foreign_labels(file))), None)
    if source.suffix.lower() == ".xml":
        with source.open("rb") as file:
            is_cvat = b"<annotations>" in file.read(_HEAD_BYTES)
        return f"an export of CVAT as XML; {_CVAT}" if is_cvat else None
    try:
        content = read_json(source) if source.suffix.lower() == ".json" else None
    except UserError:
        return None  # which its reader says
    if any(is_form(content) for is_form in (is_megadetector, is_speciesnet, is_microsoft, is_pytorch_wildlife)):
        made = f"wildtrack access --root PHOTOS --boxes {source.name} --unlabelled makes a catalogue of them"
        return f"the boxes of a detector, which name no animal; {made}"
    return _foreign(content)


def _foreign(content: Any) -> str | None:
    """The same for the forms that are neither boxes nor labels which are read."""
    keys = content.keys() if isinstance(content, dict) else set()
    first = content[0].keys() if isinstance(content, list) and content and isinstance(content[0], dict) else set()
    if "checkpoint" in keys:
        return "the checkpoint of a MegaDetector run that has not finished; go on with --resume_from_checkpoint"
    if {"items", "categories"} <= keys:
        return f"an export of CVAT as Datumaro; {_CVAT}"
    if {"annotations", "data"} <= first or {"annotation_id", "annotator"} <= first:
        return f"an export of Label Studio, which is not read, and its COCO leaves names out; {_TABLE}"
    if "resources" in keys and "camtrap-dp" in str(content.get("profile")):
        return f"a Camtrap DP package, which is written but not read; {_TABLE}, from observations.csv and media.csv"
    return None
