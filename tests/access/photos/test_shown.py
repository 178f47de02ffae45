import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.helpers.exif import save
from wildtrack.access.photos.reader import PhotoError, read_photo, read_sizes

GREY = np.linspace(0, 255, 64, dtype=np.uint8).reshape(8, 8)
RAMP = np.stack([GREY, GREY[::-1], GREY.T], axis=-1)
HALF = np.tile(np.array([0, 255], np.uint8), (8, 4))  # transparent and opaque columns


def on_white(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    opaque = alpha[..., None] / 255
    return pixels * opaque + 255 * (1 - opaque)


def with_palette(transparency: int | bytes) -> tuple[Image.Image, NDArray[Any]]:
    """An image of 64 colours, some of them transparent; what shows."""
    image = Image.fromarray(RAMP).quantize(64)
    colours, index = np.array(image.convert("RGB")), np.array(image)
    alphas = np.full(256, 255, np.uint8)
    if isinstance(transparency, int):
        alphas[transparency] = 0
    else:
        alphas[: len(transparency)] = list(transparency)
    image.info["transparency"] = transparency
    return image, on_white(colours, alphas[index])


def with_key(image: Image.Image, key: Any) -> Image.Image:
    image.info["transparency"] = key
    return image


SHOWN: dict[str, tuple[Image.Image, NDArray[Any]]] = {
    "RGBA": (Image.fromarray(np.dstack([RAMP, GREY])), on_white(RAMP, GREY)),
    "RGBA, cut out": (Image.fromarray(np.dstack([RAMP, HALF])), on_white(RAMP, HALF)),
    "RGBA, opaque": (Image.fromarray(np.dstack([RAMP, np.full((8, 8), 255, np.uint8)])), RAMP),
    "LA": (Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(HALF)]), on_white(np.dstack([GREY] * 3), HALF)),
    "palette, one colour clear": with_palette(3),
    "palette, all more or less clear": with_palette(bytes(range(64))),
    "RGB, one colour clear": (with_key(Image.new("RGB", (8, 8), (9, 8, 7)), (9, 8, 7)), np.full((8, 8, 3), 255)),
    "grey, one grey clear": (
        with_key(Image.fromarray(GREY), 0),
        np.where(GREY == 0, 255, GREY)[..., None].repeat(3, 2),
    ),
    "16 bits": (Image.fromarray(GREY.astype(np.uint16) * 257), np.dstack([GREY] * 3)),
    "16 bits, of a sensor of 12": (Image.fromarray(GREY.astype(np.uint16) * 16), np.dstack([GREY] * 3)),
    "16 bits, thermal": (Image.fromarray(GREY.astype(np.uint16) * 8 + 29_000), np.dstack([GREY] * 3)),
    "16 bits, thermal, nothing measured at its edge": (
        with_key(Image.fromarray(np.where(HALF, GREY.astype(np.uint16) * 8 + 29_000, 0).astype(np.uint16)), 0),
        on_white(np.dstack([(GREY - 3.6) * 255 / 251.4] * 3), HALF),
    ),
    "16 bits, one grey": (Image.fromarray(np.full((8, 8), 0x4D00, np.uint16)), np.full((8, 8, 3), 0x4D)),
}


@pytest.mark.parametrize("name", [name for name in SHOWN if name != "RGB, one colour clear"])
def test_pixels_are_what_a_viewer_shows(tmp_path: Path, name: str) -> None:
    image, expected = SHOWN[name]
    image.save(tmp_path / "photo.png")
    np.testing.assert_allclose(read_photo(tmp_path / "photo.png").astype(int), expected, atol=2)


def png_of_16_bits(colour: int, values: NDArray[Any], clear: bytes = b"") -> io.BytesIO:
    """A PNG of a colour type that Pillow does not write in 16 bits."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = values.shape[:2]
    head = chunk(b"IHDR", struct.pack(">2I5B", width, height, 16, colour, 0, 0, 0))
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    head += chunk(b"tRNS", clear) if clear else b""
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


OPAQUE, DEEP = HALF.astype(np.uint16) * 257, RAMP.astype(np.uint16)


@pytest.mark.parametrize(
    ("colour", "values", "expected"),
    [
        (2, DEEP * 257, RAMP),
        (2, DEEP * 16, RAMP),  # of a sensor of 12 bits
        (2, np.full((8, 8, 3), (900, 100, 20), np.uint16) * 60, np.full((8, 8, 3), (210, 23, 4))),  # one colour
        (6, np.dstack([DEEP * 16, OPAQUE]), on_white(RAMP, HALF)),
        (6, np.dstack([DEEP * 257, OPAQUE]), on_white(RAMP, HALF)),
        (4, np.dstack([DEEP[..., 0] * 257, OPAQUE]), on_white(np.dstack([GREY] * 3), HALF)),
        (
            4,
            np.dstack([DEEP[..., 0] * 8 + 29_000, OPAQUE]),
            on_white(np.dstack([(GREY - 3.6) * 255 / 251.4] * 3), HALF),
        ),
    ],
)
def test_colours_of_16_bits(colour: int, values: NDArray[Any], expected: NDArray[Any]) -> None:
    photo = png_of_16_bits(colour, values)
    np.testing.assert_allclose(read_photo(photo).astype(int), expected, atol=2)
    np.testing.assert_allclose(read_photo(photo, None, (2, 3, 4, 4)), read_photo(photo)[3:7, 2:6])


@pytest.mark.parametrize("scale", [257, 16])
def test_a_clear_colour_of_16_bits(scale: int) -> None:
    values = DEEP * scale
    photo = png_of_16_bits(2, values, values[0, 1].astype(">u2").tobytes())
    expected = RAMP.copy()
    expected[0, 1] = 255
    np.testing.assert_allclose(read_photo(photo).astype(int), expected, atol=2)


@pytest.mark.parametrize("image", [SHOWN["RGB, one colour clear"][0], Image.new("RGBA", (8, 8), (9, 8, 7, 0))])
def test_a_photo_of_which_nothing_shows_is_refused(tmp_path: Path, image: Image.Image) -> None:
    image.save(tmp_path / "photo.png")
    with pytest.raises(PhotoError, match="nothing of it shows: it is transparent all over"):
        read_photo(tmp_path / "photo.png")


def test_a_crop_of_a_thermal_photo_has_the_greys_of_the_photo_whatever_way_it_is_turned(tmp_path: Path) -> None:
    warm = np.zeros((40, 60), np.uint16) + 29_000
    warm[10:30, 20:50] = 29_900
    warm[0, 0] = 65_535  # a hot pixel
    path = save(tmp_path / "thermal.png", warm)
    assert (read_photo(path, None, (20, 10, 30, 20)) == 255).all()
    small, whole = read_sizes(path, [(20, 30), None])
    assert small[10, 15].tolist() == [255] * 3 and whole[5, 5].tolist() == [0] * 3
    turned = save(tmp_path / "turned.png", np.rot90(warm), 6)
    np.testing.assert_array_equal(read_photo(turned), whole)


def grey_for_cyan() -> bytes:
    """A CMYK profile by which each ink is as dark as it covers: lut8 of two points an ink, in Lab."""
    ramp = bytes(range(256))
    points = b"".join(bytes([round(255 * (1 - sum(inks) / 4)), 128, 128]) for inks in np.ndindex(2, 2, 2, 2))
    matrix = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + points + ramp * 3
    tags = {
        b"A2B0": table,
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
    }
    start, entries, content = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        entries += struct.pack(">4sII", name, start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(content), b"test", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + entries + content


@pytest.mark.parametrize(
    ("profile", "expected"),
    [(None, (0, 255, 255)), (b"rubbish", (0, 255, 255)), (grey_for_cyan(), (185, 185, 185))],  # L = 75
)
def test_printing_colours_go_by_their_profile(tmp_path: Path, profile: bytes | None, expected: Any) -> None:
    Image.new("CMYK", (16, 16), (255, 0, 0, 0)).save(tmp_path / "cyan.jpg", icc_profile=profile)
    np.testing.assert_allclose(read_photo(tmp_path / "cyan.jpg")[8, 8].astype(int), expected, atol=4)


@pytest.mark.parametrize(("named", "expected"), [("sRGB", (200, 40, 30)), ("wide", (40, 200, 30))])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_colours_go_by_their_profile_unless_it_is_srgb(
    tmp_path: Path, named: str, expected: tuple[int, int, int], suffix: str
) -> None:
    """A profile with red and green exchanged, as a camera of wide colours has other ones than sRGB."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = srgb.replace(b"rXYZ", b"XXXX", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"XXXX", b"gXYZ", 1)
    profile = exchanged.replace("sRGB".encode("utf-16-be"), named.encode("utf-16-be"))
    Image.new("RGB", (16, 16), (200, 40, 30)).save(tmp_path / f"red.{suffix}", icc_profile=profile)
    np.testing.assert_allclose(read_photo(tmp_path / f"red.{suffix}")[8, 8].astype(int), expected, atol=3)
