"""What all COCO layouts (Lin et al. 2014) share: the JSON, and one row made of each annotation and its photo."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pandas as pd

from wildtrack.access.catalogue import REQUIRED_COLUMNS, Catalogue, assemble
from wildtrack.access.names import is_empty
from wildtrack.access.reading import ReadConfig
from wildtrack.errors import UserError, in_one_line
from wildtrack.storage.json_files import read_json

Entry = dict[str, Any]
ToRow = Callable[[Entry, Entry], Entry]
Problems = list[tuple[str, str]]

_MAY_BE_LISTS = ("bbox", "secondary_identities")
_BOXES = ("bbox", "bbox_relative", "box", "bounding_box")  # the second is of COCO camera traps
_NO_BOX = "no bbox, and a segmentation that is no polygon and no RLE"
_SIZE = "mask_size"  # of an annotation whose box is that of its run lengths: height, width


class _Content(msgspec.Struct):
    images: Annotated[list[Any], msgspec.Meta(min_length=1)]
    annotations: Annotated[list[Any], msgspec.Meta(min_length=1)]
    categories: list[Any] | None = None
    licenses: list[Any] | None = None
    info: Any = None


@dataclass(frozen=True)
class CocoFile:
    """A COCO file in memory; ids are text, masks are left out."""

    source: Path
    images: dict[str, Entry]  # by id
    annotations: list[Entry]
    categories: dict[str, Any]  # id -> name
    licenses: dict[str, Any]  # id -> URL, or name where there is no URL
    problems: Problems  # (what, reason) of entries that cannot be used
    info: Entry  # about the file


def load_coco(source: Path) -> CocoFile:
    """Read a COCO file without its masks, which would fill the memory; a UserError when it is none, or too large."""
    try:
        content = msgspec.convert(read_json(source, object_hook=_without_mask), _Content)
    except msgspec.ValidationError as error:
        expected = "a COCO file, which has the lists images and annotations with entries"
        raise UserError(f"{source}: not {expected}: {error}") from error
    problems: Problems = []

    def objects(name: str) -> Iterator[Entry]:
        for number, entry in enumerate(getattr(content, name) or []):
            if isinstance(entry, dict):
                yield entry
            else:
                problems.append((f"{source.name}, {name}[{number}]", "not an object"))

    images: dict[str, Entry] = {}
    shared = set()
    for image in objects("images"):
        number, name = str(image.get("id")), image.get("file_name")
        if not isinstance(image.get("id"), str | int):
            problems.append((f"{source.name}, image {name or image.get('id')!r}", "it has no id"))
        elif images.setdefault(number, image).get("file_name") != name:  # two exports put together
            shared.add(number)
            problems.append((f"{source.name}, image {name!r}", f"another image has its id {number} as well"))
    if images and len(shared) == len(images):
        raise UserError(
            f"{source}: each id is that of several images; were two files put together? give them one by one"
        )
    for number in shared:
        images[number] = {}  # nobody can say whose annotations are whose
    return CocoFile(
        source,
        images,
        list(objects("annotations")),
        {str(category.get("id")): category.get("name") for category in objects("categories")},
        {str(licence.get("id")): licence.get("url") or licence.get("name") for licence in objects("licenses")},
        problems,
        content.info if isinstance(content.info, dict) else {},
    )


def coco_catalogue(coco: CocoFile, root: Path, layout: str, to_row: ToRow, config: ReadConfig) -> Catalogue:
    """One row per annotation, its columns made by `to_row` of it and its image; a UserError when none can be used."""
    rows = []
    problems = list(coco.problems)
    for annotation in coco.annotations:
        name = f"{coco.source.name}, annotation {annotation.get('id')}"
        image = coco.images.get(str(annotation.get("image_id")))
        if not image:
            several = "no image has" if image is None else "several images have"
            problems.append((name, f"{several} its image_id {annotation.get('image_id')!r:.80}"))
            continue
        row = {"image_id": annotation.get("id"), "photo_id": image.get("id")} | to_row(annotation, image)
        odd = [key for key, value in row.items() if isinstance(value, dict | list) and key not in _MAY_BE_LISTS]
        if odd:
            problems.append((name, f"{odd[0]} is a list or an object, not a text or a number"))
        else:
            rows.append(row)
    table = pd.DataFrame(rows, columns=None if rows else REQUIRED_COLUMNS, dtype="object")
    try:
        return assemble(layout, root, table, problems, config)
    except UserError as error:
        raise UserError(f"{coco.source}: {error}") from error


def usual_columns(coco: CocoFile, folder: str, annotation: Entry, image: Entry) -> Entry:
    """The columns that COCO itself defines; `folder` is the prefix of `path`, from `photo_folder`."""
    height, width = annotation.get(_SIZE) or (image.get("height"), image.get("width"))
    return {
        "path": f"{folder}{image.get('file_name')}" if image.get("file_name") else None,
        "bbox": first_of(annotation, *_BOXES),
        "species": coco.categories.get(str(annotation.get("category_id"))),
        "license": coco.licenses.get(str(image.get("license"))),
        "encounter": first_of(annotation, "encounter", "encounter_id"),
        "height": height,
        "width": width,
    }


def photo_folder(coco: CocoFile, root: Path) -> str:
    """The folder of the photos as a prefix of `path`, such as "images/train2020/"; a UserError when none is there."""
    parent = coco.source.parent
    base = parent.parent if parent.name == "annotations" and parent != root else parent
    subset = coco.source.stem.removeprefix("instances_")
    folders = (base / "images" / subset, base / "images", base / subset, base)
    names = [name for image in coco.images.values() if isinstance(name := image.get("file_name"), str)]
    for folder in folders:
        if folder.is_dir() and any(_is_file(folder / name) for name in names):
            return below(root, folder)
    if not names:
        raise UserError(f"{coco.source}: none of its {len(coco.images)} images has a file_name")
    where = f"the first, {in_one_line(names[0], 200)}, was looked for in {', '.join(map(str, folders))}"
    raise UserError(f"{coco.source}: none of its {len(names)} photos is there; {where}")


def below(root: Path, folder: Path) -> str:
    """A folder in `root` as the prefix of a POSIX path: "images/", or "" for the root itself."""
    prefix = folder.relative_to(root).as_posix()
    return "" if prefix == "." else f"{prefix}/"


def first_of(entry: Entry, *names: str) -> Any:
    """The first field that is there and not empty."""
    return next((entry[name] for name in names if entry.get(name) not in (None, "")), None)


def attributes(annotation: Entry) -> Entry:
    """The annotation's `attributes`; none where they are missing or not an object."""
    found = annotation.get("attributes")
    return found if isinstance(found, dict) else {}


def _without_mask(entry: Entry) -> Entry:
    """The entry without its segmentation; the JSON parser calls this for each object, the inner ones first."""
    mask = entry.pop("segmentation", None)
    box = entry.get("bbox")
    if is_empty(box):  # pandas writes NaN
        entry.pop("bbox", None)
    empty = is_empty(box) or (isinstance(box, list) and len(box) == 4 and 0 in box[2:])  # CVAT's, of one column
    if mask and empty:
        part = mask[0] if isinstance(mask, list) else mask
        entry[_SIZE] = part.get("size") if isinstance(part, dict) else None
        entry["bbox"] = _mask_box(mask) or (_NO_BOX if is_empty(box) else box)
    return entry


def _mask_box(mask: Any) -> list[float] | None:
    """[x, y, width, height] around all parts of a mask: polygons [x1, y1, x2, y2, ...], or run lengths (RLE)."""
    try:
        if isinstance(mask, dict):
            return _box_of_runs(mask["counts"], int(mask["size"][0]), int(mask["size"][1]))
        parts = [mask] if not isinstance(mask[0], list | dict) else mask  # one polygon without the list around it
        if isinstance(parts[0], dict):
            found = [_mask_box(part) for part in parts]
            corners = np.concatenate([np.reshape(box, (2, 2)).cumsum(axis=0) for box in found if box])
        else:
            corners = np.concatenate([np.array(part, dtype=float).reshape(-1, 2) for part in parts])
    except (LookupError, TypeError, ValueError):
        return None
    if not np.isfinite(corners).all():
        return None
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return [*low, high[0] - low[0], high[1] - low[1]]


def _box_of_runs(counts: Any, height: int, width: int) -> list[float] | None:
    """The box of COCO's run lengths, which go down the columns: background first, in numbers or packed as text."""
    runs = np.array(_unpacked(counts) if isinstance(counts, str) else counts, dtype=np.int64)
    ends = runs.cumsum()
    first, last = (ends - runs)[1::2][runs[1::2] > 0], ends[1::2][runs[1::2] > 0] - 1
    if (runs < 0).any() or not len(first) or ends[-1] > height * width:
        return None
    left, right = first[0] // height, last[-1] // height
    whole = (first // height != last // height).any()  # a run that goes on in the next column touches both edges
    top, bottom = (0, height - 1) if whole else ((first % height).min(), (last % height).max())
    return [float(each) for each in (left, top, right - left + 1, bottom - top + 1)]


def _unpacked(text: str) -> list[int]:
    """The run lengths in pycocotools' text: 5 bits a character; from the fourth on, differences to the last but one."""
    runs: list[int] = []
    value = shift = 0
    for code in (ord(letter) - 48 for letter in text):
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:  # it is negative
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a null character
        return False
