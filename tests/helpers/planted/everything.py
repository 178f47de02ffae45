"""One catalogue with all faults that are no refusals, as a biologist may hand it over; and what its report must say."""

import csv
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from tests.helpers.exif import exif_of

WIDTH, HEIGHT = 400, 300
COLUMNS = "Image ID;Identity;File Name;Date;Viewpoint;Species;BBox;Width;Height;Individual_UUID;Encounter;Latitude"
FULL = ("400", "300")
BOX = "[60, 40, 260, 200]"
KEY_A, KEY_B = "0d9f8b7a-6c5d-4e3f-a2b1-c0d1e2f3a4b5", "9b8a7c6d-5e4f-4a3b-b2c1-d0e1f2a3b4c5"
ROWS: list[dict[str, str]] = [  # of animals that look alike by their number `look`
    *(
        {"Identity": "Ana", "Date": f"2024-05-{day:02d} 10:15:00", "Viewpoint": "left", "look": "1"}
        for day in (1, 2, 9)
    ),
    {"Identity": "Ana", "Date": "2024-06-30T08:00:00+13:00", "Viewpoint": "Left", "look": "1"},
    {"Identity": "Ana", "Date": "1593561600", "Viewpoint": "L", "look": "1"},
    {"Identity": "Ana", "Date": "2099-05-31", "Viewpoint": "unknown", "look": "1"},
    {"Identity": "Ana", "Date": "2000-01-01 00:03:00", "Viewpoint": "NA", "look": "1"},
    *({"Identity": "TZ-173", "Date": f"2024-0{month}-11", "look": "2"} for month in (3, 4, 7)),
    {"Identity": "tz-173", "Date": "2024-07-11", "look": "2"},
    {"Identity": "TZ\u00a0173", "Date": "2024-08", "look": "2"},
    {"Identity": "TZ\u2011173", "look": "2"},
    *({"Identity": "1", "Species": "zebra", "look": "3"} for _ in range(2)),
    *({"Identity": "1", "Species": "nyala", "look": "4"} for _ in range(2)),
    {"Identity": "1", "look": "4"},
    *({"Identity": "Klara", "Individual_UUID": key, "look": key[0]} for key in (KEY_A, KEY_A, KEY_B, KEY_B)),
    *({"Identity": word, "look": "5"} for word in ("____", "NA", "unidentified", "", "unknown")),
    {"Identity": "unknown_1", "look": "6"},
    {"Identity": "Bo", "BBox": BOX, "Width": "400", "Height": "300", "look": "7"},
    {"Identity": "Bo", "BBox": BOX, "Width": "800", "Height": "600", "look": "7"},
    {"Identity": "Bo", "BBox": "[40, 80, 200, 260]", "Width": "300", "Height": "400", "look": "7", "turn": "6"},
    {"Identity": "Bo", "BBox": BOX, "Width": "999", "Height": "300", "look": "7"},
    {"Identity": "Bo", "BBox": "[60, 40, 3, 4]", "look": "7"},
    {"Identity": "Bo", "BBox": "[390, 290, 60, 70]", "look": "7"},
    {"Identity": "Bo", "BBox": "a box", "look": "7"},
    {"Identity": "Emil", "Encounter": "e1", "Latitude": "-3,25", "look": "8"},
    {"Identity": "Emil", "Encounter": "e2", "Latitude": "900", "look": "8"},
    {"Identity": "Emil", "Image ID": "1", "look": "8"},
    {"Identity": "Emil", "File Name": "photos/gone.jpg", "look": "8"},
    {"Identity": "Emil", "File Name": "photos/damaged.jpg", "look": "8"},
    {"Identity": "Frieda", "File Name": "photos/00.jpg", "look": "1"},
]
FINDINGS = {  # what the page must have -> the flag or the advice beside it
    "names that stand for nobody, read as unknown": "--animals",
    "names read as animals: unknown_1": "--nobody unknown_1",
    "spelt in several ways": "--spellings merge",
    "1 name is given to several species": "--animals 1",
    "Klara is the name of 2 animals": "",
    "orientation left, Left, L read as left": "",
    "dates that cannot be used: 3": "",
    "boxes scaled to photos of another size: 1": "",
    "boxes turned with their photos: 1": "",
    "boxes that do not fit, left out: 3": "",
    "1 photo file beside is in no row": "",
    "its header is line 3": "",
    "date 1593561600 is a number, such as Unix seconds": "write it as 2024-05-31",
    "date 2099-05-31 is not used: it is in the future": "",
    "a camera's clock after a reset": "",
    "1 is the name of animals of zebra and nyala: give its species": "",
    "its box was drawn on a photo of 999 x 300 pixels, and this one has 400 x 300": "",
    "too few for an animal": "",
    "is outside the photo of 400 x 300 pixels": "",
    "bbox not understood": "expected [x, y, width, height] in pixels",
    "no such file": "",
    "latitude not understood": "",
    "is taken by a row above; this row is called": "",
    "Photos with several names, and no boxes that say who is who: 1": "",
}


def write_everything(root: Path) -> Path:
    """Write the photos and `seals.csv`; the path of the CSV."""
    (root / "photos").mkdir(parents=True)
    lines = []
    for number, row in enumerate(ROWS):
        path = row.get("File Name", f"photos\\{number:02d}.jpg")
        cells = {"Image ID": str(number), "File Name": path} | row
        lines.append([cells.get(name, "") for name in COLUMNS.split(";")])
        if "File Name" not in row:
            draw(root / "photos" / f"{number:02d}.jpg", int(row["look"]), number, int(row.get("turn", "1")))
    draw(root / "photos/new.jpg", 9, 99, 1)
    (root / "photos/damaged.jpg").write_bytes(b"no photo")
    source = root / "seals.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        file.write("Seals of the north;;;;;;;;;;;\n;;;;;;;;;;;\n")
        csv.writer(file, delimiter=";").writerows([COLUMNS.split(";"), *lines])
    return source


def draw(path: Path, look: int, number: int, orientation: int) -> None:
    """A photo of WIDTH x HEIGHT with the spots of an animal and a shade of its own."""
    spots = np.random.default_rng(look).integers(0, 256, (6, 8, 3), np.uint8)
    image = Image.fromarray(spots).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    noise = np.random.default_rng(number).normal(0, 25, (HEIGHT // 10, WIDTH // 10, 1)).repeat(10, 0).repeat(10, 1)
    image = Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
    stored = image.transpose(Image.Transpose.ROTATE_90) if orientation == 6 else image
    stored.save(path, exif=exif_of({ExifTags.Base.Orientation: orientation}))
