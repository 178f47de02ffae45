"""Keras' model files, taken apart and changed."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from tests.helpers.packing import make_zip


def unzipped(path: Path) -> dict[str, bytes]:
    """The members of a zip file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def edit_config(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the configuration in a `.keras` or `.h5` file; `edit` does it in place."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            edit(config)
            file.attrs["model_config"] = json.dumps(config)
        return
    members = unzipped(path)
    config = json.loads(members["config.json"])
    edit(config)
    make_zip(path, (members | {"config.json": json.dumps(config).encode()}).items())
