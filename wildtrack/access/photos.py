"""The one photo reader: a file in, uint8 RGB pixels out, the same everywhere in the project.

Orientation from EXIF is applied, the box is cut out, one resize follows. Nothing else touches the pixels.
"""

import math
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

try:
    import pillow_heif
except ImportError:
    HAS_HEIF = False
else:
    pillow_heif.register_heif_opener()
    HAS_HEIF = True

READER_VERSION = 1  # part of the embedding fingerprint: raise it whenever the same photo would give other pixels

_HEIF_SUFFIXES = frozenset({".heic", ".heif"})
_RAW_SUFFIXES = frozenset({".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw"})
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp"}) | (
    _HEIF_SUFFIXES if HAS_HEIF else frozenset()
)
OTHER_IMAGE_SUFFIXES = (
    _RAW_SUFFIXES | _HEIF_SUFFIXES | {".avif", ".bmp", ".gif", ".jp2", ".jxl", ".psd", ".tif", ".tiff"}
) - PHOTO_SUFFIXES

VIDEO_SUFFIXES = frozenset({".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".wmv"})

NOT_UNICODE = "file name is not valid Unicode; rename it"

# MPO needs no entry of its own: Pillow's JPEG opener returns it, and naming it raises KeyError for other files.
_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF") if HAS_HEIF else ("JPEG", "PNG", "WEBP")
_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "HEIF": ".heic"}
_DRAFT_SCALES = (8, 4, 2, 1)
_DRAFT_MARGIN = 2  # a draft keeps this many times the target size, so that the resize has something to average
_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_Edges = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
_SWAPPED = frozenset({5, 6, 7, 8})  # orientations that exchange width and height
_MIRRORED_X, _MIRRORED_Y = frozenset({2, 3, 6, 7}), frozenset({3, 4, 7, 8})  # where the file runs right to left, or up
# What Pillow's parsers let through on malformed bytes (OSError apart, which has its own wording).
_PARSER_ERRORS = (
    ArithmeticError,
    EOFError,
    LookupError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

# Set once for the process: warnings.catch_warnings is not thread-safe, and read_photo is.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # odd EXIF and MPO blocks: pixels are fine


class PhotoError(Exception):
    """A photo that cannot be used; the message is the short reason, without the path."""


def printable(name: str) -> str:
    r"""A file name with "?" for each byte that is not UTF-8: such names fit into no table and no picture.

    Example:
        >>> printable("caf\udce9.jpg")
        'caf?.jpg'
    """
    return name.encode("utf-8", "replace").decode("utf-8")


def conversion_hint(suffix: str) -> str:
    """Say why photos with this suffix are not read, and what to do.

    Example:
        >>> conversion_hint(".bmp")
        '.bmp photos are not read: save a JPEG copy (many at once: magick mogrify -format jpg *.bmp)'
    """
    if suffix.lower() in _HEIF_SUFFIXES:
        return "HEIC photos need one more package (pip install pillow-heif) or a JPEG copy"
    if suffix.lower() in VIDEO_SUFFIXES:
        return f"{suffix} is a video: export frames of it as JPEG"
    if suffix.lower() in _RAW_SUFFIXES:
        return f"{suffix} is a raw camera file: export a JPEG copy with the camera's or any photo software"
    return f"{suffix} photos are not read: save a JPEG copy (many at once: magick mogrify -format jpg *{suffix})"


def read_photo(
    source: Path | BinaryIO, size: tuple[int, int] | None = None, bbox: Sequence[float] | None = None
) -> npt.NDArray[np.uint8]:
    """Read a photo the way the whole project sees it. Thread-safe.

    The format is told by content, not by suffix. Transparency is dropped, 16-bit grey is scaled to 8 bits.

    Args:
        source: a file, or a seekable binary stream.
        size: (height, width) in pixels to resize to, aspect ratio not kept; None keeps the size.
        bbox: [x, y, width, height] in pixels of the upright photo (after EXIF), clipped to it and widened to
            whole pixels; None is the whole photo.

    Returns:
        Pixels, uint8 of shape (H, W, 3), RGB, 0 to 255.

    Raises:
        PhotoError: the file is no photo, is damaged, is too large, or the box misses it.
    """
    return read_sizes(source, [size], bbox)[0]


def read_sizes(
    source: Path | BinaryIO, sizes: Sequence[tuple[int, int] | None], bbox: Sequence[float] | None = None
) -> list[npt.NDArray[np.uint8]]:
    """Read a photo at several sizes, each exactly as `read_photo` gives it. Thread-safe.

    The photo is decoded once, unless it is a JPEG of which the sizes ask for different drafts.

    Args:
        source: as `read_photo` takes it, as are the others.
        sizes: one or more.
        bbox: see there.

    Returns:
        Pixels, uint8 of shape (H, W, 3), for each size.

    Raises:
        PhotoError: the file is no photo, is damaged, is too large, or the box misses it.
    """
    with _opened(source) as file:
        views = _decode(file, sizes, bbox)
    return [_cut(*view, size) for view, size in zip(views, sizes, strict=True)]


def photo_size(source: Path | BinaryIO, bbox: Sequence[float] | None = None) -> tuple[int, int]:
    """Say how large the array of `read_photo` is without a size; a JPEG is not decoded for it. Thread-safe.

    Args:
        source: a file, or a seekable binary stream.
        bbox: [x, y, width, height] in pixels of the upright photo; None is the whole photo.

    Returns:
        (height, width) in pixels, upright, of the photo or of its box.

    Raises:
        PhotoError: the file is no photo, its header is damaged, it is too large, or the box misses it.
    """
    with _opened(source) as file, _reasons(file), Image.open(file, formats=_FORMATS) as image:
        left, top, right, bottom = _pixel_box(bbox, *_upright_size(image)[0])
    return bottom - top, right - left


def scaled_size(height: int, width: int, side: int) -> tuple[int, int]:
    """(height, width) in pixels of a photo once its longer side is `side`; at least 1 each.

    Example:
        >>> scaled_size(3000, 4000, 256), scaled_size(10, 5, 256), scaled_size(1, 9999, 256)
        ((192, 256), (256, 128), (1, 256))
    """
    scale = side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def photo_suffix(source: Path | BinaryIO) -> str:
    """The suffix that a photo's content calls for: .jpg, .png, .webp or .heic.

    Raises:
        PhotoError: the file is no photo.
    """
    with _opened(source) as file, _reasons(file), Image.open(file, formats=_FORMATS) as image:
        return _SUFFIXES[str(image.format)]


def read_exif(path: Path) -> dict[str, Any]:
    """Read when and where a photo was taken from its header, without decoding it.

    Args:
        path: a photo; a bad one gives an empty dict.

    Returns:
        `date` (ISO 8601 str, the camera's local time), `latitude` and `longitude` (float, decimal degrees,
        north and east positive; both or neither); only what the photo has.
    """
    try:
        with path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
            if image.format == "PNG" and "exif" not in image.info:
                return {}  # Pillow would decode the pixels to look behind them
            exif = image.getexif()
            details, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    except (OSError, Image.DecompressionBombError, *_PARSER_ERRORS):
        return {}
    found: dict[str, Any] = {}
    dates = (
        details.get(ExifTags.Base.DateTimeOriginal),
        details.get(ExifTags.Base.DateTimeDigitized),
        exif.get(ExifTags.Base.DateTime),
    )
    date = next(filter(None, map(_exif_date, dates)), None)
    if date is not None:
        found["date"] = date
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "EW", 180)
    if latitude is not None and longitude is not None:
        found |= {"latitude": latitude, "longitude": longitude}
    return found


def _opened(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Open a path; leave a stream as it is, its owner closes it."""
    if not isinstance(source, Path):
        return nullcontext(source)
    try:
        return source.open("rb")
    except OSError as error:
        raise PhotoError(f"cannot be opened: {error.strerror or error}") from error


def _decode(
    file: BinaryIO, sizes: Sequence[tuple[int, int] | None], bbox: Sequence[float] | None
) -> list[tuple[Image.Image, _Edges]]:
    """For each size an upright image, perhaps smaller than the photo is, and the box in its pixels."""
    with _reasons(file), Image.open(file, formats=_FORMATS) as image:
        upright_size, orientation = _upright_size(image)
        box = _pixel_box(bbox, *upright_size)
        scales = [_draft_scale(image, box, size) for size in sizes]
        views = {scales[0]: _load(image, scales[0], orientation, upright_size, box)}
        for scale in set(scales[1:]) - views.keys():
            with Image.open(file, formats=_FORMATS) as again:  # an image that is loaded cannot be drafted
                views[scale] = _load(again, scale, orientation, upright_size, box)
    return [views[scale] for scale in scales]


def _load(
    image: ImageFile.ImageFile, scale: int, orientation: int, size: tuple[int, int], box: tuple[int, int, int, int]
) -> tuple[Image.Image, _Edges]:
    """Decode at 1/scale of the upright (width, height) and turn upright; also the box in these pixels."""
    if scale > 1:
        image.draft("RGB", (image.width // scale, image.height // scale))
    image.load()
    upright = image.transpose(_TRANSPOSES[orientation]) if orientation in _TRANSPOSES else image
    # A draft rounds its size up; mirrored, the part that is too much comes first.
    shift_x = upright.width * scale - size[0] if orientation in _MIRRORED_X else 0
    shift_y = upright.height * scale - size[1] if orientation in _MIRRORED_Y else 0
    left, top, right, bottom = box
    return upright, (
        (left + shift_x) / scale,
        (top + shift_y) / scale,
        (right + shift_x) / scale,
        (bottom + shift_y) / scale,
    )


def _cut(image: Image.Image, edges: _Edges, size: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
    """The pixels between the edges, resized."""
    left, top, right, bottom = edges
    whole = (math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))
    image = _to_rgb(image if whole == (0, 0, *image.size) else image.crop(whole))
    if size is not None:
        inner = (left - whole[0], top - whole[1], right - whole[0], bottom - whole[1])  # a draft has fractional edges
        image = image.resize((size[1], size[0]), Image.Resampling.BICUBIC, box=inner)
    return np.array(image)


def _upright_size(image: ImageFile.ImageFile) -> tuple[tuple[int, int], int]:
    """(width, height) after EXIF, and the EXIF orientation."""
    orientation = _orientation(image)
    width, height = image.size
    return ((height, width) if orientation in _SWAPPED else (width, height)), orientation


@contextmanager
def _reasons(file: BinaryIO) -> Iterator[None]:
    """Turn whatever Pillow raises into a PhotoError that says why."""
    try:
        yield
    except Image.DecompressionBombError as error:
        allowed = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000  # Pillow refuses from twice its warning level
        raise PhotoError(f"too large: at most {allowed} megapixels are allowed") from error
    except UnidentifiedImageError as error:
        raise PhotoError(_why_unidentified(file)) from error
    except (OSError, *_PARSER_ERRORS) as error:
        raise PhotoError(f"damaged or cut short: {error}".rstrip(": ")) from error


def _why_unidentified(file: BinaryIO) -> str:
    file.seek(0)
    head = file.read(12)
    if not head:
        return "the file is empty"
    if (
        not HAS_HEIF
        and head[4:8] == b"ftyp"
        and head[8:12] in {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}
    ):
        return conversion_hint(".heic")
    return f"its content is not one of {', '.join(_FORMATS)}, or its header is damaged"


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation, 1 to 8; 1 when absent, odd, or in a damaged EXIF block."""
    if image.format not in {"JPEG", "MPO"}:
        image.load()  # a PNG may hold its EXIF behind its pixels
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _PARSER_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) and orientation in _TRANSPOSES else 1


def _pixel_box(bbox: Sequence[float] | None, width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in whole pixels inside the photo."""
    if bbox is None:
        return 0, 0, width, height
    if len(bbox) != 4 or not all(math.isfinite(edge) for edge in bbox):
        raise PhotoError(f"bbox {list(bbox)} is not [x, y, width, height] in pixels")
    x, y, box_width, box_height = bbox
    left, top = math.floor(max(x, 0)), math.floor(max(y, 0))
    right, bottom = math.ceil(min(x + box_width, width)), math.ceil(min(y + box_height, height))
    if box_width <= 0 or box_height <= 0 or left >= right or top >= bottom:
        raise PhotoError(f"bbox {list(bbox)} is empty or outside the photo of {width} x {height} pixels")
    return left, top, right, bottom


def _draft_scale(image: ImageFile.ImageFile, box: tuple[int, int, int, int], size: tuple[int, int] | None) -> int:
    """By what to divide a JPEG's size when it is decoded: 8, 4 or 2 when what is left is plenty; else 1."""
    if size is None or image.format not in {"JPEG", "MPO"}:
        return 1
    left, top, right, bottom = box
    room = min((bottom - top) // (_DRAFT_MARGIN * size[0]), (right - left) // (_DRAFT_MARGIN * size[1]))
    return next((scale for scale in _DRAFT_SCALES if scale <= room), 1)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # convert() would clip 16-bit values at 255; the high byte is what RGB PNGs get
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image if image.mode == "RGB" else image.convert("RGB")


def _exif_date(value: object) -> str | None:
    """ISO 8601 from EXIF's `2020:01:31 10:11:12`; None for anything that is no moment in time."""
    match = re.match(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", str(value))
    if match is None:
        return None
    try:
        return datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*match.groups())).isoformat()
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
    if not math.isfinite(degrees) or not 0 <= degrees <= limit:
        return None
    return round(degrees if letter == signs[0] else -degrees, 7)
