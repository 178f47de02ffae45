"""The one photo reader: a file in, uint8 RGB pixels out, the same everywhere in the project.

Orientation from EXIF is applied, pixels become what a viewer shows, the box is cut out, one resize follows.
"""

import math
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from wildtrack.access.photos.formats import FORMATS, SUFFIX_OF, conversion_hint, other_suffix
from wildtrack.access.photos.shown import as_shown, widened

READER_VERSION = 2  # part of the embedding fingerprint: raise it whenever the same photo would give other pixels

NOT_A_FILE = "cannot be opened: not a file"  # but a pipe, a device or a link to nothing
NOT_UNICODE = "file name is not valid Unicode; rename it"

_DRAFT_MARGIN = 2  # a draft keeps this many times the target size, so that the resize has something to average
_TURN = Image.Transpose
_TRANSPOSES = {  # EXIF orientation -> what turns the photo upright
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}
SWAPPED = frozenset({5, 6, 7, 8})  # orientations that exchange width and height
MIRRORED_X, MIRRORED_Y = frozenset({2, 3, 6, 7}), frozenset({3, 4, 7, 8})  # where the file runs right to left, or up
# What Pillow's parsers let through on malformed bytes, OSError apart.
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

_Edges = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
_ItemT = TypeVar("_ItemT")
_ResultT = TypeVar("_ResultT")

# Set once for the process: warnings.catch_warnings is not thread-safe, and read_photo is.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # odd EXIF and MPO blocks: pixels are fine


class PhotoError(Exception):
    """A photo that cannot be used; the message is the short reason, without the path."""


def printable(name: str) -> str:
    """A file name with "?" for each byte that is not UTF-8: such names fit into no table and no picture."""
    return name.encode("utf-8", "replace").decode("utf-8")


def read_photo(
    source: Path | BinaryIO, size: tuple[int, int] | None = None, bbox: Sequence[float] | None = None
) -> npt.NDArray[np.uint8]:
    """Read a photo the way the whole project sees it. Thread-safe.

    The format is found from the content, not the suffix. What is transparent shows white; 16 bits are scaled to 8, and
    stretched where they use a small part of their range, as thermal cameras do; colours go by their profile.

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
    """Read a photo at several sizes, each exactly as `read_photo` gives it, decoding as seldom as possible."""
    with opened(source) as file:
        views = _decode(file, sizes, bbox)
        return [_cut(*view, size) for view, size in zip(views, sizes, strict=True)]


def photo_size(source: Path | BinaryIO, bbox: Sequence[float] | None = None) -> tuple[int, int]:
    """(height, width) of the array that `read_photo` gives without a size; a JPEG is not decoded.

    Raises:
        PhotoError: As `read_photo` does.
    """
    with opened(source) as file, image_in(file) as image:
        left, top, right, bottom = _pixel_box(bbox, *_upright_size(image)[0])
    return bottom - top, right - left


def photo_frame(source: Path | BinaryIO) -> tuple[int, int, int]:
    """(width, height, EXIF orientation) of an upright photo, with the errors of `read_photo`; a JPEG is not decoded."""
    with opened(source) as file, image_in(file) as image:
        size, orientation = _upright_size(image)
    return *size, orientation


def scaled_size(height: int, width: int, side: int) -> tuple[int, int]:
    """(height, width) in pixels of a photo once its longer side is `side`; at least 1 each."""
    scale = side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def photo_suffix(source: Path | BinaryIO) -> str:
    """The suffix for a photo's content: .jpg, .png, .webp or .heic; a PhotoError for what is no photo."""
    with opened(source) as file, image_in(file) as image:
        return SUFFIX_OF[str(image.format)]


def or_error(read: Callable[[_ItemT], _ResultT]) -> Callable[[_ItemT], _ResultT | PhotoError]:
    """The same function, but a PhotoError is returned: for threads, where one bad photo must not stop the others."""

    def read_or_error(item: _ItemT) -> _ResultT | PhotoError:
        try:
            return read(item)
        except PhotoError as error:
            return error

    return read_or_error


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a path, or leave a stream open; a PhotoError where that fails or the block runs out of memory."""
    try:
        if isinstance(source, Path) and not stat.S_ISREG(source.stat().st_mode):  # a pipe would block
            raise PhotoError(NOT_A_FILE)
        stream = source.open("rb") if isinstance(source, Path) else nullcontext(source)
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise PhotoError(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    try:
        with stream as file:
            yield file
    except MemoryError as error:
        raise PhotoError("too large for the memory that is free") from error


@contextmanager
def image_in(file: BinaryIO) -> Iterator[ImageFile.ImageFile]:
    """Open an image by its header; whatever Pillow raises in the block becomes a PhotoError that says why."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            yield image
    except Image.DecompressionBombError as error:
        allowed = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000  # Pillow refuses from twice its warning level
        raise PhotoError(f"too large: at most {allowed} megapixels are allowed") from error
    except UnidentifiedImageError as error:
        file.seek(0)
        head = file.read(12)
        unknown = f"its content is not one of {', '.join(FORMATS)}, or its header is damaged"
        suffix = other_suffix(head)
        why = conversion_hint(suffix) if suffix is not None else unknown
        raise PhotoError(why if head else "the file is empty") from error
    except (OSError, *_PARSER_ERRORS) as error:
        raise PhotoError(f"damaged or cut short: {error}".rstrip(": ")) from error


def _decode(
    file: BinaryIO, sizes: Sequence[tuple[int, int] | None], bbox: Sequence[float] | None
) -> list[tuple[Image.Image, _Edges]]:
    """For each size an upright image, perhaps smaller than the photo is, and the box in its pixels."""
    with image_in(file) as image:
        upright_size, orientation = _upright_size(image)
        box = _pixel_box(bbox, *upright_size)
        scales = [_draft_scale(image, box, size) for size in sizes]
        views = {scales[0]: _load(widened(image, file), scales[0], orientation, upright_size, box)}
        for scale in set(scales[1:]) - views.keys():
            with Image.open(file, formats=FORMATS) as again:  # an image that is loaded cannot be drafted
                views[scale] = _load(again, scale, orientation, upright_size, box)
    return [views[scale] for scale in scales]


def _load(
    image: Image.Image, scale: int, orientation: int, size: tuple[int, int], box: tuple[int, int, int, int]
) -> tuple[Image.Image, _Edges]:
    """Decode at 1/scale of the upright (width, height) and turn upright; also the box in these pixels."""
    if scale > 1:
        image.draft("RGB", (image.width // scale, image.height // scale))
    image.load()
    shown = as_shown(image)
    if shown is None:
        raise PhotoError("nothing of it shows: it is transparent all over")
    upright = shown.transpose(_TRANSPOSES[orientation]) if orientation in _TRANSPOSES else shown
    # A draft rounds its size up; mirrored, the part that is too much comes first.
    x = upright.width * scale - size[0] if orientation in MIRRORED_X else 0
    y = upright.height * scale - size[1] if orientation in MIRRORED_Y else 0
    left, top, right, bottom = box
    return upright, ((left + x) / scale, (top + y) / scale, (right + x) / scale, (bottom + y) / scale)


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
    """(width, height) after EXIF, and the EXIF orientation, 1 to 8; 1 when absent, odd, or in a damaged EXIF block."""
    if image.format not in {"JPEG", "MPO"}:
        image.load()  # a PNG may hold its EXIF behind its pixels
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _PARSER_ERRORS:
        orientation = 1
    if not isinstance(orientation, int) or orientation not in _TRANSPOSES:
        orientation = 1
    return (image.size[::-1] if orientation in SWAPPED else image.size), orientation


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
    """The number to divide a JPEG's size by when it is decoded: 8, 4 or 2 when what is left is plenty; else 1."""
    if size is None or image.format not in {"JPEG", "MPO"}:
        return 1
    left, top, right, bottom = box
    room = min((bottom - top) // (_DRAFT_MARGIN * size[0]), (right - left) // (_DRAFT_MARGIN * size[1]))
    return next((scale for scale in (8, 4, 2) if scale <= room), 1)


def _to_rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")
