"""Which layout a folder or file has, and the catalogue that its reader makes of it."""

from pathlib import Path

from wildtrack.access.box_checks import check_boxes
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.detection.foreign import foreign_labels
from wildtrack.access.photos.formats import ARCHIVE_SUFFIXES
from wildtrack.access.readers import seaturtles
from wildtrack.access.readers.coco import read_coco
from wildtrack.access.readers.coco_json import load_coco
from wildtrack.access.readers.folders import read_folders
from wildtrack.access.readers.nearly import SAVE_AS_CSV, SPREADSHEETS
from wildtrack.access.readers.table import is_catalogue, read_table
from wildtrack.access.readers.wildme import is_wildme, read_wildme
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.errors import UserError
from wildtrack.storage.ownership import is_as_written

ANNOTATION_FILES = (  # where a COCO file lies below the folder that is given
    "annotations.json",
    "data/annotations.json",
    "turtles-data/data/annotations.json",
    "annotations/instances*.json",
    "*/annotations/instances*.json",
    "coco-export/annotations.json",
)


def load_catalogue(
    data: Path | str,
    split_column: str | None = None,
    *,
    part: str | None = None,
    original: bool = False,
    config: ReadConfig = DEFAULTS,
) -> Catalogue:
    """Read the catalogue from any layout that a reader knows: COCO, a CSV, a folder per identity.

    A COCO file comes first, then `metadata.csv`, then `catalogue.csv`, then a folder per identity.

    Args:
        data: a folder, a .csv or a COCO .json file.
        split_column: the column of a CSV or SeaTurtleID2022 that is read as the split; None: split, or split_closed.
        part: which body part of SeaTurtleID2022 is read; None: head.
        original: skip a `catalogue.csv` that `access_dataset.py` wrote, and read what it was made of.
        config: what the user says about data that cannot be read in one way only.

    Returns:
        The catalogue, with at least one row.

    Raises:
        UserError: the path is missing or none of the three, its layout has no columns or parts, or no row can be used.
    """
    return check_boxes(_read(Path(data), split_column, part, original, config), config)


def _read(data: Path, split_column: str | None, part: str | None, original: bool, config: ReadConfig) -> Catalogue:
    """Read the catalogue, with boxes as they are written."""
    if not data.exists():
        raise UserError(f"{data}: no such file or folder; give a folder of photos or a catalogue.csv")
    source = data if data.is_file() else _labels_of(data, original, config)
    if source is None:
        has = "a folder per identity: a split is folders named train, valid or test above the identities"
        _refuse(data, has, split_column=split_column, part=part)
        if config.folders == "auto":
            _refuse_foreign(data, data)
        return read_folders(data, config)
    if source.suffix.lower() in (".csv", ".tsv"):
        _refuse(source, "a table with columns", part=part)
        return read_table(source, split_column, config)
    if source.suffix.lower() != ".json":
        _refuse_foreign(data, source)
        how = f"{SAVE_AS_CSV}, or " if source.suffix.lower() in SPREADSHEETS else ""
        how = "unpack it, and " if source.suffix.lower() in ARCHIVE_SUFFIXES else how
        other = "this file is not a .csv or a COCO .json"
        raise UserError(f"{data}: {other}; {how}give a folder of photos or a catalogue.csv")
    try:
        return _read_annotations(source, data, split_column, part, config)
    except UserError as error:
        if data.is_file():
            raise
        raise UserError(f"{error}; if the folders say whose photos they are: --folders animals") from error


def _labels_of(folder: Path, original: bool, config: ReadConfig) -> Path | None:
    """The file that names the animals of a folder's photos; a UserError when there are several of ANNOTATION_FILES."""
    if config.folders == "animals":
        return None
    for pattern in ANNOTATION_FILES:
        found = sorted(folder.glob(pattern))
        if len(found) > 1:
            names = ", ".join(path.relative_to(folder).as_posix() for path in found)
            raise UserError(f"{folder}: {len(found)} COCO files, {names}; name one of them, not the folder")
        if found:
            return found[0]
    if is_catalogue(folder / "metadata.csv"):
        return folder / "metadata.csv"
    catalogue = folder / "catalogue.csv"
    return catalogue if not (original and is_as_written(catalogue)) and is_catalogue(catalogue) else None


def _read_annotations(
    source: Path, data: Path, split_column: str | None, part: str | None, config: ReadConfig
) -> Catalogue:
    """Read a COCO file as the layout that it shows; paths are relative to `data`, or to the folder around a file."""
    beside = source.parent.parent if source.parent.name == "annotations" else source.parent
    root = data if data.is_dir() else beside
    try:
        coco = load_coco(source)
    except UserError:
        _refuse_foreign(data, source)
        raise
    if (source.parent / seaturtles.SPLITS_FILE).is_file():
        split_column, part = split_column or seaturtles.SPLIT_COLUMN, part or seaturtles.PART
        return seaturtles.read_seaturtleid2022(coco, root, config, split_column=split_column, part=part)
    has = f"a COCO file without {seaturtles.SPLITS_FILE}: it has no split"
    _refuse(source, has, split_column=split_column, part=part)
    if seaturtles.is_seaturtleidheads(coco):
        return seaturtles.read_seaturtleidheads(coco, root, config)
    return read_wildme(coco, root, config) if is_wildme(coco) else read_coco(coco, root, config)


def _refuse(data: Path, has: str, **config: str | None) -> None:
    """Raise for a setting that has no effect on this layout."""
    for name, value in config.items():
        if value is not None:
            raise UserError(f"--{name.replace('_', '-')} {value} has no effect here: {data} is {has}; leave it out")


def _refuse_foreign(data: Path, source: Path) -> None:
    """Raise for what another program wrote and no reader reads."""
    if (found := foreign_labels(source)) is not None:
        raise UserError(f"{data}: {found}")
