"""Files of annotations that lie beside photos where no reader looks for them: pointed out, or an error."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from wildtrack.access.photos.find import Walk
from wildtrack.access.readers.table import is_catalogue, read_rows
from wildtrack.console import program
from wildtrack.errors import UserError
from wildtrack.storage.ownership import is_as_written

_HEAD = 65_536  # bytes of a JSON at its beginning and at its end that tell what it is
_LINE = 64  # bytes
_MOST = 200  # files that are looked into
_TABLES = (".csv", ".tsv")
SPREADSHEETS = frozenset({".xls", ".xlsx", ".ods", ".numbers"})
SAVE_AS_CSV = "save it as CSV UTF-8"
_ALONE = "or, if the folders alone say whose photos they are: --folders animals"
_WHO = re.compile(r"(?:identity|individual|animal|name|label|id)(?:[_ -]?(?:id|name|number|uuid))?s?", re.IGNORECASE)
_BOXES = re.compile(r'"(?:detection_categories|detections)"\s*:|"predictions"\s*:[\s\S]*"filepath"\s*:')


def annotations_beside(found: Walk) -> list[str]:
    """One line for each file of annotations beside the photos; a UserError where it may say whose photos they are."""
    names = {PurePosixPath(path).name for path in found.photos}
    own = {str(PurePosixPath(path).with_suffix("")) for path in found.photos} | set(found.photos)  # of one photo each
    labels = [path for path in found.others if PurePosixPath(path).suffix.lower() in (*_TABLES, ".json", ".xml")]
    yolo = [path for path in found.others if _is_yolo(found.root, path)]
    of_one = [path for path in labels + yolo if str(PurePosixPath(path).with_suffix("")) in own]
    labels = [path for path in labels if path not in set(of_one) and path.count("/") <= 2]
    said = []
    for path in labels[:_MOST]:
        if not is_as_written(found.root / path):
            holds = _table_holds if path.lower().endswith(_TABLES) else _text_holds
            said += holds(found.root, path, names)
    if of_one:
        said.append(f"files with the names of photos are not read: {len(of_one)}, such as {of_one[0]}")
    sheets = [path for path in found.others if PurePosixPath(path).suffix.lower() in SPREADSHEETS]
    return said + [f"{sheet} is not read: {SAVE_AS_CSV}" for sheet in sheets[:1]]


def _is_yolo(root: Path, path: str) -> bool:
    """Whether a text file is the boxes of one photo as YOLO has them."""
    try:
        with (root / path).open("rb") as stream:
            return path.endswith(".txt") and re.match(rb"\d+( [01]?\.\d+){4}", stream.read(_LINE)) is not None
    except OSError:
        return False


def _table_holds(root: Path, path: str, names: set[str]) -> list[str]:
    """What a CSV holds, if it names photos of the folder."""
    file = root / path
    if _is_catalogue(file):
        raise UserError(f"{root}: {path} beside the photos is a catalogue; give it (--data {file}), {_ALONE}")
    try:
        header, lines = read_rows(file)
    except (UserError, OSError, csv.Error):
        return []
    named = _known((cell for _, values in lines[:1000] for cell in values), names)
    who = [name for name in header if _WHO.fullmatch(name)]
    if len(named) > 1 and who:
        needs = "a catalogue has the columns image_id, identity, path: rename its columns and give it with --data"
        seen = f"{path} names photos of this folder and has a column {who[0]}"
        raise UserError(f"{root}: {seen}; {needs}, {_ALONE}")
    return [f"{path} names photos and is not read"] if named else []


def _text_holds(root: Path, path: str, names: set[str]) -> list[str]:
    """What a JSON or XML holds, if it names photos of the folder at its beginning or end."""
    file = root / path
    try:
        with file.open("rb") as stream:
            content = stream.read(_HEAD)
            stream.seek(max(_HEAD, file.stat().st_size - _HEAD))
            content += stream.read(_HEAD)
    except OSError:
        return []
    text = content.decode("utf-8", "replace")
    named = _known(re.findall(r'"([^"\\]*(?:\\.[^"\\]*)*)"', text), names)
    if named and _BOXES.search(text):
        use = f'{program("access")} --root "{root}" --boxes "{file}"'
        return [f"{path} holds boxes of a detector ({use} reads them)"]
    if len(named) > 1:
        needs = "no reader knows it there: a COCO file whose annotations name individuals is given itself, with --data"
        raise UserError(f"{root}: {path} names photos of this folder; {needs}, {_ALONE}")
    return [f"{path} names photos and is not read"] if named else []


def _is_catalogue(file: Path) -> bool:
    try:
        return is_catalogue(file)
    except (UserError, OSError):  # empty, or of another kind
        return False


def _known(cells: Iterable[str], names: set[str]) -> set[str]:
    """Those names of photos that are the end of a path."""
    ends = {cell.replace("\\\\", "/").replace("\\", "/").rpartition("/")[2] for cell in cells}
    return ends & names
