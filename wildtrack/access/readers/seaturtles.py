"""SeaTurtleID2022 and SeaTurtleIDHeads (Adam et al. 2024, WACV), as Kaggle serves them."""

from dataclasses import replace
from pathlib import Path

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.readers.coco_json import CocoFile, Entry, attributes, below, coco_catalogue, first_of
from wildtrack.access.readers.table import read_rows
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.errors import UserError

SPLITS_FILE = "metadata_splits.csv"
PART = "head"
SPLIT_COLUMN = "split_closed"  # by time: test photos are later than training photos


def read_seaturtleid2022(
    coco: CocoFile, root: Path, config: ReadConfig = DEFAULTS, *, split_column: str, part: str
) -> Catalogue:
    """Read SeaTurtleID2022: boxes from annotations.json, everything else from metadata_splits.csv beside it.

    Raises a UserError when the part or the split column is not there, or no row can be used.
    """
    metadata = _metadata(coco.source.parent / SPLITS_FILE, split_column)
    if part not in coco.categories.values():
        allowed = ", ".join(map(str, coco.categories.values())) or "none"
        raise UserError(f"--part {part} is not annotated in {coco.source}; it has {allowed}")
    prefix = below(root, coco.source.parent)
    of_part = [entry for entry in coco.annotations if coco.categories.get(str(entry.get("category_id"))) == part]

    def to_row(annotation: Entry, image: Entry) -> Entry:
        about = metadata.get(str(image.get("id")), {})
        return {
            "identity": about.get("identity"),
            "path": f"{prefix}{about['file_name']}" if about.get("file_name") else None,
            "bbox": annotation.get("bbox"),
            "date": first_of(about, "timestamp", "date"),
            "orientation": first_of(attributes(annotation), "orientation", "location"),
            "split": about.get(split_column),
            "height": about.get("height"),
            "width": about.get("width"),
        }

    shown = {str(entry.get("image_id")) for entry in of_part}
    names = [about.get("file_name") for image_id, about in metadata.items() if image_id not in shown]
    without = [(f"{prefix}{name}", f"no {part} is annotated on this photo") for name in names]
    coco = replace(coco, annotations=of_part, problems=coco.problems + without)
    return coco_catalogue(coco, root, f"SeaTurtleID2022, {part}s, {split_column}", to_row, config)


def is_seaturtleidheads(coco: CocoFile) -> bool:
    """Whether annotations carry the identity and the position, and images a path, as only this set's do."""
    annotation, image = next(iter(coco.annotations), {}), next(iter(coco.images.values()), {})
    return {"identity", "position"} <= annotation.keys() and "path" in image and "file_name" not in image


def read_seaturtleidheads(coco: CocoFile, root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read SeaTurtleIDHeads: cropped heads in `images/IDENTITY/`; a UserError when no row can be used."""
    folder = below(root, coco.source.parent / "images")

    def to_row(annotation: Entry, image: Entry) -> Entry:
        name = str(image.get("path") or "").rpartition("/")[2]  # the paths are those of its authors' disk
        return {
            "identity": annotation.get("identity"),
            "path": f"{folder}{annotation.get('identity')}/{name}" if name else None,
            "date": image.get("date"),
            "orientation": annotation.get("position"),
            "height": image.get("height"),
            "width": image.get("width"),
        }

    return coco_catalogue(coco, root, "SeaTurtleIDHeads", to_row, config)


def _metadata(table: Path, split_column: str) -> dict[str, dict[str, str]]:
    """Image id -> its row of metadata_splits.csv."""
    header, rows = read_rows(table)
    missing = [column for column in ("id", "identity", "file_name") if column not in header]
    if missing:
        raise UserError(f"{table}: no column {', '.join(missing)}; get the file again")
    if split_column not in header:
        allowed = ", ".join(column for column in header if column.startswith("split")) or "none"
        raise UserError(f"--split-column {split_column} is not in {table}; it has {allowed}")
    number = header.index("id")
    return {values[number]: dict(zip(header, values, strict=False)) for _, values in rows if len(values) > number}
