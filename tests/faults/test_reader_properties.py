"""Any content of a catalogue's file gives a valid catalogue, or an error that says why not."""

import csv
import io
import json
import math
import unicodedata
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.helpers.malformed import JPEG, PNG
from wildtrack.access.boxes import boxes
from wildtrack.access.catalogue import ALIASES, OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Catalogue
from wildtrack.access.cells import NUMBERS, UNKNOWN
from wildtrack.access.detection.boxed import catalogue_of_detections, with_boxes
from wildtrack.access.detection.detections import read_detections
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.readers.table import write_table
from wildtrack.errors import UserError

PHOTOS = ("a.jpg", "b.png", "Ana/1.jpg", "Blå/2.png", " c .jpg", "images/Ana/1.jpg", "damaged.jpg")
FILES = ("catalogue.csv", "annotations.json", "metadata_splits.csv", "boxes.json")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos; the tests add catalogues."""
    folder = tmp_path_factory.mktemp("root")
    for name in PHOTOS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "damaged.jpg" else JPEG if name.endswith("jpg") else PNG)
    return folder


def clean(root: Path) -> Path:
    for name in FILES:
        (root / name).unlink(missing_ok=True)
    return root


def check(catalogue: Catalogue, root: Path) -> None:
    """Check all that `Catalogue` documents."""
    table = catalogue.table
    assert [column for column in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if column in table] == list(table)
    assert table.index.equals(pd.RangeIndex(len(table))) and len(table) > 0
    assert table["image_id"].is_unique
    for row in table.to_dict("records"):
        assert row["identity"] == unicodedata.normalize("NFC", row["identity"]).strip() != ""
        assert row["identity"] == UNKNOWN or row["identity"].casefold() != UNKNOWN
        assert (root / row["path"]).is_file() and root in (root / row["path"]).resolve().parents
        for column, (low, high) in NUMBERS.items():
            assert column not in row or math.isnan(row[column]) or low <= row[column] <= high
        if not pd.isna(row.get("date")):
            datetime.fromisoformat(row["date"])
        assert pd.isna(row.get("split")) or row["split"] in ("train", "valid", "test")
    for box in boxes(table):
        assert box is None or (all(map(math.isfinite, box)) and box[2] > 0 and box[3] > 0)
    assert list(catalogue.problems) == ["path", "reason"]
    assert catalogue.problems.notna().all(axis=None) and catalogue.understood


def read_or_refuse(root: Path, source: Path) -> Catalogue | None:
    try:
        catalogue = load_catalogue(source)
    except UserError as error:
        assert str(error)
        event("refused")
        return None
    check(catalogue, root)
    event("read")
    return catalogue


# Tables

TEXT = st.text(max_size=12) | st.text(st.sampled_from("a1 ,;\t\"'\n\r\0\\/.%=#|é\u0301\ufeff\u2028"), max_size=12)
GOOD: dict[str, list[str]] = {
    "image_id": ["1", "2", "3", "4", "5", "6", "7"],
    "identity": ["Ana", "Blå", "007", "NA", "unknown", "UNKNOWN", ""],
    "path": [*PHOTOS, "Ana\\1.jpg", "./a.jpg", "Ana/../a.jpg"],
    "bbox": ["[1, 2, 3, 4]", "(0 0 5 5)", "1,2,3,4", ""],
    "date": ["2024-05-31", "2024-05-31T17:45:00+02:00", "2024:05:31 17:45:00", ""],
    "split": ["train", "Test", "val", "query", ""],
    "latitude": ["-3.25", "90", "1e1", ""],
    "height": ["480", "1", ""],
    "id": ["0", "1", "2", "3"],
    "file_name": list(PHOTOS),
}
ODD = ["", " ", "x" * 300, "a\0b", "١٢٣", "\ufeff", "a\nb", "unknown ", "C:\\x.jpg", "../x.jpg", "/etc/passwd", ".."]
ODD += ["nan", "None", "null", "True", "-1", "0", "1e999", "=1+1", "[]", "[1,2]", "[nan,0,1,1]", "[0,0,0,0]", "Ana"]
ODD += [".", "[1e308,0,1e308,1]", "a.jpg/b", "0000-00-00", "9999-12-31", "2024-02-30", "2024-W01-1", "20240531"]
COLUMNS = st.sampled_from([*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS, *ALIASES, "junk", "", "image_id ", "Path"])


Table = tuple[list[str], list[list[str]]]


@st.composite
def tables(draw: st.DrawFn, columns: st.SearchStrategy[list[str]]) -> Table:
    header = draw(columns)
    cells = [st.sampled_from(GOOD.get(ALIASES.get(name, name), ODD)) for name in header]
    row = st.tuples(*(cell | st.sampled_from(ODD) | TEXT if draw(st.booleans()) else cell for cell in cells))
    lengths = st.integers(max(0, len(header) - 2), len(header) + 2)
    ragged = st.tuples(row, lengths).map(lambda pair: [*pair[0], "more", ""][: pair[1]])
    return header, draw(st.lists(row.map(list) | ragged, max_size=8))


def as_csv(header: list[str], rows: list[list[str]], **form: Any) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, **form).writerows([header, *rows])
    return file.getvalue()


MORE = st.lists(st.sampled_from([*OPTIONAL_COLUMNS, "junk", "viewpoint", "timestamp", ""]), max_size=4, unique=True)
WITH_REQUIRED = (MORE | st.just(["bbox"])).flatmap(lambda more: st.permutations([*REQUIRED_COLUMNS, *more]))
ANY_COLUMNS = st.one_of(WITH_REQUIRED, WITH_REQUIRED, st.lists(COLUMNS, max_size=6))


@given(
    table=tables(ANY_COLUMNS),
    form=st.fixed_dictionaries(
        {
            "delimiter": st.sampled_from(",;\t|"),
            "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
            "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        }
    ),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    cut=st.one_of(st.none(), st.none(), st.integers(50, 400)),
)
def test_a_table_of_odd_values_is_read_or_refused(
    root: Path, table: Table, form: dict[str, Any], encoding: str, cut: int | None
) -> None:
    source = clean(root) / "catalogue.csv"
    source.write_bytes(as_csv(*table, **form).encode(encoding, "replace")[:cut])
    catalogue = read_or_refuse(root, source)
    if catalogue is not None and cut is None:
        assert len(catalogue.table) <= len(table[1])


@given(table=tables(WITH_REQUIRED))
def test_a_table_that_is_read_keeps_every_row_and_survives_writing(root: Path, table: Table) -> None:
    header, rows = table
    source = clean(root) / "catalogue.csv"
    source.write_text(as_csv(header, rows), encoding="utf-8", newline="")
    catalogue = read_or_refuse(root, source)
    if catalogue is None:
        return
    if set(header) == {*REQUIRED_COLUMNS, "bbox"}:  # a value that is not understood costs its row: they can be counted
        lost = ~catalogue.problems["reason"].str.contains("this row is called")  # and not only named anew
        assert len(catalogue.table) + lost.sum() == sum(map(any, rows))
    write_table(catalogue.table, source)
    again = load_catalogue(source)
    pd.testing.assert_frame_equal(again.table, catalogue.table)
    subsets = catalogue.table.get("split", pd.Series("", index=catalogue.table.index))
    assert len(again.problems) == int(subsets.isna().sum())  # only rows that are in no subset


# JSON

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=8)  # halves of surrogate pairs too, as JSON may hold
SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | ANY_TEXT
SCALARS |= st.sampled_from([2**63, -(2**70), 10**400, *ODD, *PHOTOS])
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3), max_leaves=8
)
ANY_JSON = ANYTHING.map(lambda content: json.dumps(content).encode())


@given(content=st.binary(max_size=300) | ANY_JSON, name=st.sampled_from(["catalogue.csv", "annotations.json"]))
def test_bytes_of_any_kind_are_read_or_refused(root: Path, content: bytes, name: str) -> None:
    (clean(root) / name).write_bytes(content)
    read_or_refuse(root, root / name)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every (list or object, index or key) of a document."""
    keys = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [place for key in keys for place in ((node, key), *places(node[key]))]


@st.composite
def spoilt(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> Any:
    """A document in which a few things are missing, or are something else."""
    document = draw(documents)
    for _ in range(draw(st.integers(0, 4))):
        found = places(document)
        if not found:
            break
        node, key = draw(st.sampled_from(found))
        if isinstance(node, dict) and draw(st.booleans()):
            del node[key]
        else:
            node[key] = draw(ANYTHING)
    return document


def some(*entries: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(*entries), min_size=1, max_size=5)


def listed(fields: dict[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    numbered = some(st.fixed_dictionaries(fields))
    return numbered.map(lambda entries: [entry | {"id": number} for number, entry in enumerate(entries)])


NUMBER = st.sampled_from([0, 0, 0, 1, 2])
NAME = st.sampled_from(["Ana", "Blå", "____", "unknown"])
BOX = st.lists(st.integers(1, 9), min_size=4, max_size=4)
WORD = st.sampled_from(["left", "right", "unknown", ""])
IMAGE = {"file_name": st.sampled_from(PHOTOS), "date_captured": st.sampled_from(GOOD["date"])}
ANNOTATION = {"image_id": NUMBER, "category_id": NUMBER, "bbox": BOX}
OWN = (  # what distinguishes the layouts
    {"identity": NAME},
    {"attributes": st.fixed_dictionaries({"individual": NAME, "viewpoint": WORD})},
    {"name": NAME, "viewpoint": WORD, "individual_ids": st.lists(NUMBER)},  # Wild Me's
    {"identity": NAME, "position": WORD},  # SeaTurtleIDHeads's, with the images below
)
HEADS_IMAGE = {"path": st.sampled_from(["/home/x/a.jpg", "1.jpg"]), "height": NUMBER}
CATEGORIES = st.builds(lambda: [{"id": 0, "name": "head"}, {"id": 1, "name": "turtle"}])
LISTS = {
    "images": st.one_of([listed(each) for each in (IMAGE, IMAGE, HEADS_IMAGE)]),
    "annotations": st.one_of([listed(ANNOTATION | own) for own in OWN]),
}
COCO = spoilt(st.fixed_dictionaries(LISTS | {"categories": CATEGORIES, "licenses": CATEGORIES}))
SPLITS_TABLE = tables(st.just(["id", "identity", "file_name", "timestamp", "split_closed"]))


@given(content=COCO, metadata=st.one_of(st.none(), st.none(), SPLITS_TABLE))
def test_coco_of_any_structure_is_read_or_refused(root: Path, content: Any, metadata: Any) -> None:
    source = clean(root) / "annotations.json"
    source.write_text(json.dumps(content), encoding="utf-8")
    if metadata is not None:  # that of SeaTurtleID2022
        (root / "metadata_splits.csv").write_text(as_csv(*metadata), encoding="utf-8", newline="")
    catalogue = read_or_refuse(root, root)
    if catalogue is not None:
        annotations = content["annotations"]
        assert len(catalogue.table) <= len(annotations) <= len(catalogue.table) + len(catalogue.problems)
        write_table(catalogue.table, root / "catalogue.csv")
        pd.testing.assert_frame_equal(load_catalogue(root / "catalogue.csv").table, catalogue.table)


SHARE = st.floats(0, 1) | st.sampled_from([0.1, 0.2, 0.5])
DETECTION = {"category": st.sampled_from(["1", "2"]), "conf": SHARE, "bbox": st.lists(SHARE, min_size=4, max_size=4)}
DETECTED = {"file": st.sampled_from(PHOTOS), "detections": st.lists(st.fixed_dictionaries(DETECTION), max_size=3)}
FAILED = {"failure": st.just("it is damaged")}
PHOTOS_SEEN = some(st.fixed_dictionaries(DETECTED), st.fixed_dictionaries(FAILED))
KINDS = st.just({"1": "animal", "2": "person"}).map(dict)
DETECTIONS = st.fixed_dictionaries({"images": PHOTOS_SEEN, "detection_categories": KINDS})
OF_PHOTOS = {
    "station_07/RCNX0012.JPG": "a.jpg",
    "station_07/RCNX0013.JPG": "Ana/1.jpg",
    "station_12/RCNX0012.JPG": "b.png",
}
FORMS = sorted((Path(__file__).parents[1] / "access/detection/forms").glob("*.json"))


def form(file: Path) -> Any:
    """What a detector wrote, about photos there are."""
    text = file.read_text(encoding="utf-8").replace("\\\\", "/")
    for name, photo in OF_PHOTOS.items():
        text = text.replace(name, photo)
    return json.loads(text)


@given(content=spoilt(DETECTIONS | st.sampled_from(FORMS).map(form)), confidence=st.sampled_from([0.0, 0.2, 1.0]))
def test_boxes_of_any_structure_are_read_or_refused(root: Path, content: Any, confidence: float) -> None:
    source = clean(root) / "boxes.json"
    source.write_text(json.dumps(content), encoding="utf-8")
    try:
        detections = read_detections(source, confidence)
    except UserError:
        return
    for photo in detections.output.photos:
        for x, y, width, height in (one.box for one in detections.animals(photo) if not detections.output.pixels):
            assert 0 <= x < x + width <= 1 + 1e-9 and 0 <= y < y + height <= 1 + 1e-9
    event("detections read")
    with suppress(UserError):
        check(catalogue_of_detections(detections, root), root)
        event("read")
    table = pd.DataFrame({"image_id": ["1", "2"], "identity": ["Ana", "Blå"], "path": ["a.jpg", "b.png"]})
    known = Catalogue(root, table, pd.DataFrame({"path": [], "reason": []}, dtype="str"), "two photos")
    with suppress(UserError):
        boxed = with_boxes(known, detections)
        check(boxed, root)
        assert boxed.table[list(table)].equals(table)
