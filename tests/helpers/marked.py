"""A photo with its position in EXIF, which must not leave the project."""

from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

GPS_MARK = b"Kruger gate 7"  # is in the EXIF block with the coordinates


def save_marked(path: Path, orientation: int = 1, date: str = "2024:05:31 17:45:00") -> Path:
    """Save a photo of 80 x 60 pixels, upright 60 x 80 for orientation 6, whose upright top left corner is red."""
    size = (60, 80) if orientation == 6 else (80, 60)
    upright = np.full((size[1], size[0], 3), (40, 90, 200), np.uint8)
    upright[:30, :20] = (255, 0, 0)
    stored = np.rot90(upright, 1) if orientation == 6 else upright
    exif = Image.Exif()
    exif.update({ExifTags.Base.Orientation: orientation, ExifTags.Base.ImageDescription: GPS_MARK.decode()})
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.DateTimeOriginal: date})
    degrees = tuple(IFDRational(part) for part in (24, 59, 30))
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: degrees, 3: "E", 4: degrees})
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif.tobytes())
    return path
