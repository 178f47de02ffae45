"""Drawn animals for the tests of the scripts: coloured blobs, the same ones in each photo of an animal."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
ODD = ("png as.jpg", "cmyk.jpg", "deep.png", "palette.png", "rotated.jpg")  # can be read
BAD = ("empty.jpg", "text.jpg", "cut short.jpg", "noise.jpg")  # cannot
TINY = ("--backbone", "MobileNet", "--alpha", "0.25", "--image-size", "32", "--embed-dim", "16", "--weights", "none")


def draw_animal(number: int, photo: int) -> Image.Image:
    """One photo, 96 x 72, of one animal: its own six blobs, a little moved, on water of any colour."""
    animal, chance = np.random.default_rng(number), np.random.default_rng([number, photo])
    image = Image.new("RGB", (96, 72), tuple(chance.integers(80, 170, 3).tolist()))
    canvas = ImageDraw.Draw(image)
    for x, y, size, *colour in animal.integers(0, 256, (6, 6)).tolist():
        left, top = x / 256 * 76 + chance.integers(-5, 6), y / 256 * 52 + chance.integers(-5, 6)
        canvas.ellipse([left, top, left + 8 + size / 20, top + 6 + size / 25], fill=tuple(colour))
    return image


def draw_animals(folder: Path, animals: int = 4, photos: int = 6) -> Path:
    """A folder per animal, with spaces and letters that are not ASCII in the names."""
    for number in range(animals):
        identity = folder / f"Žofie {number}"
        identity.mkdir(parents=True)
        for photo in range(photos):
            draw_animal(number, photo).save(identity / f"snímek {photo}.jpg", quality=92)
    return folder


def exif_rotated(upright: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """What a camera held sideways saves of an upright picture: its pixels turned, and the tag that says so."""
    turned = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return upright.transpose(turned), exif


def add_odd_photos(folder: Path) -> None:
    """Photos as they come from many hands: those in ODD can be read, those in BAD cannot."""
    image = draw_animal(0, 100)
    image.save(folder / "png as.jpg", format="PNG")
    image.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(folder / "deep.png")
    image.convert("P").save(folder / "palette.png")
    sideways, exif = exif_rotated(image, 6)
    sideways.save(folder / "rotated.jpg", exif=exif)
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("not a photo")
    image.save(folder / "cut short.jpg")
    whole = (folder / "cut short.jpg").read_bytes()
    (folder / "cut short.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.jpg").write_bytes(whole[:20] + np.random.default_rng(0).bytes(500))


def start_script(name: str, *options: object, cwd: Path, **more: Any) -> "subprocess.Popen[str]":
    """Start a script as a user does; its cache is in `cwd`."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / name), *map(str, options)],
        cwd=cwd,
        env={**os.environ, "WILDTRACK_CACHE": str(cwd / "cache"), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **more,
    )


def run_script(name: str, *options: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end, which must be a good one."""
    process = start_script(name, *options, cwd=cwd)
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def error_lines(stderr: str) -> list[str]:
    """The lines that tell a user what is wrong."""
    assert "Traceback" not in stderr, stderr
    return [line for line in stderr.splitlines() if line.startswith("Error:")]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, but for the list of problems, which tells of the last run whatever came of it."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "problems.csv")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
