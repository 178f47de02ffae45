"""Photos as cameras, phones, programs and accidents leave them: bytes, and what they show; a server to send them to."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image

from tests.helpers.spotted import FUSED, build, fake_matching, searcher_of
from wildtrack.address.gallery.searcher import Searcher
from wildtrack.web.api import create_app
from wildtrack.web.guard import Guard, Limits
from wildtrack.web.service import Service
from wildtrack.web.store import open_store

Pixels = NDArray[np.uint8]

HALVES = np.zeros((16, 32, 3), np.uint8)  # without symmetry, and the same after JPEG, whose blocks have 8 or 16 pixels
HALVES[:, :16], HALVES[:, 16:] = (200, 40, 40), (40, 40, 200)
GREY = np.repeat(HALVES[..., :1], 3, axis=2)
BLACK_WHITE = np.repeat(np.where(HALVES[..., :1] > 100, 255, 0).astype(np.uint8), 3, axis=2)
WIDTH, HEIGHT = 32, 16
LONGEST_REASON = 200  # characters


def is_one_clear_line(reason: str) -> bool:
    return reason.isprintable() and 0 < len(reason) <= LONGEST_REASON and "Traceback" not in reason


def spotted_searcher(folder: Path) -> Searcher:
    return searcher_of(build(folder), FUSED, fake_matching())


@contextmanager
def serving(searcher: Searcher, folder: Path) -> Iterator[TestClient]:
    """The web server in this process, with its sightings in a folder."""
    with open_store(folder / "sightings") as store:
        app = create_app(Service(searcher, (), store), "", needs_token=False)
        yield TestClient(Guard(app, frozenset({"testserver"}), Limits(10**8)), raise_server_exceptions=False)


def encoded(image: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2, more: bytes = b"") -> bytes:
    """A PNG with any header; `rows` start with their filter, `more` comes before them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def rows_of(pixels: NDArray[Any]) -> bytes:
    """The pixels of a PNG, unfiltered."""
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def resized_header(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG that claims another size than it has."""
    start = next(jpeg.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in jpeg) + 5
    return jpeg[:start] + struct.pack(">HH", height, width) + jpeg[start + 4 :]


def canvas(webp: bytes, width: int, height: int) -> bytes:
    """A WebP whose canvas claims a size."""
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    content = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sides + webp[12:]
    return b"RIFF" + struct.pack("<I", len(content)) + content


def tagged(*entries: tuple[int, int, int, bytes], after: int = 0) -> bytes:
    """EXIF of (tag, type, count, 4 bytes of value or offset), and where the next directory is."""
    body = b"".join(struct.pack(">HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + struct.pack(">I", after)


def with_palette(**options: Any) -> bytes:
    return encoded(Image.fromarray(HALVES).quantize(4), "PNG", **options)


def on_white(pixels: Pixels, alpha: Pixels) -> Pixels:
    """What shows of pixels (H, W, 3) that are as opaque as `alpha` (H, W) says."""
    opaque = alpha[..., None] / 255
    return np.round(pixels * opaque + 255 * (1 - opaque)).astype(np.uint8)


JPEG, PNG, WEBP = (encoded(HALVES, kind) for kind in ("JPEG", "PNG", "WEBP"))
FRAMES: Any = {"save_all": True, "append_images": [Image.new("RGB", (WIDTH, HEIGHT))], "duration": 100}
TEXT, SHORT, LONG, RATIONAL, FLOAT = 2, 3, 4, 5, 11  # types of EXIF values
ORIENTATION, DATE, DETAILS, GPS, MAKE = 0x112, 0x132, 0x8769, 0x8825, 0x10F
RUBBISH = np.random.default_rng(0).bytes(3000)

# What is read: the bytes, and the pixels.
READ: dict[str, tuple[bytes, Pixels]] = {
    "jpeg": (JPEG, HALVES),
    "jpeg, progressive": (encoded(HALVES, "JPEG", progressive=True), HALVES),
    "jpeg, cmyk": (encoded(Image.fromarray(HALVES).convert("CMYK"), "JPEG"), HALVES),
    "jpeg, grey": (encoded(GREY[..., 0], "JPEG"), GREY),
    "jpeg, another photo behind it": (JPEG + PNG, HALVES),
    "jpeg, a comment in it": (JPEG[:2] + b"\xff\xfe\xff\xff" + bytes(65533) + JPEG[2:], HALVES),
    "jpeg, of one pixel": (encoded(HALVES[:1, :1], "JPEG"), HALVES[:1, :1]),
    "jpeg, two orientations": (
        encoded(HALVES, "JPEG", exif=tagged((ORIENTATION, SHORT, 2, b"\0\6\0\3"))),
        np.rot90(HALVES, -1),  # by the first
    ),
    "jpeg, wide": (encoded(np.repeat(HALVES[:1, :1], 60_000, 1), "JPEG"), np.repeat(HALVES[:1, :1], 60_000, 1)),
    "jpeg, tall": (encoded(np.repeat(HALVES[:1, :1], 60_000, 0), "JPEG"), np.repeat(HALVES[:1, :1], 60_000, 0)),
    "mpo": (encoded(HALVES, "MPO", **FRAMES), HALVES),
    "png": (PNG, HALVES),
    "png, palette": (with_palette(), HALVES),
    "png, palette, none of its colours clear": (with_palette(transparency=99), HALVES),
    "png, grey": (encoded(GREY[..., 0], "PNG"), GREY),
    "png, grey, half clear": (encoded(np.dstack([GREY[..., 0]] * 2), "PNG"), on_white(GREY, GREY[..., 0])),
    "png, 1 bit": (encoded(Image.fromarray(BLACK_WHITE).convert("1"), "PNG"), BLACK_WHITE),
    "png, 16 bits, grey": (encoded(GREY[..., 0].astype(np.uint16) * 257, "PNG"), GREY),
    "png, 16 bits": (png(WIDTH, HEIGHT, rows_of(HALVES.astype(">u2") * 257), 16), HALVES),
    "png, animated": (encoded(HALVES, "PNG", **FRAMES), HALVES),
    "png, of one pixel": (encoded(HALVES[:1, :1], "PNG"), HALVES[:1, :1]),
    "png, wide": (encoded(np.repeat(GREY[:1, :1], 60_000, 1), "PNG"), np.repeat(GREY[:1, :1], 60_000, 1)),
    "png, tall": (encoded(np.repeat(GREY[:1, :1], 60_000, 0), "PNG"), np.repeat(GREY[:1, :1], 60_000, 0)),
    "png, pixels to spare": (png(WIDTH, HEIGHT, rows_of(HALVES) + bytes(5_000_000)), HALVES),
    "png, an odd chunk": (png(WIDTH, HEIGHT, rows_of(HALVES), more=chunk(b"ruBb", RUBBISH)), HALVES),
    "png, rubbish for a text": (png(WIDTH, HEIGHT, rows_of(HALVES), more=chunk(b"tEXt", RUBBISH)), HALVES),
    "png, rubbish for colours": (png(WIDTH, HEIGHT, rows_of(HALVES), more=chunk(b"iCCP", b"a\0\0" + RUBBISH)), HALVES),
    "webp": (WEBP, HALVES),
    "webp, lossless, clear": (
        encoded(np.dstack([HALVES, GREY[..., 0]]), "WEBP", lossless=True, exact=True),
        on_white(HALVES, GREY[..., 0]),
    ),
    "webp, animated": (encoded(HALVES, "WEBP", lossless=True, **FRAMES), HALVES),
    "webp, of one pixel": (encoded(HALVES[:1, :1], "WEBP"), HALVES[:1, :1]),
    "webp, wide": (encoded(np.repeat(HALVES[:1, :1], 16_383, 1), "WEBP"), np.repeat(HALVES[:1, :1], 16_383, 1)),
    **{
        f"{kind.lower()}, rubbish for {what}": (encoded(HALVES, kind, **{field: RUBBISH}), HALVES)
        for kind in ("JPEG", "PNG", "WEBP")
        for field, what in (("icc_profile", "a colour profile"), ("exif", "EXIF"), ("xmp", "XMP"))
    },
    **{
        f"jpeg, orientation {what}": (encoded(HALVES, "JPEG", exif=tagged((ORIENTATION, *value))), HALVES)
        for what, value in {
            "0": (SHORT, 1, b"\0\0\0\0"),
            "9": (SHORT, 1, b"\0\x09\0\0"),
            "65535": (SHORT, 1, b"\xff\xff\0\0"),
            "of no values": (SHORT, 0, bytes(4)),
            "in words": (TEXT, 2, b"6\0\0\0"),
            "1.5": (FLOAT, 1, struct.pack(">f", 1.5)),
            "no number": (FLOAT, 1, struct.pack(">f", float("nan"))),
        }.items()
    },
    **{
        f"{kind.lower()}, EXIF {what}": (encoded(HALVES, kind, exif=exif), HALVES)
        for kind in ("JPEG", "PNG", "WEBP")
        for what, exif in {
            "is its own next": tagged((ORIENTATION, SHORT, 1, b"\0\1\0\0"), after=8),
            "is its own details": tagged((DETAILS, LONG, 1, b"\0\0\0\x08"), (GPS, LONG, 1, b"\0\0\0\x08")),
            "points behind the end": tagged(
                (DETAILS, LONG, 1, b"\xff\xff\xff\xf0"), (GPS, LONG, 1, b"\x7f" + bytes(3))
            ),
            "of countless values": tagged((ORIENTATION, SHORT, 2**32 - 1, bytes(4)), (DATE, TEXT, 2**31, bytes(4))),
            "of countless numbers": tagged((ORIENTATION, RATIONAL, 2**29, b"\0\0\0\x08")),
            "divided by nothing": tagged((ORIENTATION, RATIONAL, 1, b"\0\0\0\x1a")) + bytes([0, 0, 0, 6, 0, 0, 0, 0]),
            "of no known type": tagged((ORIENTATION, 0xFFFF, 1, b"\0\6\0\0")),
            "of entries that are not there": b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
            "in no Unicode": tagged((MAKE, TEXT, 4, b"\xff\xfe\xe9\x80"), (DATE, TEXT, 4, b"\xc3\x28\0\0")),
        }.items()
    },
}

# What is refused: the bytes, and what the reason says.
NOT_ONE = "its content is not one of JPEG"
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "one byte": (b"\xff", NOT_ONE),
    "text": ("Liebes Tagebuch, heute sah ich eine Schildkröte.\n".encode() * 9, NOT_ONE),
    "a page": (b"<!DOCTYPE html><title>404 Not Found</title>", NOT_ONE),
    "zeros": (bytes(5000), NOT_ONE),
    "noise": (RUBBISH, NOT_ONE),
    "noise behind the start of a jpeg": (JPEG[:3] + RUBBISH, NOT_ONE),
    "noise behind the start of a png": (PNG[:8] + RUBBISH, NOT_ONE),
    "noise behind the start of a webp": (WEBP[:16] + RUBBISH, "damaged"),
    "something before it": (b"\r\n" + JPEG, NOT_ONE),
    "as text, line ends changed": (PNG.replace(b"\r\n", b"\n"), NOT_ONE),
    "as text, in UTF-8": (JPEG.decode("latin-1").encode(), NOT_ONE),
    "tiff": (encoded(HALVES, "TIFF"), ".tif photos are not read: save a JPEG copy"),
    "tiff, big end first": (b"MM\0*\0\0\0\x08\0\0\0\0\0\0", ".tif photos are not read: save a JPEG copy"),
    "bmp": (encoded(HALVES, "BMP"), ".bmp photos are not read: save a JPEG copy"),
    "gif": (encoded(HALVES, "GIF"), ".gif photos are not read: save a JPEG copy"),
    "gif, animated": (encoded(HALVES, "GIF", **FRAMES), ".gif photos are not read: save a JPEG copy"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), ".jp2 photos are not read: save a JPEG copy"),
    "jpeg xl": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), ".jxl photos are not read: save a JPEG copy"),
    "avif": (b"\0\0\0\x1cftypavif" + bytes(40), ".avif photos are not read: save a JPEG copy"),
    "photoshop": (b"8BPS\0\1" + bytes(40), ".psd photos are not read: save a JPEG copy"),
    "png, clear": (encoded(np.dstack([HALVES, np.zeros((16, 32), np.uint8)]), "PNG"), "transparent all over"),
    "png, vast": (png(2**31 - 1, 2**31 - 1, b""), "too large"),
    "png, too large": (png(20_000, 20_000, bytes(2501 * 20_000), 1, 0), "too large: at most 178 megapixels"),
    "png, more than it holds": (png(12_000, 12_000, rows_of(HALVES)), "cut short"),
    "png, no width": (png(0, HEIGHT, rows_of(HALVES)), NOT_ONE),
    "png, no height": (png(WIDTH, 0, rows_of(HALVES)), NOT_ONE),
    "png, a depth that is none": (png(WIDTH, HEIGHT, rows_of(HALVES), depth=7), NOT_ONE),
    "png, no pixels": (png(WIDTH, HEIGHT, b""), "cut short"),
    "png, a text of 5 MB": (
        png(WIDTH, HEIGHT, rows_of(HALVES), more=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000)))),
        "too large",
    ),
    "jpeg, vast": (resized_header(JPEG, 65_535, 65_535), "too large"),
    "jpeg, no width": (resized_header(JPEG, 0, HEIGHT), NOT_ONE),
    "jpeg, no height": (resized_header(JPEG, WIDTH, 0), NOT_ONE),
    "jpeg, start and end only": (JPEG[:2] + JPEG[-2:], NOT_ONE),
    "jpeg, no pixels": (JPEG[: JPEG.index(b"\xff\xda")] + JPEG[-2:], "cannot load this image"),
    "webp, vast": (canvas(WEBP, 1 << 24, 1 << 24), "too large"),
    "webp, too large": (canvas(WEBP, 16_383, 16_383), "too large"),
    "webp, more than it holds": (canvas(WEBP, 12_000, 12_000), "damaged"),
}
