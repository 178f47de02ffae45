"""JSON: from elsewhere, read within bounds; our own values made fit for it."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.errors import UserError

log = logging.getLogger(__name__)

MAX_JSON_BYTES = 1_000_000_000  # the largest public COCO file, SeaTurtleID2022, has 185 MB
_SLOW_BYTES = 50_000_000  # reading more than this takes seconds


def read_json(source: Path, setting: str = "", object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The value in a JSON file in UTF-8; a UserError, which begins with `setting`, where there is none."""
    if not source.is_file():
        raise UserError(f"{setting}{source}: no such file")
    size = source.stat().st_size
    if size > MAX_JSON_BYTES:
        most = f"at most {MAX_JSON_BYTES / 1e6:.0f} MB"
        raise UserError(f"{setting}{source}: {size / 1e6:.0f} MB of JSON is too much; {most}")
    if size > _SLOW_BYTES:
        log.info("Reading %s (%.0f MB).", source, size / 1e6)
    try:
        return json.loads(source.read_text(encoding="utf-8-sig"), object_hook=object_hook)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise UserError(f"{setting}{source}: not JSON in UTF-8, or cut short ({error}); get the file again") from error


def plain(value: Any) -> Any:
    """NumPy scalars and paths as builtins, all the way down, for JSON and YAML."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return value.as_posix() if isinstance(value, Path) else value
