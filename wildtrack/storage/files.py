"""Files and folders that are written whole or not at all; SHA-256, and arrays that stay on disk."""

import csv
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.errors import UserError

BLOCK = 1 << 20  # bytes that are read at once


def sha256(source: Path | BinaryIO) -> str:
    """Hex SHA-256 of the bytes of a file or of a seekable stream, read in blocks."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    source.seek(0)
    while block := source.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def open_array(path: Path) -> npt.NDArray[Any]:
    """The array in a .npy file, where it lies on disk: no pickles, and no archives.

    On Windows it is read into memory, because a file that is mapped could not be replaced by a new one.
    """
    mapped = np.lib.format.open_memmap(path, mode="r")
    return np.array(mapped) if os.name == "nt" else mapped


def fsync(path: Path) -> None:
    """Ask the disk to keep a file or folder. Folders cannot be synced on Windows, where this does nothing."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary neighbour of `path`, then put it in place in one step.

    The neighbour keeps the suffix, because many writers choose the format by it. When `write`
    raises, whatever stood at `path` is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{secrets.token_hex(8)}{path.suffix}")  # not mkstemp: nobody else could read its files
    try:
        write(part)
        fsync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty temporary neighbour of `target`, and put it in place in one step when the block is done.

    When the block raises, nothing is left.

    Raises:
        UserError: there is something at `target`, which is never overwritten, or one stands in it.
    """
    refuse_used(target)
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".part-{secrets.token_hex(8)}")
    part.mkdir()
    try:
        yield part
        if target.exists():
            target.rmdir()  # empty: Windows does not rename over it
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def refuse_used(target: Path) -> None:
    """Raise a UserError when `new_folder` cannot make that folder."""
    if target.resolve() == Path.cwd():
        raise UserError(f"{target} is the folder you are in, and cannot be put in place in one step; name a new folder")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target} is there already, and is not overwritten; delete it, or name another folder")


def remove_files(folder: Path, *patterns: str) -> None:
    """Remove the files in a folder whose names match one of the patterns, such as `gradcam_*.png`."""
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        if path.is_file():
            path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically."""
    write_atomically(path, lambda part: part.write_bytes(data))


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as UTF-8 CSV with Unix line ends, atomically.

    Where a cell holds a carriage return, which pandas leaves without quotes and readers take for the end of the row,
    all text is quoted.
    """
    text = table.select_dtypes(include=["object", "str"]).astype("str")
    returns = any(text[column].str.contains("\r", regex=False).any() for column in text)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    write_atomically(path, lambda part: table.to_csv(part, index=False, lineterminator="\n", quoting=quoting))
