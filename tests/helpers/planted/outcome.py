"""What must come of reading a study: a refusal with certain words, or a table, problems and remarks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import normpath
from typing import Any

import pandas as pd
import pytest
from hypothesis import event

from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import ReadConfig
from wildtrack.errors import UserError

# What the first line on the screen says of each kind of finding: those that were planted, and no other.
REMARKS = {
    "nobody": "names that stand for nobody, read as unknown: ",
    "perhaps": "names read as animals: ",
    "spelt": "spelt in several ways: ",
    "species": "given to several species",
    "one name": " animals, by individual_uuid: ",
    "one key": "have one individual_uuid: read as",
    "orientation": "\norientation ",
    "species words": "\nspecies ",
    "dates": "dates that cannot be used: ",
    "gallery": "that train has not: tested against their query photos",
    "form": "boxes read as ",
    "scaled": "boxes scaled to photos of another size: ",
    "turned": "boxes turned with their photos: ",
    "boxes": "boxes that do not fit, left out: ",
    "in no row": " in no row, such as ",
    "western": "read as Western European text",
    "header": "its header is line ",
    "prefix": "its paths read without ",
    "passed over": "passed over: ",
    "taken for animals": "and taken for animals",
    "not read": "names photos and is not read",
    "detector": "holds boxes of a detector",
    "sheet": "is not read: save it as CSV UTF-8",
}
COLUMNS = ("identity", "path", "bbox", "date", "orientation", "species", "split", "encounter", "latitude", "width")


@dataclass
class Outcome:
    """What is expected of a reading."""

    refusals: list[tuple[str, ...]] = field(default_factory=list)  # the line has the words of one of them
    table: dict[str, dict[str, Any]] = field(default_factory=dict)  # image_id -> column -> value; None is empty
    problems: list[tuple[str, str]] = field(default_factory=list)  # path, words of the reason
    remarks: dict[str, str] = field(default_factory=dict)  # a key of REMARKS -> more words of it

    def check(self, data: Path, config: ReadConfig) -> None:
        """Read the study and compare."""
        try:
            found = load_catalogue(data, config=config)
        except UserError as error:
            event("refused")
            line = str(error)
            fits = any(all(word in line for word in words) for words in self.refusals)
            assert fits and "\n" not in line, f"refused: {line}\nexpected: {self.refusals or 'a table'}"
            return
        assert not self.refusals, f"read as {found.understood}\nexpected: {self.refusals}"
        event(f"read, remarks: {len(self.remarks)}")
        read = _plain(found.table)
        other = [name for name in {**read, **self.table} if read.get(name) != self.table.get(name)]
        assert not other, [(name, read.get(name), self.table.get(name)) for name in other]
        _compare_problems(found.problems, self.problems)
        said = {name for name, words in REMARKS.items() if words in found.understood}
        assert said == self.remarks.keys(), found.understood
        for words in self.remarks.values():
            assert words in found.understood, (words, found.understood)


def _plain(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """image_id -> its filled cells."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return {
        row["image_id"]: {name: _rounded(row[name]) for name in COLUMNS if row.get(name) is not None} for row in rows
    }


def _rounded(value: Any) -> Any:
    return tuple(round(edge) for edge in value) if isinstance(value, tuple) else value


def _compare_problems(found: pd.DataFrame, expected: Iterable[tuple[str, str]]) -> None:
    """Each problem is one that was planted, and the other way round."""
    left = [(_same_path(path), reason) for path, reason in found.itertuples(index=False)]
    for path, words in expected:
        fitting = [each for each in left if each[0] == _same_path(path) and words in each[1]]
        if not fitting:
            pytest.fail(f"not listed: {path}: {words}; there are {left}")
        left.remove(fitting[0])
    assert not left, f"listed, and not expected: {left}"


def _same_path(path: str) -> str:
    return normpath(path.strip().replace("\\", "/"))
