"""Crops: a folder with the animals cut out of a catalogue's photos, and a catalogue of its own."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.catalogue import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Catalogue, problem_table
from wildtrack.access.photos.reader import PhotoError
from wildtrack.access.photos.strip_metadata import strip_photos, stripped_suffix
from wildtrack.access.problems import report_problems
from wildtrack.access.readers.table import write_table
from wildtrack.console import counted
from wildtrack.errors import UserError
from wildtrack.storage.files import new_folder
from wildtrack.storage.ownership import mark_written


def write_crops(catalogue: Catalogue, folder: Path) -> pd.DataFrame:
    """Cut out each animal at full size into a new folder, with catalogue.csv and problems.csv; return the new table.

    A row without a box keeps the whole photo; `photo_id` is the source photo. A UserError when no photo can be read.
    """
    table = catalogue.table
    jobs = list(zip((catalogue.root / path for path in table["path"]), boxes(table), strict=True))
    names = crop_names(table["path"])
    sizes: dict[int, tuple[int, int]] = {}
    problems: list[tuple[str, str]] = []
    with new_folder(folder) as part:
        for row, (name, crop) in enumerate(zip(names, strip_photos(jobs, "Cropping"), strict=True)):
            if isinstance(crop, PhotoError):
                problems.append((table["path"].iloc[row], str(crop)))
                continue
            sizes[row] = crop.size
            (part / name).write_bytes(crop.content)
        if not sizes:
            raise UserError(f"none of the {len(jobs)} photos can be read; the first: {': '.join(problems[0])}")
        photo_ids = table["photo_id"].fillna(table["path"]) if "photo_id" in table else table["path"]
        crops = table.assign(photo_id=photo_ids, path=names).iloc[list(sizes)].reset_index(drop=True)
        crops[["width", "height"]] = np.array(list(sizes.values()), dtype="float64")
        crops = crops[[name for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS) if name in crops and name != "bbox"]]
        write_table(crops, part / "catalogue.csv")
    report_problems(folder / "problems.csv", problem_table(problems))
    mark_written(folder / "problems.csv")
    return crops


def crops_in_words(table: pd.DataFrame, crops: pd.DataFrame, folder: Path) -> str:
    """A sentence on how many animals of `table` were cut out, and how many photos without a box were copied whole."""
    boxed = table.loc[table["bbox"].notna(), "image_id"] if "bbox" in table else pd.Series(dtype="str")
    cut = int(crops["image_id"].isin(boxed).sum())
    whole = counted(len(crops) - cut, "photo", "photos")
    if boxed.empty:
        return f"Copied {whole} whole into {folder}: no box says where an animal is; --boxes gives boxes."
    left = "" if cut == len(crops) else f"; copied {whole} without a box whole"
    return f"Cropped {cut} of {counted(len(boxed), 'animal', 'animals')} into {folder}{left}."


def crop_names(paths: Iterable[str]) -> list[str]:
    """A file name for each crop: its photo's path in one word, numbered from a photo's second crop on."""
    names: dict[str, str] = {}  # without case, which makes no other file on Windows and macOS -> name
    latest: dict[str, int] = {}
    for path in paths:
        suffix = stripped_suffix(path)
        stem = PurePosixPath(path).with_suffix("").as_posix().replace("/", "_")[-60:]  # names have at most 255 bytes
        for number in count(latest.get(stem, 0) + 1):
            name = f"{stem}{suffix}" if number == 1 else f"{stem}_{number}{suffix}"
            if name.casefold() not in names:
                break
        latest[stem] = number
        names[name.casefold()] = name
    return list(names.values())
