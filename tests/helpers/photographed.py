"""Photos with the day on which they were taken, for the tests of the documentation."""

from pathlib import Path

import pandas as pd
from PIL import ExifTags, Image

from tests.helpers.blobs import draw_animal

NAMES = ("Anna", "Bruno", "Clara", "Dana", "Emil")
DAYS = ("2024:01:10", "2024:03:10", "2024:06:20", "2024:08:20")


def save_photo(path: Path, animal: int, number: int) -> None:
    """A photo with the day on which it was taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    day = f"{DAYS[number % len(DAYS)]} 10:00:{number:02d}"
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base.DateTimeOriginal: day})
    draw_animal(animal, number).save(path, quality=92, exif=exif.tobytes())


def folder_of_animals(folder: Path, **more: list[str]) -> pd.DataFrame:
    """Four photos of each animal on four days, and the same as a table."""
    rows = [(name, number) for name in NAMES for number in range(len(DAYS))]
    paths = [f"{name}/IMG_{number:04d}.jpg" for name, number in rows]
    for (name, number), path in zip(rows, paths, strict=True):
        save_photo(folder / path, NAMES.index(name), number)
    dates = [DAYS[number].replace(":", "-") for _, number in rows]
    table = {"image_id": paths, "identity": [name for name, _ in rows], "path": paths, "date": dates, **more}
    return pd.DataFrame(table)
