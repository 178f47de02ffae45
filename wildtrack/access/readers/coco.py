"""Any COCO file whose annotations (or images) name the individual."""

from pathlib import Path

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.identities import KEY
from wildtrack.access.readers.coco_json import (
    CocoFile,
    Entry,
    attributes,
    coco_catalogue,
    first_of,
    photo_folder,
    usual_columns,
)
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.errors import UserError

IDENTITY_FIELDS = ("identity", "individual_id", "individual", "name")
_IMAGE_FIELDS = IDENTITY_FIELDS[:3]  # `name` of an image is not an animal's


def read_coco(coco: CocoFile, root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read a COCO file; a UserError when nothing names an individual, or no photo or row can be used."""
    photos = photo_folder(coco, root)

    def identity(annotation: Entry, image: Entry) -> object:
        names = [first_of(entry, *IDENTITY_FIELDS) for entry in (annotation, attributes(annotation))]
        return next((name for name in (*names, first_of(image, *_IMAGE_FIELDS)) if name is not None), None)

    if all(identity(entry, coco.images.get(str(entry.get("image_id")), {})) is None for entry in coco.annotations):
        fields = " or ".join(IDENTITY_FIELDS)
        raise UserError(f"{coco.source}: no annotation names an individual; give it a field {fields}")

    def to_row(annotation: Entry, image: Entry) -> Entry:
        orientation = first_of(annotation, "orientation", "viewpoint", "position")
        return usual_columns(coco, photos, annotation, image) | {
            "identity": identity(annotation, image),
            KEY: first_of(annotation, KEY) or first_of(attributes(annotation), KEY) or first_of(image, KEY),
            "date": first_of(image, "date", "datetime", "timestamp", "date_captured") or None,  # 0 is no date
            "orientation": orientation or first_of(attributes(annotation), "orientation", "viewpoint"),
        }

    return coco_catalogue(coco, root, f"the COCO file {coco.source.name}", to_row, config)
