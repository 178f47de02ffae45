"""The COCO files that Wild Me (Wildbook) exports: Great Zebra & Giraffe Count, Hyena, Leopard and Beluga ID 2022."""

from pathlib import Path

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.readers.coco_json import CocoFile, Entry, coco_catalogue, photo_folder, usual_columns
from wildtrack.access.reading import DEFAULTS, ReadConfig


def is_wildme(coco: CocoFile) -> bool:
    """Whether the annotations have the fields that only Wild Me's export has."""
    return any({"name", "viewpoint", "individual_ids"} <= entry.keys() for entry in coco.annotations[:1])


def read_wildme(coco: CocoFile, root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read a Wild Me COCO file, boxes as they are before the rotation `theta`; a UserError when no row can be used."""
    photos = photo_folder(coco, root)

    def to_row(annotation: Entry, image: Entry) -> Entry:
        name, date = annotation.get("name"), image.get("date_captured")
        return usual_columns(coco, photos, annotation, image) | {
            "identity": UNKNOWN if name == "____" else name,
            "date": None if date == "NA" else date,
            "orientation": annotation.get("viewpoint"),
            "photographer": image.get("photographer"),
            "latitude": image.get("gps_lat_captured"),
            "longitude": image.get("gps_lon_captured"),
            "secondary_identities": annotation.get("individual_ids") or None,  # annotations of the same animal
        }

    return coco_catalogue(coco, root, f"the Wild Me file {coco.source.name}", to_row, config)
