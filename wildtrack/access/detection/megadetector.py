"""MegaDetector's boxes (Beery et al. 2019; format: https://lila.science/megadetector-output-format) -> the catalogue.

MegaDetector turns a photo upright by EXIF before it looks at it, as `read_photo` does, so its boxes fit ours. It does
not mirror: boxes of photos with the EXIF orientations 2, 4, 5 and 7, which no camera trap writes, are off.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd

from wildtrack.access.boxes import Box, boxes, in_pixels, upright_sizes
from wildtrack.access.catalogue import Catalogue, assemble, problem_table
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


@dataclass(frozen=True)
class Detections:
    """Animals on photos.

    Attributes:
        source: the JSON file.
        min_confidence: what a detection had to reach.
        animals: path -> boxes [x, y, width, height] relative to the upright photo, 0 to 1; empty where there is none.
        problems: (path, reason) of photos that the detector failed on, and of entries that are malformed.
    """

    source: Path
    min_confidence: float
    animals: dict[str, list[Box]]
    problems: list[tuple[str, str]]


def read_detections(source: Path, root: Path, min_confidence: float) -> Detections:
    """Read MegaDetector's JSON; people and vehicles are passed over.

    Args:
        source: the JSON file.
        root: the folder of the photos; `file` is relative to it, or absolute and inside it.
        min_confidence: the lowest `conf` that counts, 0 to 1.

    Raises:
        UserError: the file is malformed, or has no category "animal".
    """
    content = read_json(source, _FLAG)
    images = content.get("images") if isinstance(content, dict) else None
    categories = content.get("detection_categories") if isinstance(content, dict) else None
    if not isinstance(images, list) or not isinstance(categories, dict):
        raise UserError(
            f"{_FLAG}{source}: not MegaDetector's format; it needs an object with the list images and the object "
            "detection_categories (https://lila.science/megadetector-output-format)"
        )
    animal = {number for number, name in categories.items() if str(name).casefold() == ANIMAL}
    if not animal:
        names = ", ".join(map(str, categories.values())) or "none"
        raise UserError(f'{_FLAG}{source}: no detection category is "{ANIMAL}"; it has {names[:200]}')
    animals: dict[str, list[Box]] = {}
    problems: list[tuple[str, str]] = []
    for number, image in enumerate(images):
        file = image.get("file") if isinstance(image, dict) else None
        if not isinstance(file, str) or not file:
            problems.append((f"{source.name}, images[{number}]", "it has no file"))
            continue
        path = _relative(file, root)
        reason = _unusable(image, path, animals)
        if reason is not None:
            problems.append((path, reason))
            continue
        animals[path] = []
        for detection in image["detections"]:
            try:
                box = _animal_box(detection, animal, min_confidence)
            except ValueError as error:
                problems.append((path, f"detection left out: {error}"))
            else:
                animals[path] += [] if box is None else [box]
    return Detections(source, min_confidence, animals, problems)


def catalogue_of_detections(detections: Detections, root: Path) -> Catalogue:
    """A folder of photos, sorted by camera or not at all, as a catalogue: one row a detected animal, all unlabelled.

    Photos on which no animal was detected, and photos that are not in the JSON, are listed as problems.

    Args:
        detections: from `read_detections`.
        root: the folder of the photos, at any depth.

    Raises:
        UserError: there is no photo, the JSON names none of them, or no animal is on any of them.
    """
    names = [path.relative_to(root).as_posix() for path in find_photos([str(root)])]
    paths = [name for name in names if printable(name) == name]
    _refuse_other_photos(detections, paths, root)
    problems = [(printable(name), NOT_UNICODE) for name in names if printable(name) != name]
    problems += [*detections.problems, *_without_photo(detections, set(paths))]
    shown = [path for path in paths if detections.animals.get(path)]
    listed = {path for path, _ in problems} | set(shown)
    problems += [(path, _why_none(detections, path)) for path in paths if path not in listed]
    if not shown:
        raise UserError(
            f"{_FLAG}{detections.source}: no animal on any of the {len(names)} photos in {root}; "
            f"the first problem: {': '.join(problems[0])}; is --min-confidence {detections.min_confidence:g} too high?"
        )
    rows: list[dict[str, Any]] = []
    files = [root / path for path in shown]
    for path, size, exif in zip(shown, upright_sizes(files), in_threads(read_exif, files), strict=True):
        if isinstance(size, PhotoError):
            problems.append((path, str(size)))
            continue
        about = {"identity": UNKNOWN, "path": path, "photo_id": path, "width": size[0], "height": size[1]} | exif
        rows += [
            {"image_id": f"{path}#{number}", "bbox": in_pixels(box, size)} | about
            for number, box in enumerate(detections.animals[path], start=1)
        ]
    table = pd.DataFrame(rows, columns=None if rows else ["image_id", "identity", "path"])
    layout = f"the photos of {root.resolve().name} and the boxes of {detections.source.name}"
    return assemble(layout, root, table, problems)


def with_boxes(catalogue: Catalogue, detections: Detections) -> Catalogue:
    """Give each row without a box the animal that was detected on its photo, where there is no doubt which one.

    That is: the photo has one row, and one animal was detected on it. Every other row without a box keeps the whole
    photo, and is listed as a problem that says why. A box that is there stays.

    Args:
        catalogue: any.
        detections: from `read_detections`, with the catalogue's root.

    Raises:
        UserError: the JSON names none of the catalogue's photos.
    """
    table = catalogue.table
    _refuse_other_photos(detections, table["path"].tolist(), catalogue.root)
    found = boxes(table)
    rows_of_photo = table["path"].map(table["path"].value_counts()).tolist()
    problems = [*detections.problems, *_without_photo(detections, set(table["path"]))]
    rows = [row for row, box in enumerate(found) if box is None]
    sizes = upright_sizes([catalogue.root / table["path"].iloc[row] for row in rows])
    for row, size in zip(rows, sizes, strict=True):
        path = table["path"].iloc[row]
        animals = detections.animals.get(path, [])
        if isinstance(size, PhotoError):
            problems.append((path, str(size)))
        elif not animals:
            problems.append((path, f"{_why_none(detections, path)}: the whole photo is used"))
        elif len(animals) > 1:
            reason = f"{len(animals)} animals detected, and no telling which one is meant: the whole photo is used"
            problems.append((path, reason))
        elif rows_of_photo[row] > 1:
            problems.append((path, f"one animal detected for {rows_of_photo[row]} rows: the whole photo is used"))
        else:
            found[row] = in_pixels(animals[0], size)
    everybody = counted(len(table), "animal", "animals")
    given = sum(found[row] is not None for row in rows)
    columns = {"bbox": pd.Series(found, index=table.index, dtype="object")} if any(found) else {}
    return replace(
        catalogue,
        table=table.assign(**columns),
        problems=pd.concat([catalogue.problems, problem_table(problems)], ignore_index=True),
        understood=f"{catalogue.understood}; {given} of {everybody} with a box of {detections.source.name}",
    )


def _refuse_other_photos(detections: Detections, paths: list[str], root: Path) -> None:
    """Raise when the JSON names none of the photos: it is that of another folder, or its names start elsewhere."""
    named = [*detections.animals, *(path for path, _ in detections.problems)]
    if paths and set(named).isdisjoint(paths):
        raise UserError(
            f"{_FLAG}{detections.source}: it names no photo in {root}; its first name is "
            f"{named[0] if named else 'missing'}, the first photo is {paths[0]}; names must be relative to --root"
        )


def _relative(file: str, root: Path) -> str:
    """`file` as the catalogue writes paths: MegaDetector names photos as it was given them, often with the root."""
    path = PureWindowsPath(file).as_posix()
    for base in (root.as_posix(), root.absolute().as_posix()):
        if path.startswith(f"{base}/") and not (root / path.removeprefix("/")).is_file():
            return path.removeprefix(f"{base}/")
    return path


def _unusable(image: dict[str, Any], path: str, animals: dict[str, list[Box]]) -> str | None:
    """Why an entry of `images` says nothing about animals; None if it does."""
    if image.get("failure"):
        return f"MegaDetector could not read it: {str(image['failure'])[:200]}"
    if PurePosixPath(path).suffix.lower() not in PHOTO_SUFFIXES:
        return "no photo (of a video, extract frames and run MegaDetector on these)"
    if not isinstance(image.get("detections"), list):
        return "no list detections"
    return "it is listed twice; the first entry counts" if path in animals else None


def _animal_box(detection: Any, animal: set[str], min_confidence: float) -> Box | None:
    """The box of a detection, None if it is no animal or not sure enough; ValueError says what is malformed."""
    if not isinstance(detection, dict):
        raise ValueError(f"not an object: {detection!r:.80}")
    if str(detection.get("category")) not in animal:
        return None
    confidence, bbox = detection.get("conf"), detection.get("bbox")
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise ValueError(f"conf {confidence!r:.80} is no number from 0 to 1")
    if confidence < min_confidence:
        return None
    try:
        x, y, width, height = (float(edge) for edge in bbox)  # type: ignore[union-attr]
    except (TypeError, ValueError):
        raise ValueError(f"bbox {bbox!r:.80} is not [x, y, width, height]") from None
    right, bottom = min(x + width, 1), min(y + height, 1)
    inside = all(-_TOLERANCE <= edge <= 1 + _TOLERANCE for edge in (x, y, x + width, y + height))  # NaN is not
    x, y = max(x, 0), max(y, 0)
    if not inside or not math.isfinite(width + height) or right <= x or bottom <= y:
        raise ValueError(f"bbox {bbox!r:.80} is empty, or not relative to the size of the photo (0 to 1)")
    return x, y, right - x, bottom - y


def _why_none(detections: Detections, path: str) -> str:
    if path not in detections.animals:
        return f"no entry in {detections.source.name}"
    return f"no animal detected with a confidence of {detections.min_confidence:g} or more"


def _without_photo(detections: Detections, paths: set[str]) -> list[tuple[str, str]]:
    """(path, reason) of the boxes whose photo is not there."""
    return [(path, "it has boxes, but it is not there") for path in detections.animals if path not in paths]
