"""Rows of a study as they are written and as they are meant, and plain loops that say what must come of them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.helpers.planted.outcome import Outcome
from wildtrack.access.reading import ReadConfig

Form = Literal["csv", "coco", "wildbook"]
UNKNOWN = "unknown"


@dataclass(eq=False)
class Row:
    """One row: what is written, and what it means."""

    image_id: str
    path: str
    animal: str | None  # what all spellings of its name share; None: a name for nobody
    written: dict[str, str] = field(default_factory=dict)  # column -> cell
    meant: dict[str, Any] = field(default_factory=dict)  # column -> value
    photo: str = "plain"
    lost: str = ""  # words of the reason why the row is left out
    box_lost: str = ""  # the same, where its box does not fit
    notes: list[str] = field(default_factory=list)  # words of reasons why a value is left out
    problem_path: str = ""

    @property
    def name(self) -> str:
        return str(self.meant.get("identity", UNKNOWN))


@dataclass
class Study:
    """Rows, photos beside them, what the user says, and what is expected besides."""

    form: Form
    rows: list[Row]
    faults: frozenset[str] = frozenset()
    config: dict[str, Any] = field(default_factory=dict)  # of ReadConfig
    files: dict[str, str | bytes] = field(default_factory=dict)  # path -> kind of photo or content
    perhaps: set[str] = field(default_factory=set)  # names that may be nobody's
    nobody: set[str] = field(default_factory=set)  # names that are
    refusals: list[tuple[str, ...]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)

    @property
    def reading(self) -> ReadConfig:
        return ReadConfig(**self.config)

    def outcome(self) -> Outcome:
        """What must come of reading the study."""
        rows = [row for row in self.rows if not row.lost]
        out = Outcome(self.refusals, {}, list(self.problems), dict(self.remarks))
        if not [row for row in rows if not row.box_lost]:
            out.refusals = [*out.refusals, ("none of",)]
        if self.form == "coco" and not any(row.written["identity"] for row in self.rows):
            out.refusals = [*out.refusals, ("no annotation names an individual",)]
        problems_of_rows(self.rows, out)
        own_ids(rows, out)
        self._names(rows, out)
        for column in ("orientation", "species"):
            usual_words(rows, column, out)
        self._keys(rows, out)
        self._species(rows, out)
        self._photos_in_no_row(rows, out)
        if lost := sum(bool(row.box_lost) for row in rows):
            out.remarks["boxes"] = f": {lost}"
        for row in rows:
            if not row.box_lost:
                values = {"identity": row.name, "path": row.path} | row.meant
                out.table[row.image_id] = {name: value for name, value in values.items() if value is not None}
        return out

    def _names(self, rows: list[Row], out: Outcome) -> None:
        """Nobody's names become unknown, spellings are said or merged."""
        kept = set(self.config.get("animals", ()))
        patterns = self.config.get("nobody", ())
        as_nobody = {name for name in self.perhaps | self.nobody if any(name.startswith(p[:-1]) for p in patterns)}
        names = {row.name for row in rows}
        if (self.nobody - kept - as_nobody) & names:
            out.remarks["nobody"] = "--animals "
        if (self.perhaps - kept - as_nobody) & names:
            out.remarks["perhaps"] = "--nobody "
        for row in rows:
            if row.name in (self.nobody - kept) | as_nobody:
                row.meant["identity"], row.animal = UNKNOWN, None
            elif row.name in self.nobody | self.perhaps:
                row.animal = {"nan": "Nan"}.get(row.name, row.name)
        for animal in dict.fromkeys(row.animal for row in rows if row.animal):
            own = [row for row in rows if row.animal == animal]
            spellings = Counter(row.name for row in own)
            if len(spellings) > 1 and self.config.get("spellings") == "merge":
                for row in own:
                    row.meant["identity"] = spellings.most_common(1)[0][0]
            elif len(spellings) > 1 and not all(row.meant.get("key") for row in own):
                out.remarks["spelt"] = "--spellings merge"

    def _keys(self, rows: list[Row], out: Outcome) -> None:
        """Two keys of one name are two animals; a key without a name is one."""
        keys = dict.fromkeys(row.meant["key"] for row in rows if row.meant.get("key"))
        usual = {}
        for key in keys:
            own = Counter(row.name for row in rows if row.meant.get("key") == key and row.name != UNKNOWN)
            usual[key] = own.most_common(1)[0][0] if own else key
            if len(own) > 1:
                out.remarks["one key"] = usual[key]
        twice = {name for name, number in Counter(usual.values()).items() if number > 1}
        for name in twice:
            out.remarks["one name"] = name
        for row in rows:
            key = row.meant.pop("key", None)
            if key:
                row.meant["identity"] = f"{usual[key]} ({key[:8]})" if usual[key] in twice else usual[key]
            elif row.name in twice:
                out.problems.append((row.path, "has no individual_uuid"))
                row.meant["identity"] = UNKNOWN

    def _species(self, rows: list[Row], out: Outcome) -> None:
        """One name of two species is two animals."""
        for name in dict.fromkeys(row.name for row in rows if row.name != UNKNOWN):
            own = [row for row in rows if row.name == name]
            kinds = {row.meant["species"] for row in own if row.meant.get("species")}
            if len(kinds) < 2 or name in self.config.get("animals", ()):
                continue
            out.remarks["species"] = "--animals "
            for row in own:
                if row.meant.get("species"):
                    row.meant["identity"] = f"{name} ({row.meant['species']})"
                else:
                    row.meant["identity"] = UNKNOWN
                    out.problems.append((row.path, "give its species"))

    def _photos_in_no_row(self, rows: list[Row], out: Outcome) -> None:
        """Photos beside a CSV that it does not name are counted."""
        photos = {row.path: row.photo for row in self.rows} | self.files
        named = {row.path for row in rows} | {path for path, _ in out.problems}
        beside = [path for path, kind in photos.items() if kind not in ("text", "video", "raw") and path not in named]
        beside = [path for path in beside if path.startswith("photos/")]
        if self.form == "csv" and beside:
            out.remarks["in no row"] = str(len(beside))


def problems_of_rows(rows: list[Row], out: Outcome) -> None:
    """Add the reasons why rows or their values are left out."""
    for row in rows:
        path = row.problem_path or row.path
        out.problems += [(path, words) for words in ([row.lost] if row.lost else row.notes)]
        if row.box_lost and not row.lost:
            out.problems.append((row.path, row.box_lost))
    dates = sum(words.startswith("date ") for row in rows if not row.lost for words in row.notes)
    if dates:
        out.remarks["dates"] = f": {dates}"


def own_ids(rows: list[Row], out: Outcome) -> None:
    """A row whose image_id stands above gets its path as well."""
    seen = set()
    for row in rows:
        if row.image_id in seen:
            out.problems.append((row.path, f"image_id {row.image_id!r} is taken by a row above"))
            row.image_id = f"{row.image_id} ({row.path})"
        seen.add(row.image_id)


def usual_words(rows: list[Row], column: str, out: Outcome) -> None:
    """Words of one meaning are written as most rows have it; `meant` has (word, meaning)."""
    pairs = [row.meant[column] for row in rows if row.meant.get(column)]
    for row in rows:
        if row.meant.get(column):
            words = Counter(word for word, meaning in pairs if meaning == row.meant[column][1])
            if len(words) > 1:
                out.remarks["species words" if column == "species" else column] = "read as"
            row.meant[column] = words.most_common(1)[0][0]
