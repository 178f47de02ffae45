"""What all COCO layouts share: the JSON read within bounds, and one row made of each annotation and its photo.

COCO: Lin et al. 2014, "Microsoft COCO: Common Objects in Context". The file holds `images`, `annotations` and
perhaps `categories` and `licenses`; an annotation names its photo by `image_id`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from wildtrack.access.catalogue import Catalogue, assemble
from wildtrack.errors import UserError
from wildtrack.storage.json_files import read_json

Entry = dict[str, Any]
ToRow = Callable[[Entry, Entry], Entry]


@dataclass(frozen=True)
class CocoFile:
    """A COCO file in memory; ids are text, masks are left out.

    Attributes:
        source: the JSON file.
        images: image id -> its entry.
        annotations: the entries, in the file's order.
        categories: category id -> name.
        licenses: licence id -> URL, or name where there is no URL.
        problems: (what, reason) of entries that cannot be used.
    """

    source: Path
    images: dict[str, Entry]
    annotations: list[Entry]
    categories: dict[str, Any]
    licenses: dict[str, Any]
    problems: list[tuple[str, str]] = field(default_factory=list)


def load_coco(source: Path) -> CocoFile:
    """Read a COCO file.

    Segmentations are dropped while the file is read, for the masks of a large file would fill the memory; where an
    annotation has no `bbox`, the box of its first polygon takes the place.

    Args:
        source: the JSON file.

    Raises:
        UserError: the file is too large, no JSON, or has no `images` and `annotations`.
    """
    content = read_json(source, "data = ", _without_mask)
    if not isinstance(content, dict):
        raise UserError(f"data = {source}: not a COCO file; it needs an object with the lists images and annotations")
    problems: list[tuple[str, str]] = []
    lists = {}
    for name in ("images", "annotations", "categories", "licenses"):
        entries = content.get(name) or []
        if not isinstance(entries, list) or (not entries and name in ("images", "annotations")):
            found = ", ".join(map(str, list(content)[:10])) or "nothing"
            raise UserError(f"data = {source}: not a COCO file; it needs a list {name} with entries; it has {found}")
        lists[name] = list(_objects(entries, f"{source.name}, {name}", problems))
    return CocoFile(
        source,
        _images_by_id(lists["images"], source.name, problems),
        lists["annotations"],
        {str(category.get("id")): category.get("name") for category in lists["categories"]},
        {str(licence.get("id")): licence.get("url") or licence.get("name") for licence in lists["licenses"]},
        problems,
    )


def coco_catalogue(coco: CocoFile, root: Path, layout: str, to_row: ToRow) -> Catalogue:
    """One catalogue row an annotation.

    Args:
        coco: from `load_coco`.
        root: the folder that `path` is relative to.
        layout: what the data was taken for.
        to_row: makes the layout's own columns of an annotation and its image entry. `image_id` is the annotation's
            id and `photo_id` the image's, since a photo may show several animals.

    Raises:
        UserError: no row can be used.
    """
    rows = []
    problems = list(coco.problems)
    for annotation in coco.annotations:
        name = f"{coco.source.name}, annotation {annotation.get('id')}"
        image = coco.images.get(str(annotation.get("image_id")))
        if image is None:
            problems.append((name, f"no image has its image_id {annotation.get('image_id')!r:.80}"))
            continue
        row = {"image_id": annotation.get("id"), "photo_id": image.get("id")} | to_row(annotation, image)
        odd = [column for column, cell in row.items() if isinstance(cell, dict | list) and column not in _LISTS]
        if odd:
            problems.append((name, f"{odd[0]} is a list or an object, not a text or a number"))
        else:
            rows.append(row)
    try:
        return assemble(layout, root, pd.DataFrame(rows, columns=_columns(rows), dtype="object"), problems)
    except UserError as error:
        raise UserError(f"data = {coco.source}: {error}") from error


def photo_folder(coco: CocoFile, root: Path) -> str:
    """Where the photos lie that the file names, as a prefix of `path`: "images/train2020/", or "" for the root.

    Raises:
        UserError: none of the photos is in any of the places where COCO sets keep them.
    """
    parent = coco.source.parent
    base = parent.parent if parent.name == "annotations" and parent != root else parent
    subset = coco.source.stem.removeprefix("instances_")
    folders = (base / "images" / subset, base / "images", base / subset, base)
    names = [name for image in coco.images.values() if isinstance(name := image.get("file_name"), str)]
    for folder in folders:
        if folder.is_dir() and any(_is_file(folder / name) for name in names):
            prefix = folder.relative_to(root).as_posix()
            return "" if prefix == "." else f"{prefix}/"
    raise UserError(
        f"data = {coco.source}: none of its {len(names)} photos is there; "
        f"the first, {str(names[:1])[:200]}, was looked for in {', '.join(map(str, folders))}"
    )


def first_of(entry: Entry, *names: str) -> Any:
    """The first field that is there and not empty.

    Examples:
        >>> first_of({"viewpoint": "", "orientation": "left"}, "viewpoint", "orientation")
        'left'
    """
    return next((entry[name] for name in names if entry.get(name) not in (None, "")), None)


def attributes(annotation: Entry) -> Entry:
    """The annotation's `attributes`; none where they are missing or no object."""
    found = annotation.get("attributes")
    return found if isinstance(found, dict) else {}


_LISTS = frozenset({"bbox", "secondary_identities"})  # columns whose cells may be lists


def _columns(rows: Iterable[Entry]) -> list[str]:
    """All columns of the rows, and the required ones where there are no rows."""
    return list(dict.fromkeys(column for row in rows for column in row)) or ["image_id", "identity", "path"]


def _objects(entries: Iterable[Any], name: str, problems: list[tuple[str, str]]) -> Iterator[Entry]:
    for number, entry in enumerate(entries):
        if isinstance(entry, dict):
            yield entry
        else:
            problems.append((f"{name}[{number}]", "not an object"))


def _images_by_id(images: list[Entry], source: str, problems: list[tuple[str, str]]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for image in images:
        number = image.get("id")
        if not isinstance(number, str | int) or str(number) in found:
            reason = "its id is taken by an image above" if isinstance(number, str | int) else "it has no id"
            problems.append((f"{source}, image {image.get('file_name') or number!r}", reason))
        else:
            found[str(number)] = image
    return found


def _without_mask(entry: Entry) -> Entry:
    """Called by the JSON parser with each object, the inner ones first."""
    if "segmentation" in entry:
        polygons = entry.pop("segmentation")
        if polygons and entry.get("bbox") in (None, "", []):
            entry["bbox"] = _polygon_box(polygons)
    return entry


def _polygon_box(polygons: Any) -> list[float] | str:
    """[x, y, width, height] of the first polygon [x1, y1, x2, y2, ...]; what is wrong with it otherwise."""
    try:
        xs, ys = polygons[0][::2], polygons[0][1::2]
        return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    except (LookupError, TypeError, ValueError):
        return "no bbox, and a segmentation that is no polygon"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a null character
        return False
