"""Rows of a study, drawn with faults and written as a CSV, a COCO file or an export of Wildbook."""

import csv
import io
import json
import re
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
FIELDS = {
    "identity": "identity",
    "orientation": "viewpoint",
    "encounter": "encounter_id",
    "individual_uuid": "individual_uuid",
}


@st.composite
def studies(draw: Draw, form: Form) -> Study:
    """A study of 2 to 6 animals with several kinds of faults."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    rows = []
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
    return study


def as_csv(draw: Draw, study: Study) -> bytes:
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
    for number, row in enumerate(study.rows):
        cells = [row.written.get(name, "") for name in columns]
        if "lines" in study.faults and number == len(study.rows) - 1:
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


def as_coco(study: Study) -> Any:
    """A COCO file; Wildbook's where rows have keys."""
    wildbook = study.form == "wildbook"
    images, annotations, species = [], [], {"zebra": 1, "nyala": 2, "Nyala": 3}
    for number, row in enumerate(study.rows):
        cells = row.written
        image = {"id": number, "file_name": cells["path"], "date_captured": cells.get("date")}
        image |= {side: int(cells[side]) for side in ("width", "height") if side in cells}
        fields = {FIELDS[name]: cells[name] or None for name in FIELDS if name in cells}
        fields |= (
            {"name": fields.pop("identity"), "individual_ids": [], "viewpoint": cells.get("orientation")}
            if wildbook
            else {}
        )
        entry = {"id": number, "uuid": row.image_id} if wildbook else {"id": row.image_id}
        entry |= fields | {"image_id": number, "category_id": species.get(cells.get("species", ""), 9)}
        annotations.append(entry | _shape(cells.get("bbox", "")))
        images.append(image)
    categories = [{"id": number, "name": name} for name, number in species.items()]
    info = {"individual_id_mapping": {}} if wildbook else {}
    return {"info": info, "images": images, "annotations": annotations, "categories": categories}


def _shape(cell: str) -> dict[str, Any]:
    """A box of four numbers, or as it is written."""
    parts = re.findall(r"-?[\d.]+", cell)
    return {"bbox": [float(part) for part in parts]} if len(parts) == 4 else {"bbox": cell or None}


def as_json(study: Study) -> bytes:
    return json.dumps(as_coco(study)).encode()
