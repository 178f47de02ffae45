"""A folder per identity (`ID_0001/img001.jpg`), perhaps below split folders (`train/ID_0001/img001.jpg`)."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pandas as pd

from wildtrack.access.catalogue import REQUIRED_COLUMNS, Catalogue, assemble
from wildtrack.access.cells import SPLIT_WORDS, UNKNOWN
from wildtrack.access.identities import means_nobody, quoted
from wildtrack.access.names import fits, may_be_nobody
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.find import Walk, natural_key, walk
from wildtrack.access.photos.formats import OTHER_IMAGE_SUFFIXES
from wildtrack.access.photos.reader import NOT_UNICODE, printable
from wildtrack.access.readers.folder_names import is_nearly_subset, not_animals
from wildtrack.access.readers.gallery_words import keep_gallery_unseen
from wildtrack.access.readers.nearly import annotations_beside
from wildtrack.access.reading import DEFAULTS, ReadConfig
from wildtrack.console import counted, program, some
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
    is_sure = config.folders == "animals"
    said = [] if is_sure else annotations_beside(found)
    splits = [] if is_sure else _splits(found)
    depth = 3 if splits else 2  # parts of a path: perhaps the split, the identity, the photo
    _refuse_deeper(found, depth)
    rows, problems = _rows(found, depth)
    if not rows:
        raise UserError(_nothing(found, problems))
    if splits:
        subsets, more = keep_gallery_unseen([row["identity"] for row in rows], [row["split"] for row in rows])
        rows = [row | {"split": subset} for row, subset in zip(rows, subsets, strict=True)]
        said.append(more)
    if not is_sure:
        names = list(dict.fromkeys(row["identity"] for row in rows))
        doubtful = [name for name in names if not means_nobody(name, config) and not fits(name, config.animals)]
        said += _check_names(root, doubtful, said)
    layout = "a folder per identity" + (f" in {' and '.join(splits)}" if splits else "")
    return _assembled(found, rows, problems, layout, said, config)


def read_unnamed(root: Path, config: ReadConfig = DEFAULTS) -> Catalogue:
    """Read all photos at any depth as those of unknown animals; folders are cameras or days, or there are none."""
    found = walk(root)
    problems = [(printable(path), NOT_UNICODE) for path in found.photos if printable(path) != path]
    named = [path for path in found.photos if printable(path) == path]
    if not named:
        raise UserError(f"{root}: there is no photo{_passed_over(found)}")
    rows = [{"image_id": path, "identity": UNKNOWN, "path": path} for path in named]
    return _assembled(found, rows, [*found.problems, *problems], "photos of unknown animals", [], config)


def _assembled(
    found: Walk, rows: list[dict[str, str]], problems: Problems, layout: str, said: list[str], config: ReadConfig
) -> Catalogue:
    """The catalogue of rows with what EXIF knows; `said` is what else is said of its layout."""
    root = found.root
    with ThreadPoolExecutor() as pool:
        exif = pd.DataFrame(list(pool.map(read_exif, (root / row["path"] for row in rows))))
    table = pd.concat([pd.DataFrame(rows), exif], axis=1)
    try:
        catalogue = assemble(layout, root, table, problems, config)
    except UserError as error:
        raise UserError(f"{root}: {error}") from error
    return catalogue.saying(*said, found.in_words())


def _rows(found: Walk, depth: int) -> tuple[list[dict[str, str]], Problems]:
    """A row for each photo in a folder of its identity; photos elsewhere and identities without photos are problems."""
    rows: list[dict[str, str]] = []
    problems: Problems = [(printable(path), reason) for path, reason in found.problems]
    for path in found.photos:
        parts = path.split("/")
        if len(parts) < depth or printable(path) != path:
            problems.append((printable(path), _NOT_INSIDE if len(parts) < depth else NOT_UNICODE))
            continue
        row = {"image_id": path, "identity": parts[-2], "path": path}
        rows.append(row if depth == 2 else row | {"split": parts[0].casefold()})
    filled = {str(parent) for path in _all_images(found) for parent in PurePosixPath(path).parents}
    empty = [folder for folder in found.folders if folder.count("/") == depth - 2 and folder not in filled]
    problems += [(printable(folder), "no photos in this identity folder") for folder in empty]
    return rows, problems


def _splits(found: Walk) -> list[str]:
    """The split folders, where there are such; a UserError where others lie beside them."""
    paths = _all_images(found)
    top = list(dict.fromkeys(path.split("/")[0] for path in paths if "/" in path))
    with_folders = {path.split("/")[0] for path in paths if path.count("/") > 1}
    either = f"{expected()}; if all folders are animals: --folders animals"
    if nearly := [name for name in top if is_nearly_subset(name) and name in with_folders]:
        raise UserError(f"{found.root}: {nearly[0]}/ is nearly the name of a split; {either}")
    splits = [name for name in top if name.casefold() in SPLIT_WORDS]
    others = [name for name in top if name not in splits]
    if splits and others:
        seen = f"{splits[0]}/ reads as a split and {others[0]}/ beside it as an identity"
        raise UserError(f"{found.root}: {seen}; {either}")
    return splits


def _all_images(found: Walk) -> list[str]:
    """Photos, and what would be one if it could be read."""
    return [path for path, _ in found.problems] + found.photos


def _check_names(root: Path, names: list[str], beside: list[str]) -> list[str]:
    """What is doubtful about the names of the identities; a UserError where they are not those of animals.

    `beside` is what was said of files beside the photos, which may be what names the animals.
    """
    verdict = not_animals(names)
    if verdict is None:
        return []
    kind, which, sure = verdict
    seen = f"{len(which)} of {counted(len(names), 'folder', 'folders')} called like {kind} ({some(which)})"
    if not sure and all(may_be_nobody(name) for name in which):
        return []  # the remark on names says it
    if not sure:
        return [f"{seen}, and taken for animals (if one is none: --nobody {quoted(which[0])})"]
    unnamed = (
        f'{program("access")} --root "{root}" --unlabelled lists the photos in a catalogue.csv to write names into'
    )
    refused = [f"{seen}, not like animals. If each is an animal: --folders animals; if not: {unnamed}", *beside]
    raise UserError(f"{root}: {'; '.join(refused)}")


def _refuse_deeper(found: Walk, depth: int) -> None:
    """Raise a UserError for a photo below an identity's folder."""
    images = [path for path, _ in found.problems if PurePosixPath(path).suffix.lower() in OTHER_IMAGE_SUFFIXES]
    deeper = [path for path in [*found.photos, *images] if path.count("/") >= depth]
    if not deeper:
        return
    root, example = found.root, printable(deeper[0])
    identity = "/".join(example.split("/")[: depth - 1])
    holder = root / identity
    raise UserError(
        f"{root}: {example} is a level too deep; {expected()}. If {identity} is an animal, move its "
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
    return f"{root}: no photo in a folder of its identity{first}{flat}; {expected()}{_passed_over(found)}"


def _passed_over(found: Walk) -> str:
    words = found.in_words()
    return f" ({words})" if words else ""


def expected() -> str:
    """What is allowed, for a message."""
    return (
        f"expected IDENTITY/photo.jpg, or SPLIT/IDENTITY/photo.jpg with SPLIT one of {', '.join(sorted(SPLIT_WORDS))}"
    )
