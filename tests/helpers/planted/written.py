"""Rows of a study, drawn with faults and written as a CSV, a COCO file or an export of Wildbook."""

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.helpers.planted.boxes import boxes
from tests.helpers.planted.faults import NAMES, NOT_IN_JSON, PLANTS, Draw
from tests.helpers.planted.study import Form, Row, Study

SPELT = {
    "image_id": ("image_id", "Image ID", "imageid", "Image_ID"),
    "identity": ("identity", "Identity", "IDENTITY "),
    "path": ("path", "Path", "filepath", "File Name", "file_name"),
    "date": ("date", "timestamp", "Date"),
    "orientation": ("orientation", "viewpoint", "Position"),
    "encounter": ("encounter", "encounter_id", "Encounter ID"),
}
FIRST = ("keys", "species", "dates")  # of columns, before single cells
DECIDED_TOGETHER = {"date", "split", "bbox"}  # by all rows of a table
FIELDS = {
    "identity": "identity",
    "orientation": "viewpoint",
    "encounter": "encounter_id",
    "individual_uuid": "individual_uuid",
}


Entry = dict[str, Any]


@st.composite
def studies(draw: Draw, form: Form) -> Study:
    """A study of 2 to 6 animals with several kinds of faults."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    rows: list[Row] = []
    for name in names:
        for _ in range(draw(st.integers(1, 5))):
            path = f"photos/IMG_{len(rows):04d}.JPG"
            row = Row(f"r{len(rows)}", path, name, {"identity": name}, {"identity": name})
            row.written |= {"image_id": row.image_id, "path": path}
            rows.append(row)
    allowed = [name for name in PLANTS if form == "csv" or name not in NOT_IN_JSON]
    faults = draw(st.sets(st.sampled_from(allowed), max_size=5))
    study = Study(form, rows, frozenset(faults))
    for fault in [name for name in PLANTS if name in faults]:
        PLANTS[fault](draw, study)
    if draw(st.booleans()):
        boxes(draw, study)
    if whole := [row for row in rows if not row.lost and not row.box_lost and draw(st.integers(0, 9)) == 9]:
        again = replace(whole[0], written=dict(whole[0].written), meant={}, notes=[], lost="which is the same")
        study.rows.append(again)
    return study


@st.composite
def csv_files(draw: Draw, study: Study) -> bytes:
    """A CSV as a spreadsheet program saves it."""
    columns = draw(st.permutations(list(dict.fromkeys(name for row in study.rows for name in row.written))))
    header = [draw(st.sampled_from(SPELT.get(name, (name, name.upper())))) for name in columns]
    delimiter = draw(st.sampled_from([",", ";", "\t"]))
    file = io.StringIO(newline="")
    titles = draw(st.integers(0, 4))
    if titles == 3:
        file.write(f"sep={delimiter}\r\n")
    elif titles == 4:
        file.write(f"Seals of the north{delimiter}{delimiter}\r\nseason 2024\r\n")
        study.remarks["header"] = "line 3"
    writer = csv.writer(file, delimiter=delimiter, quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])))
    writer.writerow(header)
    for row in study.rows:
        cells = [row.written.get(name, "") for name in columns]
        if row is study.rows[-1] and not row.lost and not DECIDED_TOGETHER & row.written.keys() and draw(st.booleans()):
            line = file.getvalue().count("\n") + 1
            row.lost, row.problem_path = "values under", f"seals.csv, line {line}"
            cells += ["", "oh"]
        writer.writerow(cells)
        if draw(st.integers(0, 9)) == 9:
            writer.writerow([""] * len(columns))
    text = file.getvalue()
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    western = encoding == "cp1252" and not text.isascii() and not re.search("[^\x00-\xff]|Ã«", text)
    if western:
        study.remarks["western"] = "such as "
    return text.encode(encoding if western or encoding != "cp1252" else "utf-8")


def as_json(study: Study) -> bytes:
    """A COCO file; Wildbook's where rows have keys."""
    species = {"zebra": 1, "nyala": 2, "Nyala": 3}
    images, annotations = list[Entry](), list[Entry]()
    for number, row in enumerate(study.rows):
        cells = row.written
        image: Entry = {"id": number, "file_name": cells["path"], "date_captured": cells.get("date")}
        image |= {side: int(cells[side]) for side in ("width", "height") if side in cells}
        images.append(image)
        entry: Entry = {FIELDS[name]: cells[name] or None for name in FIELDS if name in cells}
        if study.form == "wildbook":
            names: Entry = {"name": entry.pop("identity"), "individual_ids": [], "viewpoint": cells.get("orientation")}
            entry |= names | {"id": number, "uuid": row.image_id}
        else:
            entry["id"] = row.image_id
        entry |= {"image_id": number, "category_id": species.get(cells.get("species", ""), 9)}
        annotations.append(entry | _shape(cells.get("bbox", ""), "form" not in study.remarks and number % 2 == 1))
    categories = [{"id": number, "name": name} for name, number in species.items()]
    info: Entry = {"individual_id_mapping": {}} if study.form == "wildbook" else {}
    content = {"info": info, "images": images, "annotations": annotations, "categories": categories}
    return json.dumps(content).encode()


def _shape(cell: str, masked: bool) -> Entry:
    """A box of four numbers, a mask of two parts around it, or as it is written."""
    numbers = [float(part) for part in re.findall(r"-?[\d.]+", cell)]
    if len(numbers) != 4:
        return {"bbox": cell or None}
    x, y, width, height = numbers
    if masked:
        return {"segmentation": [[x, y, x + 2, y, x, y + 1], [x + width, y, x + width, y + height, x + 1, y + 1]]}
    return {"bbox": numbers}
