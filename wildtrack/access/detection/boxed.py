"""A detector's boxes with photos -> a catalogue: of a row for each animal, or of the rows there are with boxes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from wildtrack.access.boxes import Box, Size, boxes, in_pixels
from wildtrack.access.catalogue import REQUIRED_COLUMNS, Catalogue, assemble, problem_table
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.detection.detections import FLAG, Detections, Found, find_entries
from wildtrack.access.detection.frames import OutsideError, upright_boxes
from wildtrack.access.detection.output import ANIMAL
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.find import walk
from wildtrack.access.photos.reader import NOT_UNICODE, PhotoError, or_error, photo_frame, printable
from wildtrack.console import counted, track
from wildtrack.errors import UserError
from wildtrack.storage.threads import in_threads


def catalogue_of_detections(detections: Detections, root: Path) -> Catalogue:
    """A folder of photos, at any depth, as a catalogue: one row a detected animal, all unlabelled.

    Photos without an animal are listed as problems. Raises a UserError when none shows one, or the file names none.
    """
    walked = walk(root)
    names = walked.photos
    if not names:
        raise UserError(f"{root}: there is no photo in it")
    paths = [name for name in names if printable(name) == name]
    problems = [(printable(name), NOT_UNICODE) for name in names if printable(name) != name]
    found = find_entries(detections, paths, root)
    problems += found.problems
    problems += [problem for problem in walked.problems if problem[0] not in dict(found.problems)]
    shown = [path for path in paths if detections.animals(found.photos.get(path))]
    problems += [(path, detections.why_none(found.photos.get(path))) for path in paths if path not in set(shown)]
    if not shown:
        none = f"no animal detected on any of the {len(names)} photos in {root}; the first: {': '.join(problems[0])}"
        entries = [photo.detections for photo in found.photos.values() if not photo.failure]
        weak = any(one.label == ANIMAL and one.confidence >= 0 for each in entries for one in each)
        advice = f"; is --min-confidence {detections.min_confidence:g} too high?" if weak else ""
        raise UserError(f"{FLAG}{detections.source}: {none}{advice}")
    rows: list[dict[str, Any]] = []
    exif = in_threads(read_exif, [root / path for path in shown])
    for path, (size, animals), about in zip(shown, _animals(detections, found, shown, root), exif, strict=True):
        if isinstance(animals, str):
            problems.append((path, animals))
            continue
        row = {"identity": UNKNOWN, "path": path, "photo_id": path, "width": size[0], "height": size[1]} | about
        for number, box in enumerate(animals, start=1):
            rows.append({"image_id": f"{path}#{number}", "bbox": in_pixels(box, size)} | row)
    table = pd.DataFrame(rows, columns=None if rows else REQUIRED_COLUMNS)
    layout = f"the photos of {root.resolve().name} and the boxes of {detections.source.name}"
    said = [found.note, *detections.notes(), walked.in_words()]
    return assemble(layout, root, table, problems).saying(*said)


def with_boxes(catalogue: Catalogue, detections: Detections) -> Catalogue:
    """Give each row without a box the animal that was detected on its photo, where photo and row have only each other.

    Every other row without a box keeps the whole photo, and is listed as a problem that says why. Raises a UserError
    when the file names none of the catalogue's photos.
    """
    table, given = catalogue.table, boxes(catalogue.table)
    paths: list[str] = table["path"].tolist()
    found = find_entries(detections, paths, catalogue.root)
    problems = list(found.problems)
    rows_of_photo = Counter(paths)
    rows = [row for row, box in enumerate(given) if box is None]
    of_rows = _animals(detections, found, [paths[row] for row in rows], catalogue.root)
    for row, (size, animals) in zip(rows, of_rows, strict=True):
        path = paths[row]
        if isinstance(animals, str):
            problems.append((path, f"{animals}: the whole photo is used"))
        elif len(animals) == 1 and rows_of_photo[path] == 1:
            given[row] = in_pixels(animals[0], size)
        else:
            detected = f"{counted(len(animals), 'animal', 'animals')} detected for "
            reason = detected + counted(rows_of_photo[path], "row", "rows")
            problems.append((path, f"{reason}: the whole photo is used"))
    everybody = counted(len(table), "animal", "animals")
    boxed = f"{sum(given[row] is not None for row in rows)} of {everybody} with a box of {detections.source.name}"
    columns = {"bbox": pd.Series(given, index=table.index, dtype="object")} if any(given) else {}
    listed = pd.concat([catalogue.problems, problem_table(problems)], ignore_index=True)
    with_them = replace(catalogue, table=table.assign(**columns), problems=listed)
    return with_them.saying(boxed, found.note, *detections.notes())


def _animals(
    detections: Detections, found: Found, paths: Sequence[str], root: Path
) -> Iterator[tuple[Size, list[Box] | str]]:
    """(width, height) of each upright photo, and its animals as parts of these, or the reason why there are none."""
    frames = in_threads(or_error(photo_frame), [root / path for path in paths])
    for path, frame in zip(paths, track(frames, "Reading photos", total=len(paths)), strict=True):
        entry = found.photos.get(path)
        animals = detections.animals(entry)
        if isinstance(frame, PhotoError):
            yield (0, 0), str(frame)
            continue
        size, orientation = frame[:2], frame[2]
        if entry is None or not animals:
            yield size, detections.why_none(entry)
            continue
        try:
            seen = [one.box for one in animals]
            yield size, upright_boxes(seen, detections.output, entry.size, size, orientation)
        except OutsideError as error:
            advice = "were photos made smaller after the detection? detect on them again"
            raise UserError(f"{FLAG}{detections.source}: {path}: {error}; {advice}") from error
        except ValueError as error:
            yield size, str(error)
