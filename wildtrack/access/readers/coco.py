"""Any COCO file whose annotations (or images) name the individual."""

from pathlib import Path

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.readers.coco_json import CocoFile, Entry, attributes, coco_catalogue, first_of, photo_folder
from wildtrack.errors import UserError

IDENTITY_FIELDS = ("identity", "individual_id", "individual", "name")
_IMAGE_FIELDS = IDENTITY_FIELDS[:3]  # the name of an image is no animal's


def read_coco(coco: CocoFile, root: Path) -> Catalogue:
    """Read a COCO file.

    The individual is looked for in the annotation, its `attributes` and its image, under IDENTITY_FIELDS; an
    annotation without one is an unlabelled animal. The category is the species.

    Args:
        coco: from `load_coco`.
        root: the folder that `path` is relative to.

    Raises:
        UserError: nothing names an individual, the photos are missing, or no row can be used.
    """
    photos = photo_folder(coco, root)

    def identity(annotation: Entry, image: Entry) -> object:
        own = first_of(annotation, *IDENTITY_FIELDS)
        own = first_of(attributes(annotation), *IDENTITY_FIELDS) if own is None else own
        return first_of(image, *_IMAGE_FIELDS) if own is None else own

    if all(identity(entry, coco.images.get(str(entry.get("image_id")), {})) is None for entry in coco.annotations):
        raise UserError(
            f"data = {coco.source}: no annotation names an individual; give it a field {' or '.join(IDENTITY_FIELDS)}"
        )

    def to_row(annotation: Entry, image: Entry) -> Entry:
        orientation = first_of(annotation, "orientation", "viewpoint", "position")
        return {
            "identity": identity(annotation, image),
            "path": f"{photos}{image.get('file_name')}" if image.get("file_name") else None,
            "bbox": annotation.get("bbox"),
            "date": first_of(image, "date", "datetime", "timestamp", "date_captured") or None,  # 0 is no date
            "orientation": orientation or first_of(attributes(annotation), "orientation", "viewpoint"),
            "species": coco.categories.get(str(annotation.get("category_id"))),
            "license": coco.licenses.get(str(image.get("license"))),
            "height": image.get("height"),
            "width": image.get("width"),
        }

    return coco_catalogue(coco, root, f"the COCO file {coco.source.name}", to_row)
