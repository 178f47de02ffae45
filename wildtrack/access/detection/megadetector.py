"""MegaDetector's boxes (Beery et al. 2019; format: https://lila.science/megadetector-output-format) -> the catalogue.

They fit the upright photo, except for the mirrored EXIF orientations 2, 4, 5 and 7, which no camera trap writes.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any

import msgspec
import pandas as pd

from wildtrack.access.boxes import Box, boxes, in_pixels, upright_sizes
from wildtrack.access.catalogue import REQUIRED_COLUMNS, Catalogue, assemble, problem_table
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.find import find_photos
from wildtrack.access.photos.formats import PHOTO_SUFFIXES
from wildtrack.access.photos.reader import NOT_UNICODE, PhotoError, printable
from wildtrack.console import counted
from wildtrack.errors import UserError
from wildtrack.storage.json_files import read_json
from wildtrack.storage.threads import in_threads

ANIMAL = "animal"
_FLAG = "--boxes "
_TOLERANCE = 0.01  # MegaDetector rounds; what is further out is in pixels, or no box


class _Output(msgspec.Struct):
    images: list[Any]
    detection_categories: dict[str, str]


class _Image(msgspec.Struct):
    file: Annotated[str, msgspec.Meta(min_length=1)]
    failure: Any = None
    detections: list[Any] | None = None


class _Detection(msgspec.Struct):
    category: str | int
    conf: Annotated[float, msgspec.Meta(ge=0, le=1)]
    bbox: Box


@dataclass(frozen=True)
class Detections:
    """Animals on photos."""

    source: Path
    min_confidence: float  # what a detection had to reach
    animals: dict[str, list[Box]]  # path -> boxes, 0 to 1 of the upright photo; empty where there is none
    problems: list[tuple[str, str]]  # (path, reason) of photos that the detector failed on, and of malformed entries


def read_detections(source: Path, root: Path, min_confidence: float) -> Detections:
    """Read the animals of MegaDetector's JSON, whose photos are in `root`; a UserError when the file is malformed."""
    try:
        output = msgspec.convert(read_json(source, _FLAG), _Output)
    except msgspec.ValidationError as error:
        wanted = "MegaDetector's format (https://lila.science/megadetector-output-format)"
        raise UserError(f"{_FLAG}{source}: not {wanted}: {error}") from error
    animal = {number for number, name in output.detection_categories.items() if name.casefold() == ANIMAL}
    if not animal:
        names = ", ".join(output.detection_categories.values()) or "none"
        raise UserError(f'{_FLAG}{source}: no detection category is "{ANIMAL}"; it has {names[:200]}')
    animals: dict[str, list[Box]] = {}
    problems: list[tuple[str, str]] = []
    for number, entry in enumerate(output.images):
        try:
            image = msgspec.convert(entry, _Image)
        except msgspec.ValidationError as error:
            problems.append((f"{source.name}, images[{number}]", f"{error}: {entry!r:.80}"))
            continue
        path = _relative(image.file, root)
        reason = "it is listed twice; the first entry counts" if path in animals else _unusable(image)
        if reason is not None:
            problems.append((path, reason))
            continue
        animals[path] = []
        for detection in image.detections or []:
            try:
                found = msgspec.convert(detection, _Detection)
                if str(found.category) in animal and found.conf >= min_confidence:
                    animals[path].append(_inside(found.bbox))
            except msgspec.ValidationError as error:
                problems.append((path, f"detection left out: {error}: {detection!r:.160}"))
    return Detections(source, min_confidence, animals, problems)


def catalogue_of_detections(detections: Detections, root: Path) -> Catalogue:
    """A folder of photos, at any depth, as a catalogue: one row a detected animal, all unlabelled.

    Photos without an animal are listed as problems. Raises a UserError when none shows one, or the JSON names none.
    """
    names = [path.relative_to(root).as_posix() for path in find_photos([str(root)])]
    paths = [name for name in names if printable(name) == name]
    problems = [(printable(name), NOT_UNICODE) for name in names if printable(name) != name]
    problems += _problems(detections, paths, root)
    shown = [path for path in paths if detections.animals.get(path)]
    listed = {path for path, _ in problems} | set(shown)
    problems += [(path, _why_none(detections, path)) for path in paths if path not in listed]
    if not shown:
        none = f"no animal on any of the {len(names)} photos in {root}; the first problem: {': '.join(problems[0])}"
        hint = f"is --min-confidence {detections.min_confidence:g} too high?"
        raise UserError(f"{_FLAG}{detections.source}: {none}; {hint}")
    rows: list[dict[str, Any]] = []
    files = [root / path for path in shown]
    for path, size, exif in zip(shown, upright_sizes(files), in_threads(read_exif, files), strict=True):
        if isinstance(size, PhotoError):
            problems.append((path, str(size)))
            continue
        about = {"identity": UNKNOWN, "path": path, "photo_id": path, "width": size[0], "height": size[1]} | exif
        for number, box in enumerate(detections.animals[path], start=1):
            rows.append({"image_id": f"{path}#{number}", "bbox": in_pixels(box, size)} | about)
    table = pd.DataFrame(rows, columns=None if rows else REQUIRED_COLUMNS)
    layout = f"the photos of {root.resolve().name} and the boxes of {detections.source.name}"
    return assemble(layout, root, table, problems)


def with_boxes(catalogue: Catalogue, detections: Detections) -> Catalogue:
    """Give each row without a box the animal that was detected on its photo, where photo and row have only each other.

    Every other row without a box keeps the whole photo, and is listed as a problem that says why. Raises a UserError
    when the JSON names none of the catalogue's photos.
    """
    table, found = catalogue.table, boxes(catalogue.table)
    paths: list[str] = table["path"].tolist()
    problems = _problems(detections, paths, catalogue.root)
    rows_of_photo = Counter(paths)
    rows = [row for row, box in enumerate(found) if box is None]
    for row, size in zip(rows, upright_sizes([catalogue.root / paths[row] for row in rows]), strict=True):
        path = paths[row]
        animals = detections.animals.get(path, [])
        if isinstance(size, PhotoError):
            problems.append((path, str(size)))
        elif len(animals) == 1 and rows_of_photo[path] == 1:
            found[row] = in_pixels(animals[0], size)
        else:
            detected = f"{counted(len(animals), 'animal', 'animals')} detected for "
            reason = detected + counted(rows_of_photo[path], "row", "rows") if animals else _why_none(detections, path)
            problems.append((path, f"{reason}: the whole photo is used"))
    everybody = counted(len(table), "animal", "animals")
    given = sum(found[row] is not None for row in rows)
    columns = {"bbox": pd.Series(found, index=table.index, dtype="object")} if any(found) else {}
    return replace(
        catalogue,
        table=table.assign(**columns),
        problems=pd.concat([catalogue.problems, problem_table(problems)], ignore_index=True),
        understood=f"{catalogue.understood}; {given} of {everybody} with a box of {detections.source.name}",
    )


def _problems(detections: Detections, paths: list[str], root: Path) -> list[tuple[str, str]]:
    """(path, reason) of malformed entries and missing photos; a UserError when the JSON names none of the photos."""
    named = [*detections.animals, *(path for path, _ in detections.problems)]
    if paths and set(named).isdisjoint(paths):
        first = f"its first name is {named[0] if named else 'missing'}, the first photo is {paths[0]}"
        where = f"{_FLAG}{detections.source}: it names no photo in {root}"
        raise UserError(f"{where}; {first}; names must be relative to --root")
    missing = dict.fromkeys(detections.animals.keys() - paths, "it has boxes, but it is not there")
    return [*detections.problems, *sorted(missing.items())]


def _relative(file: str, root: Path) -> str:
    """`file` as the catalogue writes paths: MegaDetector names photos as they were given, often with the root."""
    path = PureWindowsPath(file).as_posix()
    for base in (root.as_posix(), root.absolute().as_posix()):
        if path.startswith(f"{base}/") and not (root / path.removeprefix("/")).is_file():
            return path.removeprefix(f"{base}/")
    return path


def _unusable(image: _Image) -> str | None:
    """Why an entry does not say which animals are on the photo; None if it does."""
    if image.failure:
        return f"MegaDetector could not read it: {str(image.failure)[:200]}"
    if PurePosixPath(image.file).suffix.lower() not in PHOTO_SUFFIXES:
        return "no photo (of a video, extract frames and run MegaDetector on these)"
    return "no list detections" if image.detections is None else None


def _inside(box: Box) -> Box:
    """A relative box, cut off at the edges of the photo."""
    edges = box[0], box[1], box[0] + box[2], box[1] + box[3]
    left, top, right, bottom = max(edges[0], 0), max(edges[1], 0), min(edges[2], 1), min(edges[3], 1)
    fits = all(-_TOLERANCE <= edge <= 1 + _TOLERANCE for edge in edges)  # NaN does not
    if not fits or right <= left or bottom <= top:
        raise msgspec.ValidationError("bbox is empty, or not relative to the size of the photo (0 to 1)")
    return left, top, right - left, bottom - top


def _why_none(detections: Detections, path: str) -> str:
    if path not in detections.animals:
        return f"no entry in {detections.source.name}"
    return f"no animal detected with a confidence of {detections.min_confidence:g} or more"
