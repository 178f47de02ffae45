"""Photos that leave the project: pixels without metadata. The GPS of rare animals gets them poached."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from wildtrack.access.photos.reader import PhotoError, or_error, read_photo
from wildtrack.console import track
from wildtrack.storage.threads import in_threads

JPEG_QUALITY = 95
SUFFIXES = {".png": "PNG", ".jpg": "JPEG"}


class StrippedPhoto(NamedTuple):
    """An encoded photo without EXIF, XMP or thumbnail, upright."""

    content: bytes
    size: tuple[int, int]  # (width, height), pixels


def strip_photo(path: Path, bbox: Sequence[float] | None = None) -> StrippedPhoto:
    """Encode a photo's pixels, or those in its box, anew at full size: PNG where it is called .png, else JPEG."""
    pixels = read_photo(path, bbox=bbox)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, SUFFIXES[stripped_suffix(path.name)], quality=JPEG_QUALITY)
    return StrippedPhoto(stream.getvalue(), (pixels.shape[1], pixels.shape[0]))


def strip_photos(
    jobs: Sequence[tuple[Path, Sequence[float] | None]], description: str
) -> Iterator[StrippedPhoto | PhotoError]:
    """Strip each (photo, bbox) in turn, behind a progress bar; a PhotoError stands for a photo that cannot be read."""
    return track(in_threads(or_error(lambda job: strip_photo(*job)), jobs), description, total=len(jobs))


def stripped_suffix(name: str) -> str:
    """The suffix of the stripped copy of a photo of that name."""
    return ".png" if name.lower().endswith(".png") else ".jpg"
