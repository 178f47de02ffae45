"""A folder per identity (`ID_0001/img001.jpg`), perhaps below split folders (`train/ID_0001/img001.jpg`)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pandas as pd

from wildtrack.access.catalogue import REQUIRED_COLUMNS, Catalogue, assemble
from wildtrack.access.cells import SPLIT_WORDS, UNKNOWN
from wildtrack.access.identities import means_nobody, quoted
from wildtrack.access.names import fits
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.find import Walk, natural_key, walk
from wildtrack.access.photos.formats import OTHER_IMAGE_SUFFIXES
from wildtrack.access.photos.reader import NOT_UNICODE, printable
from wildtrack.access.readers.folder_names import is_nearly_subset, not_animals, some
from wildtrack.access.readers.gallery_words import keep_gallery_unseen
from wildtrack.access.readers.nearly import annotations_beside
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.console import counted, program
from wildtrack.errors import UserError

__all__ = ["natural_key", "read_folders", "read_unnamed"]

_NOT_INSIDE = "not in an identity folder"

Problems = list[tuple[str, str]]


def read_folders(root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read a folder per identity, perhaps below split folders; rows are in natural order, dates and places from EXIF.

    Raises a UserError for split and identity folders in one, a level too many, annotations beside the photos, folders
    that are not called like animals (unless `config.folders` says that they are), or when no photo can be used.
    """
    found = walk(root)
    said = [] if config.folders == "animals" else annotations_beside(found)
    paths = [path for path, _ in found.problems] + found.photos
    splits = [] if config.folders == "animals" else _splits(root, paths)
    depth = 2 + bool(splits)
    too_deep = [path for path in found.photos if path.count("/") >= depth]
    too_deep += [path for path, _ in found.problems if path.count("/") >= depth and _is_image(path)]
    if too_deep:
        raise UserError(_too_deep(root, printable(too_deep[0]), depth))
    rows: list[dict[str, str]] = []
    problems: Problems = [(printable(path), reason) for path, reason in found.problems]
    for path in found.photos:
        parts = path.split("/")
        if len(parts) < depth or printable(path) != path:
            problems.append((printable(path), _NOT_INSIDE if len(parts) < depth else NOT_UNICODE))
        else:
            rows.append({"image_id": path, "identity": parts[-2], "path": path} | _subset(parts, splits))
    filled = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    empty = [folder for folder in found.folders if folder.count("/") == depth - 2 and folder not in filled]
    problems += [(printable(folder), "no photos in this identity folder") for folder in empty]
    if not rows:
        raise UserError(_nothing(found, problems))
    if splits:
        subsets, more = keep_gallery_unseen([row["identity"] for row in rows], [row["split"] for row in rows])
        rows = [row | {"split": subset} for row, subset in zip(rows, subsets, strict=True)]
        said.append(more)
    if config.folders != "animals":
        names = list(dict.fromkeys(row["identity"] for row in rows))
        doubtful = [name for name in names if not means_nobody(name, config) and not fits(name, config.animals)]
        said += _check_names(root, doubtful, said)
    layout = "a folder per identity" + (f" in {' and '.join(splits)}" if splits else "")
    return _assembled(found, rows, problems, (layout, said), config)


def read_unnamed(root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read all photos at any depth as those of unknown animals; folders are cameras or days, or there are none."""
    found = walk(root)
    problems = [(printable(path), NOT_UNICODE) for path in found.photos if printable(path) != path]
    named = [path for path in found.photos if printable(path) == path]
    if not named:
        raise UserError(f"data = {root}: there is no photo{_passed_over(found)}")
    rows = [{"image_id": path, "identity": UNKNOWN, "path": path} for path in named]
    return _assembled(found, rows, [*found.problems, *problems], ("photos of unknown animals", []), config)


def _assembled(
    found: Walk, rows: list[dict[str, str]], problems: Problems, layout: tuple[str, list[str]], config: ReadConfig
) -> Catalogue:
    """The catalogue of rows with what EXIF knows; `layout` is its name and what else is said of it."""
    root = found.root
    with ThreadPoolExecutor() as pool:
        exif = pd.DataFrame(list(pool.map(read_exif, (root / row["path"] for row in rows))))
    table = pd.concat([pd.DataFrame(rows), exif], axis=1)
    try:
        catalogue = assemble(layout[0], root, table, problems, config)
    except UserError as error:
        raise UserError(f"data = {root}: {error}") from error
    return catalogue.saying(*layout[1], found.in_words())


def _splits(root: Path, paths: Sequence[str]) -> list[str]:
    """The split folders, where there are such; a UserError where others lie beside them."""
    top = list(dict.fromkeys(path.split("/")[0] for path in paths if "/" in path))
    splits = [name for name in top if name.casefold() in SPLIT_WORDS]
    parents = {path.split("/")[0] for path in paths if path.count("/") > 1}
    nearly = [name for name in top if is_nearly_subset(name) and name in parents]
    others = nearly or [name for name in top if name not in splits]
    if (splits and others) or nearly:
        seen = f"{splits[0]}/ reads as a split and {others[0]}/ beside it as an identity" if splits else ""
        nearly_one = f"{others[0]}/ is nearly the name of a split"
        either = "if all folders are animals: --folders animals"
        raise UserError(f"data = {root}: {nearly_one if nearly else seen}; {expected()}; {either}")
    return splits


def _subset(parts: list[str], splits: list[str]) -> dict[str, str]:
    return {"split": parts[0].casefold()} if splits else {}


def _check_names(root: Path, names: list[str], beside: list[str]) -> list[str]:
    """What is doubtful about the names of the identities; a UserError where they are not those of animals.

    `beside` is what was said of files beside the photos, which may be what names the animals.
    """
    verdict = not_animals(names)
    if verdict is None:
        return []
    kind, which, sure = verdict
    seen = f"{len(which)} of {counted(len(names), 'folder', 'folders')} called like {kind} ({some(which)})"
    if not sure:
        return [f"{seen}, and taken for animals (if one is none: --nobody {quoted(which[0])})"]
    unnamed = (
        f'{program("access")} --root "{root}" --unlabelled lists the photos in a catalogue.csv to write names into'
    )
    refused = [f"{seen}, not like animals. If each is an animal: --folders animals; if not: {unnamed}", *beside]
    raise UserError(f"data = {root}: {'; '.join(refused)}")


def _is_image(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in OTHER_IMAGE_SUFFIXES


def _too_deep(root: Path, example: str, depth: int) -> str:
    """The message for a photo below an identity's folder."""
    identity = "/".join(example.split("/")[: depth - 1])
    holder = root / identity
    return (
        f"data = {root}: {example} is a level too deep; {expected()}. If {identity} is an animal, move its "
        f"photos up into {identity}/; if it holds a folder per animal, give {holder}; or name "
        f"each photo's animal in {root / 'catalogue.csv'}, columns {', '.join(REQUIRED_COLUMNS)} "
        f'({program("access")} --root "{root}" --unlabelled writes one without names)'
    )


def _nothing(found: Walk, problems: Problems) -> str:
    """The message where no photo is in a folder of its identity, with what can be done with unsorted photos."""
    root, flat = found.root, ""
    first = f"; the first of {len(problems)} problems: {': '.join(problems[0])}" if problems else ""
    if problems and not found.folders:
        above = f"is this the folder of one animal? give the folder above, {root.resolve().parent}"
        unnamed = f'{program("access")} --root "{root}" --unlabelled lists them in a catalogue.csv to write names into'
        known = f'{program("search")} "{root}" looks for animals that a trained model knows'
        flat = f"; {above}; or are they not sorted yet? {unnamed}; {known}"
    return f"data = {root}: no photo in a folder of its identity{first}{flat}; {expected()}{_passed_over(found)}"


def _passed_over(found: Walk) -> str:
    words = found.in_words()
    return f" ({words})" if words else ""


def expected() -> str:
    """What is allowed, for a message."""
    return (
        f"expected IDENTITY/photo.jpg, or SPLIT/IDENTITY/photo.jpg with SPLIT one of {', '.join(sorted(SPLIT_WORDS))}"
    )
