"""When and where a photo was taken, from its EXIF header."""

import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import ExifTags

from wildtrack.access.photos.reader import PhotoError, image_in, opened


def read_exif(path: Path) -> dict[str, Any]:
    """What the header has of `date` (ISO 8601), `latitude` and `longitude` (degrees); {} for a damaged photo."""
    try:
        with opened(path) as file, image_in(file) as image:
            if image.format == "PNG" and "exif" not in image.info:
                return {}  # Pillow would decode the pixels to look behind them
            exif = image.getexif()
            details, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    except PhotoError:
        return {}
    base = ExifTags.Base
    dates = (details.get(base.DateTimeOriginal), details.get(base.DateTimeDigitized), exif.get(base.DateTime))
    zones = map(details.get, (base.OffsetTimeOriginal, base.OffsetTimeDigitized, base.OffsetTime))
    date = next(filter(None, map(_exif_date, dates, zones)), None)
    found: dict[str, Any] = {} if date is None else {"date": date}
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "EW", 180)
    if latitude is not None and longitude is not None:
        found |= {"latitude": latitude, "longitude": longitude}
    return found


def _exif_date(value: object, zone: object) -> str | None:
    """ISO 8601 from EXIF's `2020:01:31 10:11:12` and `+13:00`, which may be missing; or None."""
    match = re.match(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d:\d\d:\d\d)", str(value))
    if match is None:
        return None
    known = re.match(r"[+-](0\d|1[0-4]):[0-5]\d|Z", str(zone))
    try:
        return datetime.fromisoformat("{}-{}-{}T{}".format(*match.groups()) + (known[0] if known else "")).isoformat()
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
    sign = 1 if letter == signs[0] else -1
    return sign * round(degrees, 7) if 0 <= degrees <= limit else None  # nor is NaN
