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
_MOST = 200  # files that are looked into
_WHO = re.compile(r"(?:identity|individual|animal|name|label|id)(?:[_ -]?(?:id|name|number|uuid))?s?", re.IGNORECASE)
_BOXES = re.compile(r'"(?:detection_categories|detections)"\s*:|"predictions"\s*:[\s\S]*"filepath"\s*:')


def annotations_beside(found: Walk) -> list[str]:
    """One line for each file of annotations beside the photos; a UserError where it may say whose photos they are."""
    names = {PurePosixPath(path).name for path in found.photos}
    beside = [path for path in found.others if path.count("/") <= 2]
    said = []
    for path in [path for path in beside if PurePosixPath(path).suffix.lower() in (".json", ".csv", ".xml")][:_MOST]:
        said += _say_or_refuse(found.root, path, names)
    sheets = [path for path in beside if PurePosixPath(path).suffix.lower() in (".xls", ".xlsx", ".ods", ".numbers")]
    return said + [f"{sheet} is not read: save it as CSV UTF-8" for sheet in sheets[:1]]


def _say_or_refuse(root: Path, path: str, names: set[str]) -> list[str]:
    """What one file holds, if it names photos of the folder."""
    file = root / path
    if is_as_written(file):
        return []
    alone = "or, if the folders alone say whose photos they are: --folders animals"
    is_table = file.suffix.lower() == ".csv"
    if is_table and _is_catalogue(file):
        raise UserError(f"{root}: {path} beside the photos is a catalogue; give it (--data {file}), {alone}")
    named, who, text = _table(file, names) if is_table else _text(file, names)
    if named and _BOXES.search(text):
        use = f'{program("access")} --root "{root}" --boxes "{file}"'
        return [f"{path} holds boxes of a detector ({use} reads them)"]
    if len(named) < 2 or (not who and is_table):
        return [f"{path} names photos and is not read"] if named else []
    if is_table:
        needs = "a catalogue has the columns image_id, identity, path: rename its columns and give it with --data"
    else:
        needs = "no reader knows it there: a COCO file whose annotations name individuals is given itself, with --data"
    raise UserError(f"{root}: {path} names photos of this folder{who}; {needs}, {alone}")


def _is_catalogue(file: Path) -> bool:
    try:
        return is_catalogue(file)
    except (UserError, OSError):  # empty, or of another kind
        return False


def _table(file: Path, names: set[str]) -> tuple[set[str], str, str]:
    """The photos that a CSV names, its column that may name animals, and no text."""
    try:
        header, lines = read_rows(file)
    except (UserError, OSError, csv.Error):
        return set(), "", ""
    cells = (cell for _, values in lines[:1000] for cell in values)
    who = [name for name in header if _WHO.fullmatch(name)]
    return _known(cells, names), f" and has a column {who[0]}" if who else "", ""


def _text(file: Path, names: set[str]) -> tuple[set[str], str, str]:
    """The photos that a JSON or XML names at its beginning or end, no column, and that text."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_HEAD)
            stream.seek(max(_HEAD, file.stat().st_size - _HEAD))
            text += stream.read(_HEAD)
    except OSError:
        return set(), "", ""
    decoded = text.decode("utf-8", "replace")
    return _known(re.findall(r'"([^"\\]*(?:\\.[^"\\]*)*)"', decoded), names), "", decoded


def _known(cells: Iterable[str], names: set[str]) -> set[str]:
    """Those names of photos that are the end of a path."""
    return {
        name for cell in cells if (name := cell.replace("\\\\", "/").replace("\\", "/").rpartition("/")[2]) in names
    }
