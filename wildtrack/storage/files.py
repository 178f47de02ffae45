"""Files and folders that are written whole or not at all; SHA-256, and arrays that stay on disk."""

import csv
import hashlib
import os
import re
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


def sha256(source: Path | BinaryIO) -> str:
    """Hex SHA-256 of a file or of a whole seekable stream."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return sha256(file)
    source.seek(0)
    return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]  # BinaryIO names no readinto


def open_array(path: Path) -> npt.NDArray[Any]:
    """The array in a .npy file, memory-mapped; pickles and archives are refused."""
    mapped = np.lib.format.open_memmap(path, mode="r")
    return np.array(mapped) if os.name == "nt" else mapped  # Windows could not replace a mapped file by a new one


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
    """Let `write` fill a temporary file, then move it to `path` in one step; when it raises, `path` is untouched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # not mkstemp, whose files only their owner may read; many writers choose the format by the suffix
    part = path.with_name(f".part-{secrets.token_hex(8)}{path.suffix}")
    try:
        write(part)
        fsync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `target`, which must not be in use, at the end; none if the block raises."""
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
    """Raise a UserError for the current folder, and for a folder that is not empty."""
    if target.resolve() == Path.cwd():
        raise UserError(f"{target} is the folder you are in, and cannot be put in place in one step; name a new folder")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target} is there already, and is not overwritten; delete it, or name another folder")


def remove_files(folder: Path, names: str) -> None:
    r"""Remove the files in a folder whose whole names match a regular expression, such as `gradcam_\d+\.png`."""
    for path in folder.glob("*"):
        if re.fullmatch(names, path.name) and path.is_file():
            path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically."""
    write_atomically(path, lambda part: part.write_bytes(data))


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as UTF-8 CSV with Unix line ends, atomically."""
    text = table.select_dtypes(include=["object", "str"]).astype("str")
    # pandas does not quote a carriage return, which readers take for the end of the row
    returns = any(text[column].str.contains("\r", regex=False).any() for column in text)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    write_atomically(path, lambda part: table.to_csv(part, index=False, lineterminator="\n", quoting=quoting))
