"""A photo that leaves the project: its pixels and nothing else. The GPS of rare animals gets them poached."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wildtrack.access.photos.reader import PhotoError, read_photo
from wildtrack.console import track
from wildtrack.storage.threads import in_threads

Job = tuple[Path, Sequence[float] | None]  # a photo, and the box to cut out of it

JPEG_QUALITY = 95


@dataclass(frozen=True)
class BarePhoto:
    """An encoded photo without metadata: no EXIF, no XMP, no thumbnail, upright.

    Attributes:
        content: JPEG, or PNG where the source is called .png.
        width: in pixels.
        height: in pixels.
    """

    content: bytes
    width: int
    height: int


def bare_photo(path: Path, bbox: Sequence[float] | None = None) -> BarePhoto:
    """Decode a photo at full size and encode its pixels anew. Thread-safe.

    Args:
        path: the photo.
        bbox: [x, y, width, height] to cut out, in pixels of the upright photo; None is the whole photo.

    Raises:
        PhotoError: as in `read_photo`.
    """
    pixels = read_photo(path, bbox=bbox)
    stream = io.BytesIO()
    if bare_suffix(path.name) == ".png":
        Image.fromarray(pixels).save(stream, "PNG")
    else:
        Image.fromarray(pixels).save(stream, "JPEG", quality=JPEG_QUALITY)
    return BarePhoto(stream.getvalue(), pixels.shape[1], pixels.shape[0])


def bare_photos(jobs: Sequence[Job], description: str) -> Iterator[BarePhoto | PhotoError]:
    """Each bare photo in turn, or why there is none, behind a progress bar."""
    return track(in_threads(_bare_or_error, jobs), description, total=len(jobs))


def bare_suffix(name: str) -> str:
    """The suffix of the bare photo that is made of a photo of that name.

    Examples:
        >>> bare_suffix("IMG_1.PNG"), bare_suffix("IMG_1.webp")
        ('.png', '.jpg')
    """
    return ".png" if name.lower().endswith(".png") else ".jpg"


def _bare_or_error(job: Job) -> BarePhoto | PhotoError:
    try:
        return bare_photo(*job)
    except PhotoError as error:
        return error
