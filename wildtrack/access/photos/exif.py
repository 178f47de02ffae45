"""When and where a photo was taken, from its EXIF header."""

import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import ExifTags

from wildtrack.access.photos.reader import PhotoError, image_in, opened


def read_exif(path: Path) -> dict[str, Any]:
    """Read when and where a photo was taken from its header, without decoding it; {} for a photo that is damaged.

    Returns:
        What the photo has of `date` (ISO 8601 str, the camera's local time), `latitude` and `longitude` (float,
        decimal degrees, north and east positive; both or neither).
    """
    try:
        with opened(path) as file, image_in(file) as image:
            if image.format == "PNG" and "exif" not in image.info:
                return {}  # Pillow would decode the pixels to look behind them
            exif = image.getexif()
            details, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    except PhotoError:
        return {}
    dates = (
        details.get(ExifTags.Base.DateTimeOriginal),
        details.get(ExifTags.Base.DateTimeDigitized),
        exif.get(ExifTags.Base.DateTime),
    )
    date = next(filter(None, map(_exif_date, dates)), None)
    found: dict[str, Any] = {} if date is None else {"date": date}
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "EW", 180)
    if latitude is not None and longitude is not None:
        found |= {"latitude": latitude, "longitude": longitude}
    return found


def _exif_date(value: object) -> str | None:
    """ISO 8601 from EXIF's `2020:01:31 10:11:12`; None for anything that is no moment in time."""
    match = re.match(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", str(value))
    try:
        return None if match is None else datetime(*map(int, match.groups())).isoformat()  # type: ignore[arg-type]
    except ValueError:
        return None


def _degrees(parts: object, reference: object, signs: str, limit: float) -> float | None:
    """Decimal degrees from EXIF's (degrees, minutes, seconds) and hemisphere letter; `signs` is positive, negative."""
    letter = str(reference).strip("\0 ").upper()
    if not isinstance(parts, tuple) or letter not in tuple(signs):
        return None
    try:
        degrees = math.fsum(float(part) / 60.0**power for power, part in enumerate(parts))
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not 0 <= degrees <= limit:  # nor is NaN
        return None
    return round(degrees if letter == signs[0] else -degrees, 7)
