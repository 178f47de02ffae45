"""The file of a detector, read and brought together with the photos that it names."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wildtrack.access.detection.foreign import foreign_boxes
from wildtrack.access.detection.megadetector import is_megadetector, read_megadetector
from wildtrack.access.detection.microsoft import (
    is_microsoft,
    is_pytorch_wildlife,
    read_microsoft,
    read_pytorch_wildlife,
)
from wildtrack.access.detection.names import relative_names
from wildtrack.access.detection.output import ANIMAL, VIDEO, Detection, Output, PhotoDetections, Problems
from wildtrack.access.detection.speciesnet import is_speciesnet, read_speciesnet
from wildtrack.access.photos.formats import OTHER_IMAGE_SUFFIXES, conversion_hint
from wildtrack.access.photos.names import PhotoNames
from wildtrack.console import counted
from wildtrack.errors import UserError
from wildtrack.storage.json_files import read_json

FLAG = "--boxes "
_KNOWN = (
    "not MegaDetector's format (https://lila.science/megadetector-output-format), nor what SpeciesNet, "
    "PytorchWildlife or megadetector detect write"
)
_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Path], Output]], ...] = (
    (is_megadetector, read_megadetector),
    (is_speciesnet, read_speciesnet),
    (is_microsoft, read_microsoft),
    (is_pytorch_wildlife, read_pytorch_wildlife),
)


@dataclass(frozen=True)
class Detections:
    """What a detector found on photos, and how sure of an animal it has to be."""

    source: Path
    output: Output
    min_confidence: float

    def animals(self, photo: PhotoDetections | None) -> list[Detection]:
        """The animals of a photo, none where its entry says nothing."""
        found = [] if photo is None or photo.failure else photo.detections
        return [one for one in found if one.label == ANIMAL and one.confidence >= self.min_confidence]

    def why_none(self, photo: PhotoDetections | None) -> str:
        """Why a photo, or the lack of an entry for it, gives no animal."""
        if photo is None or photo.failure:
            return f"no entry in {self.source.name}" if photo is None else str(photo.failure)
        if not photo.detections:
            return f"its entry in {self.source.name} has no detection"
        animals = [one.confidence for one in photo.detections if one.label == ANIMAL]
        if not animals:
            others = Counter(one.label for one in photo.detections)
            return "no detection called animal, only " + ", ".join(f"{name} ({n})" for name, n in others.items())
        removed = sum(confidence < 0 for confidence in animals)
        repeated = f"{counted(removed, 'animal', 'animals')} removed as repeated detection, by a confidence below 0"
        if max(animals) < 0:
            return repeated
        weak = f"no animal detected with a confidence of {self.min_confidence:g} or more"
        return f"{weak}, the surest has {max(animals):g}" + (f"; {repeated}" if removed else "")

    def notes(self) -> list[str]:
        """What there is to know of the whole file, a line each."""
        removed = sum(one.confidence < 0 for photo in self.output.photos for one in photo.detections)
        repeated = counted(removed, "repeated detection is", "repeated detections are")
        threshold = self.output.threshold or self.min_confidence
        said = [f"{repeated} left out"] if removed else []
        if abs(threshold - self.min_confidence) > 0.01:
            said.append(f"its detector recommends --min-confidence {threshold:g}, not {self.min_confidence:g}")
        return said


@dataclass(frozen=True)
class Found:
    """The entries of a detector's file for photos."""

    photos: dict[str, PhotoDetections]  # path -> its entry
    problems: Problems  # entries that are malformed, or for no photo
    note: str  # how names were read; "" as they are written


def read_detections(source: Path, min_confidence: float) -> Detections:
    """Read a detector's file, in whichever of the known forms it is; a UserError when it is none or malformed."""
    if source.suffix.lower() in {".csv", ".tsv", ".txt", ".xls", ".xlsx", ".xml"}:
        raise UserError(f"{FLAG}{source}: boxes are read from the JSON that a detector writes, not from a table or XML")
    content = read_json(source, FLAG)
    read = next((read for is_form, read in _FORMS if is_form(content)), None)
    if read is None:
        raise UserError(f"{FLAG}{source}: {foreign_boxes(content) or _KNOWN}")
    try:
        return Detections(source, read(content, source), min_confidence)
    except UserError as error:
        raise UserError(f"{FLAG}{error}") from error


def find_entries(detections: Detections, paths: Sequence[str], root: Path) -> Found:
    """The entry of each of the photos `paths` in `root` that has one; a UserError when no name leads to any."""
    entries = detections.output.photos
    files = [photo.file for photo in entries if photo.failure != VIDEO]
    names, shared = relative_names(files, paths, root, detections.source)
    relative = dict(zip(files, names, strict=True))
    index = PhotoNames(paths)
    photos: dict[str, PhotoDetections] = {}
    problems: Problems = []
    for entry in entries:
        name = relative.get(entry.file, entry.file)
        alike = index.alike(name)
        if alike[:1] == [name] or len(alike) == 1:
            twice = alike[0] in photos
            relative[entry.file] = alike[0]
            photos.setdefault(alike[0], entry)
            problems += [(alike[0], "it is listed twice; the first entry counts")] if twice else []
        elif alike:
            problems.append((name, f"{len(alike)} photos differ from this name in upper and lower case only"))
        else:
            problems.append((name, VIDEO if entry.failure == VIDEO else _why_missing(root, name)))
    if paths and not photos:
        first = f"its first name is {entries[0].file if entries else 'missing'}, the first photo is {paths[0]}"
        where = f"{FLAG}{detections.source}: it names no photo in {root}"
        needed = f"names must be relative to --root, or begin in a folder {root.resolve().name}"
        raise UserError(f"{where}; {first}; {needed}")
    malformed = [(relative.get(name, name), reason) for name, reason in detections.output.problems]
    note = f"file names are read without {shared}/" if shared else ""
    return Found(photos, [*malformed, *problems], note)


def _why_missing(root: Path, name: str) -> str:
    if not os.path.isfile(root / name):  # noqa: PTH113 (a name may be too long, or hold a null character)
        return "the detector lists it, but it is not there"
    suffix = Path(name).suffix.lower()
    return conversion_hint(suffix) if suffix in OTHER_IMAGE_SUFFIXES else "the detector lists it, but no row has it"
