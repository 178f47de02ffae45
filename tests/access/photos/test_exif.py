from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags
from PIL.TiffImagePlugin import IFDRational

from tests.helpers.exif import exif_of, save
from wildtrack.access.photos.exif import read_exif

NOISE = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
ORIGINAL, DIGITIZED, CHANGED = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized, ExifTags.Base.DateTime)
ZONE, ZONE_CHANGED = ExifTags.Base.OffsetTimeOriginal, ExifTags.Base.OffsetTime
TIMES = ("2021:06:01 10:11:12", "2022:06:01 10:11:12", "2023:06:01 10:11:12")
LATITUDE, NORTH_SOUTH = ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef
LONGITUDE, EAST_WEST = ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef
EAST: dict[int, Any] = {LONGITUDE: (20.0, 0.0, 0.0), EAST_WEST: "E"}


@pytest.mark.parametrize(
    ("base", "details", "expected"),
    [
        ({CHANGED: TIMES[2]}, {ORIGINAL: TIMES[0], DIGITIZED: TIMES[1]}, "2021-06-01T10:11:12"),
        ({CHANGED: TIMES[2]}, {DIGITIZED: TIMES[1]}, "2022-06-01T10:11:12"),
        ({CHANGED: TIMES[2]}, {}, "2023-06-01T10:11:12"),
        ({CHANGED: TIMES[2]}, {ORIGINAL: "0000:00:00 00:00:00"}, "2023-06-01T10:11:12"),
        ({}, {ORIGINAL: TIMES[0], ZONE: "+13:00", ZONE_CHANGED: "-05:00"}, "2021-06-01T10:11:12+13:00"),
        ({CHANGED: TIMES[2]}, {ZONE: "+13:00", ZONE_CHANGED: "-05:00"}, "2023-06-01T10:11:12-05:00"),
        ({}, {ORIGINAL: TIMES[0], ZONE: "   :  "}, "2021-06-01T10:11:12"),
        ({}, {ORIGINAL: TIMES[0], ZONE: "+99:00"}, "2021-06-01T10:11:12"),
        ({}, {ORIGINAL: "2021:13:40 10:11:12"}, None),
        ({}, {ORIGINAL: "    :  :     :  :  "}, None),
        ({}, {}, None),
    ],
)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_date(
    tmp_path: Path, suffix: str, base: dict[int, Any], details: dict[int, Any], expected: str | None
) -> None:
    path = save(tmp_path / f"photo{suffix}", NOISE, exif=exif_of(base, details))
    assert read_exif(path) == ({} if expected is None else {"date": expected})


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({LATITUDE: (37.0, 30.0, 36.0), NORTH_SOUTH: "N"} | EAST, (37.51, 20.0)),
        ({LATITUDE: (37.0, 30.0, 36.0), NORTH_SOUTH: "S"} | EAST | {EAST_WEST: "W"}, (-37.51, -20.0)),
        ({LATITUDE: (37.0, 30.0, 36.0), LONGITUDE: (20.0, 0.0, 0.0)}, None),
        ({LATITUDE: (37.0, 30.0, 36.0), NORTH_SOUTH: "N"}, None),
        ({LATITUDE: (91.0, 0.0, 0.0), NORTH_SOUTH: "N"} | EAST, None),
        ({LATITUDE: (IFDRational(0, 0),) * 3, NORTH_SOUTH: "N"} | EAST, None),
    ],
)
def test_exif_place(tmp_path: Path, gps: dict[int, Any], expected: tuple[float, float] | None) -> None:
    path = save(tmp_path / "photo.jpg", NOISE, exif=exif_of({}, gps=gps))
    assert read_exif(path) == ({} if expected is None else dict(zip(["latitude", "longitude"], expected, strict=True)))
