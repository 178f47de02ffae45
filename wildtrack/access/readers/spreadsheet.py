"""A CSV as spreadsheet programs save it: its bytes in, column names and rows of text out.

Read when there is one way to read it: UTF-16, Western European letters of one byte, titles above the header,
`sep=;`, decimal commas, absolute paths. Otherwise a UserError names the line and the column.
"""

import codecs
import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

from wildtrack.access.catalogue import ALIASES, OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from wildtrack.access.identities import KEY
from wildtrack.access.names import is_empty
from wildtrack.errors import UserError

Line = tuple[int, list[str]]  # line number, values

_ABOVE = 10  # lines that may be titles above the header
_HEAD = 65_536  # bytes
_SEPARATORS = ",;\t|"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_LETTERS = "".join(map(chr, range(0xC0, 0x100))).translate({0xD7: None, 0xF7: None})  # in any encoding of the West
_ROUNDED = re.compile(r"[+-]?(?:\d[.,]\d+E\+?|\dE\+)\d+", re.IGNORECASE)
_ERROR = re.compile(r"#(N/A|NAME\?|REF!|VALUE!|DIV/0!|NULL!|NUM!)|#{3,}|=[A-Z(].*", re.IGNORECASE)
_AS_TEXT = re.compile(r"=\"(.*)\"|'(\d+)")  # ="012" and '012
_DECIMAL = re.compile(r"[+-]?\d+(,\d+)?")

_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f]")  # in no text


@dataclass(frozen=True)
class Sheet:
    """A table of text."""

    header: list[str]  # standard names where a name is one in other words, such as Image_ID
    lines: list[Line]
    said: list[str]  # how it was read, where that is not plain


def read_sheet(source: Path, *, only_header: bool = False) -> Sheet:
    """Read a CSV with commas, semicolons or tabs; a UserError where it is empty or can be read in several ways."""
    with source.open("rb") as file:
        content = file.read(_HEAD) if only_header else file.read()
    encoding = _encoding(content)
    try:
        text = content.decode(encoding, "ignore" if only_header else "strict")
    except UnicodeDecodeError:
        encoding, text = "cp1252", content.decode("cp1252", "replace")
    if not text:
        raise UserError(f"{source}: the file is empty; it needs a header with {', '.join(REQUIRED_COLUMNS)}")
    if _CONTROL.search(text):
        raise UserError(f"{source}: not a CSV in UTF-8 (it is no text); save it again as CSV UTF-8")
    try:
        above, separator = _above_header(text)
        file_lines = io.StringIO(text, newline="")
        for _ in range(above):
            file_lines.readline()
        reader = csv.reader(file_lines, delimiter=separator)
        header = standard_names([name.strip() for name in next(reader, [])])
        lines = [] if only_header else [(above + reader.line_num, values) for values in reader]
    except csv.Error as error:
        raise UserError(f"{source}: not a CSV in UTF-8 ({error}); save it again as CSV UTF-8") from error
    said = [f"its header is line {above + 1}"] if above and not text.startswith("sep=") else []
    if encoding == "cp1252" and not only_header and (name := _western(source, header, lines)):
        said.append(f"read as Western European text, such as {name!r}")
    return Sheet(header, lines, said)


def standard_names(header: Sequence[str]) -> list[str]:
    """Column names, with the standard one for "Image_ID", "image id" or "ImageID", unless that is there as well."""
    known = {plain_name(name): name for name in (*OPTIONAL_COLUMNS, *ALIASES, *REQUIRED_COLUMNS, KEY)}
    standard = [known.get(plain_name(name), name) for name in header]
    return [name if better in header else better for name, better in zip(header, standard, strict=True)]


def mend(source: Path, sheet: Sheet) -> tuple[list[Line], list[str]]:
    """The rows with decimal points and relative paths, and what is said; a UserError for what a spreadsheet broke."""
    places = {ALIASES.get(name, name): place for place, name in enumerate(sheet.header)}
    lines = [(line, list(values)) for line, values in sheet.lines]
    for name in ("identity", "path", "image_id"):
        for line, values in _with_value(lines, places.get(name)):
            cell = values[places[name]].strip()
            if reason := _broken(name, cell):
                raise UserError(f"{source}: line {line}, column {name}: {cell[:40]!r} is {reason}")
    said = []
    mends: dict[str, Callable[[str], str]] = dict.fromkeys(("latitude", "longitude", "bbox"), _with_points)
    mends["identity"] = _plain_text
    identities = [values[places["identity"]] for _, values in _with_value(lines, places.get("identity"))]
    numbers = [name for name in identities if re.fullmatch(r"\d+(\.\d+)?", name)]
    if numbers and all(number.endswith(".0") for number in numbers):
        said.append(f"identities read without .0, such as {numbers[0]}")
        mends["identity"] = _without_point
    with_path = _with_value(lines, places.get("path"))
    if prefix := _foreign_root(source.parent, [values[places["path"]] for _, values in with_path]):
        said.append(f"its paths read without {prefix}")
        mends["path"] = lambda cell: _posix(cell).removeprefix(prefix)
    for name, change in mends.items():
        for _, values in _with_value(lines, places.get(name)):
            values[places[name]] = change(values[places[name]])
    return lines, said


def _with_value(lines: list[Line], place: int | None) -> list[Line]:
    """The rows that are long enough for a column, none where there is no such column."""
    return [] if place is None else [(line, values) for line, values in lines if place < len(values)]


def _encoding(content: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if content.startswith(bom):
            return encoding
    if content[:1000].count(0) > len(content[:1000]) // 3:
        return "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    return "utf-8"


def _above_header(text: str) -> tuple[int, str]:
    """How many lines are above the header, and what separates its names; none where no line is a catalogue's."""
    file = io.StringIO(text, newline="")
    lines = [line for line in (file.readline() for _ in range(_ABOVE)) if line]
    given = re.match(r'"?sep=(.)"?\s*$', lines[0])
    if given:
        return 1, given[1]
    for number, line in enumerate(lines):
        separator = max(_SEPARATORS, key=line.count)
        names = standard_names([name.strip() for name in next(csv.reader([line], delimiter=separator), [])])
        if {ALIASES.get(name, name) for name in names} >= set(REQUIRED_COLUMNS):
            return number, separator
    return 0, max(_SEPARATORS, key=lines[0].count)


def _western(source: Path, header: list[str], lines: list[Line]) -> str:
    """The first cell of a standard column that is not ASCII; a UserError where its letters may be others."""
    first = ""
    known = [number for number, name in enumerate(header) if name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *ALIASES)]
    for line, values in lines:
        for number in (number for number in known if number < len(values)):
            cell = values[number]
            odd = re.sub(rf"[\x00-\x7f\xa0°{_LETTERS}]", "", cell)
            if odd or re.search(rf"[{_LETTERS.replace('ß', '')}]{{2}}", cell):
                seen = (
                    f"line {line}, column {header[number]}: {cell[:40]!r} is not UTF-8, and may be of several alphabets"
                )
                raise UserError(f"{source}: not a CSV in UTF-8 ({seen}); save it again as CSV UTF-8")
            first = first or ("" if cell.isascii() else cell)
    return first[:40]


def plain_name(name: str) -> str:
    """A column name without what spreadsheets change in it: case, blanks, underscores."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _broken(name: str, cell: str) -> str:
    """What a spreadsheet did to a cell, and how to mend it; "" where it is whole."""
    if name == "identity" and is_empty(cell):
        return ""  # #N/A: looked up, and not found
    if _ERROR.fullmatch(cell) and not _AS_TEXT.fullmatch(cell):
        return "the spreadsheet's error or formula; show the column as text, look at its values, and save it again"
    if name == "identity" and _ROUNDED.fullmatch(cell):
        return "a number that the spreadsheet rounded; show the column as text, look at its values, and save it again"
    if name == "identity" and "\ufffd" in cell:
        return "a name of which a letter is lost; write it again, and save it as CSV UTF-8"
    return "of several lines; is a double quote not closed?" if "\n" in cell or "\r" in cell else ""


def _plain_text(cell: str) -> str:
    """A cell without what tells a spreadsheet that it is text."""
    found = _AS_TEXT.fullmatch(cell.strip())
    return (found[1] or found[2]) if found else cell


def _without_point(cell: str) -> str:
    return cell.strip().removesuffix(".0")


def _with_points(cell: str) -> str:
    """Numbers with decimal commas, one or four that blanks or semicolons separate, with points; else as it is."""
    parts = [part.removesuffix(",") for part in re.split(r"[;\s]+", cell.strip().strip("[]() "))]
    if len(parts) not in (1, 4) or not any("," in part for part in parts) or not all(map(_DECIMAL.fullmatch, parts)):
        return cell
    return " ".join(part.replace(",", ".") for part in parts)


def _posix(path: str) -> str:
    return path.strip().replace("\\", "/")


def _foreign_root(root: Path, paths: Iterable[str]) -> str:
    """What to take off absolute paths, or off all where none is a file, so that each is one in `root`; "" for none."""
    every = [path for path in map(_posix, paths) if path]
    absolute = [path for path in every if path.startswith("/") or path[1:2] == ":"]
    if not absolute and not any(os.path.isfile(f"{root}/{path}") for path in every):  # noqa: PTH113 faster
        absolute = every
    if not absolute:
        return ""
    parts = absolute[0].split("/")
    for number in range(1, len(parts)):  # the longest path in the root first
        prefix = "/".join(parts[:number]) + "/"
        inside = [path.removeprefix(prefix) for path in absolute if path.startswith(prefix)]
        safe = [path for path in inside if not normpath(path).startswith(("..", "/")) and "\0" not in path]
        if safe and (root / safe[0]).is_file() and len(safe) == len(absolute):
            return prefix
    return ""
