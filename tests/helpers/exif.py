"""Photos with EXIF data."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image


def save(path: Path, pixels: npt.NDArray[Any], orientation: int | None = None, **options: Any) -> Path:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if orientation is not None:
        options["exif"] = exif_of({ExifTags.Base.Orientation: orientation})
    image.save(path, **options)
    return path


def exif_of(base: dict[int, Any], details: dict[int, Any] | None = None, gps: dict[int, Any] | None = None) -> bytes:
    exif = Image.Exif()
    exif.update(base)
    exif.get_ifd(ExifTags.IFD.Exif).update(details or {})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    return exif.tobytes()
