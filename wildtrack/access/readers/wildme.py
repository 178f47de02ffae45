"""The COCO files of Wild Me: Wildbook's export, and the public sets (Great Zebra & Giraffe Count, Hyena ID, ...)."""

from pathlib import Path

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.cells import UNKNOWN
from wildtrack.access.identities import KEY
from wildtrack.access.readers.coco_json import CocoFile, Entry, coco_catalogue, photo_folder, usual_columns
from wildtrack.access.reading import DEFAULTS, ReadConfig

_MAPPING = "individual_id_mapping"  # in Wildbook's `info`: key of an individual -> its number in this file

_OF_NAMES = frozenset({"name", "individual_ids"})
_FIELDS = _OF_NAMES | {"viewpoint"}


def is_wildme(coco: CocoFile) -> bool:
    """Whether the annotations have the fields that only Wild Me's export has."""
    return _is_wildbook(coco) or any(entry.keys() >= _FIELDS for entry in coco.annotations[:1])


def read_wildme(coco: CocoFile, root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read a Wild Me COCO file, boxes as they are before the rotation `theta`; a UserError when no row can be used."""
    photos = photo_folder(coco, root)
    of_file = _of_wildbook if _is_wildbook(coco) else _of_public_set

    def to_row(annotation: Entry, image: Entry) -> Entry:
        date = image.get("date_captured")
        about = usual_columns(coco, photos, annotation, image) | {
            "date": None if date == "NA" else date,
            "orientation": annotation.get("viewpoint"),
            "photographer": image.get("photographer"),
            "latitude": image.get("gps_lat_captured"),
            "longitude": image.get("gps_lon_captured"),
        }
        return about | of_file(coco, annotation, image)

    return coco_catalogue(coco, root, f"the Wild Me file {coco.source.name}", to_row, config)


def _is_wildbook(coco: CocoFile) -> bool:
    """Whether individuals have keys; early versions leave out what is null."""
    return _MAPPING in coco.info or any(KEY in entry and _OF_NAMES & entry.keys() for entry in coco.annotations)


def _of_wildbook(coco: CocoFile, annotation: Entry, image: Entry) -> Entry:
    """The animal's key, for two may have one name, and keys of row and photo: the numbers hold in this file only."""
    mapping, numbers = coco.info.get(_MAPPING), annotation.get("individual_ids") or []
    keys = mapping.items() if isinstance(mapping, dict) else ()
    key = annotation.get(KEY) or next((key for key, number in keys if number in numbers), None)
    ids = {"image_id": annotation.get("uuid"), "photo_id": image.get("uuid")}
    known = {column: uuid for column, uuid in ids.items() if uuid}
    return known | {"identity": annotation.get("name"), KEY: key}


def _of_public_set(_coco: CocoFile, annotation: Entry, _image: Entry) -> Entry:
    name = annotation.get("name")
    same_animal = annotation.get("individual_ids") or None  # annotations, not individuals
    return {"identity": UNKNOWN if name == "____" else name, "secondary_identities": same_animal}
