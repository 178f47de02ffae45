"""Archives made of files in memory, honest ones and others."""

import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def member(name: str, **fields: Any) -> tarfile.TarInfo:
    """A tar entry; fields as in `tarfile.TarInfo`."""
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def make_tar(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            if info.isreg():
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def make_zip(path: Path, members: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for info, content in members:
            file.writestr(info, content)
    return path


def make_archive(path: Path, files: dict[str, bytes]) -> Path:
    """A .zip or .tar.gz of honest files, by its suffix."""
    if path.suffix == ".zip":
        return make_zip(path, list(files.items()))
    return make_tar(path, [(member(name), content) for name, content in files.items()])
