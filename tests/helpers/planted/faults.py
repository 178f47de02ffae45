"""What is planted in the rows of a study: each function writes one kind of fault, and what it means."""

import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.helpers.planted.study import UNKNOWN, Row, Study

Draw = st.DrawFn
Plant = Callable[[Draw, Study], None]

NAMES = ("Ana", "7", "012", "TZ-173", "Zoë", "Nan", "🐘", "M 4", "CamA", "Queen Bee")
VARIANTS = {
    "Ana": ("ana", "ANA", "An\u200ba", "Ana?"),
    "TZ-173": ("tz-173", "TZ 173", "TZ\u2011173", "TZ\u00a0173", "TZ_173", "\u0422Z-173"),
    "Zoë": ("ZOË", "zoë", "ZoÃ«"),
    "M 4": ("M-4", "m 4", "M\u00a04", "M4"),
    "Queen Bee": ("Queen  Bee", "queen bee", "Queen-Bee", "QueenBee"),
}
NOBODY = (
    *("____", "NA", "N/A", "nan", "None", "null", "unidentified", "unidentified_individual", "UNID", "unk", "?", "-"),
    *("new_individual", "Unknown adult", "TBD", "#N/A", "other", "unsorted"),
)
PERHAPS = ("unknown_1", "unknown_2", "new", "unclear", "UNK-003")
EMPTY = ("", "NA", "n/a", "None", "nan", "null", "-")
SIDES = {"left": ("left", "Left", "L", "LEFT"), "right": ("right", "Right", "R")}
SUBSETS = {"train": ("train", "Train "), "valid": ("val", "valid", "Validation"), "test": ("test", "TEST", "query")}
KEYS = (
    "0d9f8b7a-6c5d-4e3f-a2b1-c0d1e2f3a4b5",
    "9b8a7c6d-5e4f-4a3b-b2c1-d0e1f2a3b4c5",
    "77aa55bb-1111-4222-a333-444455556666",
)
NO_DATES = {
    "2099-01-01": "date 2099-01-01 is not used: it is in the future",
    "1593-05-16": "date 1593-05-16 is not used: it is before photography",
    "1593561600": "date 1593561600 is a number",
    "45413.73": "date 45413.73 is a number",
    "1970-01-01": "date 1970-01-01 is not used: computers count from there",
    "31.02.2024": "date not understood",
    "spring": "date not understood",
    "2000-01-01 00:03:00": "date 2000-01-01T00:03:00 is not used: a camera's clock after a reset",
    "1980-01-01T00:00:05": "date 1980-01-01T00:00:05 is not used: a camera's clock after a reset",
}
TODAY = datetime(2024, 12, 24)


def some_rows(draw: Draw, study: Study, most: int = 2) -> list[Row]:
    """A few rows that no other fault has taken out."""
    whole = [row for row in study.rows if not row.lost and not row.box_lost]
    if not whole:
        return []
    return draw(st.lists(st.sampled_from(whole), min_size=1, max_size=most, unique_by=id))


def names_for_nobody(draw: Draw, study: Study) -> None:
    """A word for nobody, or an animal that is really called so."""
    word = draw(st.sampled_from(NOBODY))
    for row in some_rows(draw, study):
        row.written["identity"], row.meant["identity"], row.animal = word, word, None
    study.nobody.add(word)
    if draw(st.booleans()):
        study.config["animals"] = (*study.config.get("animals", ()), word)


def names_perhaps_nobodys(draw: Draw, study: Study) -> None:
    """A provisional name, or a word for a heap of photos."""
    word = draw(st.sampled_from(PERHAPS))
    for row in some_rows(draw, study):
        row.written["identity"], row.meant["identity"], row.animal = word, word, None
    study.perhaps.add(word)
    answer = draw(st.sampled_from(["none", "animals", "nobody"]))
    if answer != "none":
        given = word if answer == "animals" else f"{word[:3]}*"
        study.config[answer] = (*study.config.get(answer, ()), given)


def no_name(draw: Draw, study: Study) -> None:
    """An empty cell, or the catalogue's own word."""
    for row in some_rows(draw, study):
        row.written["identity"] = draw(st.sampled_from(["", " ", "unknown", "UNKNOWN"]))
        row.meant["identity"], row.animal = UNKNOWN, None


def spellings(draw: Draw, study: Study) -> None:
    """Another spelling of an animal's name."""
    for row in some_rows(draw, study, 3):
        if row.animal in VARIANTS:
            row.written["identity"] = row.meant["identity"] = draw(st.sampled_from(VARIANTS[row.animal]))
    if draw(st.booleans()):
        study.config["spellings"] = "merge"


def coding(draw: Draw, study: Study) -> None:
    """Accents in two parts, spaces around the name: the same name."""
    for row in some_rows(draw, study, 3):
        row.written["identity"] = draw(st.sampled_from(["{}", " {}", "{} "])).format(
            unicodedata.normalize("NFD", row.written["identity"])
        )


def two_species(draw: Draw, study: Study) -> None:
    """A column of species, one animal's name in both herds, and words in two spellings."""
    for row in study.rows:
        word = draw(st.sampled_from(["zebra", "zebra", "zebra", "nyala", "Nyala", "NA", ""]))
        row.written["species"] = word
        row.meant["species"] = None if word in EMPTY else (word, word.casefold())
    if study.rows[0].animal and draw(st.booleans()):
        study.config["animals"] = (*study.config.get("animals", ()), study.rows[0].name)


def viewpoints(draw: Draw, study: Study) -> None:
    """Left, left and L, and words for nothing."""
    for row in study.rows:
        side = draw(st.sampled_from([*SIDES, None]))
        row.written["orientation"] = draw(st.sampled_from(SIDES[side] if side else (*EMPTY, "unknown")))
        row.meant["orientation"] = (row.written["orientation"], side) if side else None


def subsets(draw: Draw, study: Study) -> None:
    """Words for subsets, cells without any, and a word that is none."""
    for row in study.rows:
        subset = draw(st.sampled_from([*SUBSETS, *SUBSETS, None]))
        row.written["split"] = draw(st.sampled_from(SUBSETS[subset] if subset else EMPTY))
        row.meant["split"] = subset
    if draw(st.booleans()):
        for row in some_rows(draw, study, 1):
            row.written["split"], row.lost = "autumn", "split not understood: 'autumn'"
    if any(row.meant["split"] for row in study.rows if row.written["split"] != "autumn"):
        for row in study.rows:
            row.notes += ["split is empty"] * (row.meant["split"] is None)


def encounters(draw: Draw, study: Study) -> None:
    """A column of encounters."""
    for row in study.rows:
        word = draw(st.sampled_from(["e1", "e2", "NA", ""]))
        row.written["encounter"] = word
        row.meant["encounter"] = None if word in EMPTY else word


def places(draw: Draw, study: Study) -> None:
    """Positions with decimal commas, and one that is nowhere."""
    for row in study.rows:
        text, value, note = draw(
            st.sampled_from([("-3,25", -3.25, ""), ("12.5", 12.5, ""), ("NA", None, ""), ("900", None, "latitude not")])
        )
        row.written["latitude"], row.meant["latitude"] = text, value
        row.notes += [note] if note else []


def dates(draw: Draw, study: Study) -> None:
    """Dates in one form of the column, with their precision and zone; some that no photo was taken on."""
    form = draw(st.sampled_from(["iso", "iso", "iso", "german", "us"]))
    days = set()
    for row in study.rows:
        moment = TODAY - timedelta(days=draw(st.integers(0, 700)), minutes=draw(st.integers(1, 800)))
        text, value = in_form(moment, form, draw(st.integers(0, 5)))
        row.written["date"], row.meant["date"] = draw(st.sampled_from([(text, value)] * 4 + [("NA", None)]))
        if form != "iso" and row.meant["date"]:
            days.add((moment.day, moment.month))
    clear = any(day > 12 for day, _ in days) or all(day == month for day, month in days)
    if form != "iso" and draw(st.booleans()):
        study.config["date_format"] = "day-first" if form == "german" else "month-first"
    elif not clear:
        study.refusals.append(("--date-format day-first", "may be"))
    for row in some_rows(draw, study) if draw(st.booleans()) else ():
        text = draw(st.sampled_from(list(NO_DATES)))
        row.written["date"], row.meant["date"] = text, None
        row.notes.append(NO_DATES[text])


def in_form(moment: datetime, form: str, precision: int) -> tuple[str, str]:
    """How a moment is written in this form, and in ISO 8601 with no more than is written."""
    day, minute = f"{moment:%Y-%m-%d}", f"{moment:%Y-%m-%dT%H:%M}:00"
    if form == "german":
        return [(f"{moment:%d.%m.%Y}", day), (f"{moment.day}.{moment.month}.{moment:%Y %H:%M}", minute)][precision % 2]
    if form == "us":
        us = f"{moment.month}/{moment.day}/{moment:%Y}"
        return [(us, day), (f"{us} {int(f'{moment:%I}')}:{moment:%M %p}", minute)][precision % 2]
    return [
        (day, day),
        (f"{moment:%Y-%m}", f"{moment:%Y-%m}"),
        (f"{moment:%Y:%m:%d %H:%M:%S}", minute),
        (f"{minute}+13:00", f"{minute}+13:00"),
        (f"{minute}Z", f"{minute}+00:00"),
        (f"{moment.day}-{moment:%b}-{moment:%Y}", day),
    ][precision]


def lost_photos(draw: Draw, study: Study) -> None:
    """Paths that lead to no photo of the study."""
    kinds = {"photos/gone.jpg": "no such file", "../photos/1.jpg": "leads out", "": "path is empty"}
    for row in some_rows(draw, study):
        row.written["path"], row.lost = draw(st.sampled_from(list(kinds.items())))
        row.problem_path = row.written["path"] or f"row {study.rows.index(row) + 1}"


def paths(draw: Draw, study: Study) -> None:
    """Paths of Windows, of another computer, in another case."""
    prefix = draw(st.sampled_from(["", "", r"C:\Users\Ada Lovelace\seals" + "\\", "/Volumes/Card 1/seals/"]))
    whole = [row for row in study.rows if not row.lost]
    for row in whole:
        row.written["path"] = prefix + draw(st.sampled_from([row.path, row.path, row.path.replace("/", "\\")]))
    if prefix and whole:
        study.remarks["prefix"] = prefix.replace("\\", "/")
    else:
        for row in some_rows(draw, study):
            row.written["path"] = draw(st.sampled_from([f"./{row.path}", row.path.upper(), f"{row.path} "]))


def image_ids(draw: Draw, study: Study) -> None:
    """Numbers that begin at 1 again."""
    for row in some_rows(draw, study, 3):
        row.image_id = row.written["image_id"] = "1"


def two_on_a_photo(draw: Draw, study: Study) -> None:
    """Two named rows of one photo."""
    if "paths" in study.faults or len(study.rows) < 2:
        return
    first, second = study.rows[:2]
    if first.photo == second.photo and not first.lost and not second.lost:
        second.path = first.path
        second.written["path"] = first.written["path"]


def spreadsheet_breaks(draw: Draw, study: Study) -> None:
    """A number that was rounded, or an error of a formula."""
    for row in some_rows(draw, study, 1):
        column, text = draw(st.sampled_from([("identity", "9.98E+14"), ("image_id", "#REF!"), ("path", "#NAME?")]))
        row.written[column] = text
        study.refusals.append(("line ", f"column {column}: {text!r}"))


def keys(draw: Draw, study: Study) -> None:
    """Wildbook's keys: two animals of one name, one of two names, and one without."""
    known = {name: draw(st.sampled_from(KEYS)) for name in dict.fromkeys(row.animal or "" for row in study.rows)}
    for row in study.rows:
        key = draw(st.sampled_from([known[row.animal or ""]] * 4 + [*KEYS, ""]))
        row.written["individual_uuid"] = row.meant["key"] = key
    if not any(row.written["individual_uuid"] for row in study.rows):
        for row in study.rows:
            del row.meant["key"]


NAMING: dict[str, Plant] = {
    "nobody": names_for_nobody,
    "perhaps": names_perhaps_nobodys,
    "no name": no_name,
    "spellings": spellings,
    "coding": coding,
}
PLANTS: dict[str, Plant] = NAMING | {
    "species": two_species,
    "viewpoints": viewpoints,
    "subsets": subsets,
    "encounters": encounters,
    "places": places,
    "dates": dates,
    "lost photos": lost_photos,
    "paths": paths,
    "image ids": image_ids,
    "two on a photo": two_on_a_photo,
    "spreadsheet": spreadsheet_breaks,
    "keys": keys,
}
NOT_IN_JSON = frozenset({"subsets", "places", "paths", "image ids", "spreadsheet", "two on a photo"})
