"""The photo reader; files that are odd or no photos are in tests/faults/test_malformed_photos.py."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.helpers.exif import save
from wildtrack.access.photos import reader as photos
from wildtrack.access.photos.reader import PhotoError, photo_size, read_photo, scaled_size

# pytest replaces the process's warning filters with its own; see test_large_photo_prints_no_warning.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

Pixels = npt.NDArray[np.uint8]

# Where the pixels of an upright photo lie in the file, for each EXIF orientation.
STORED = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, 1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels, -1),
}


@pytest.fixture
def noise() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)


@pytest.fixture
def smooth() -> Pixels:
    """A photo without mirror symmetry that survives JPEG: a gradient with a bright corner."""
    rows, columns = np.mgrid[0:403, 0:602]
    pixels = np.stack([rows * 255 / 403, columns * 255 / 602, (rows + columns) % 128], axis=-1).astype(np.uint8)
    pixels[:80, :120] = 255
    return pixels


def difference(one: Pixels, other: Pixels) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("orientation", [*STORED, 0, 9])
def test_png_of_any_orientation_equals_its_upright_twin(tmp_path: Path, noise: Pixels, orientation: int) -> None:
    twin = save(tmp_path / "upright.png", noise)
    turned = save(tmp_path / "größe 1.png", STORED.get(orientation, STORED[1])(noise), orientation)
    np.testing.assert_array_equal(read_photo(turned), noise)
    np.testing.assert_array_equal(
        read_photo(turned, (20, 10), (5, 2, 30, 20)), read_photo(twin, (20, 10), (5, 2, 30, 20))
    )


@pytest.mark.parametrize("orientation", list(STORED))
@pytest.mark.parametrize("size", [None, (40, 60), (60, 20), (300, 500)])
def test_jpeg_of_any_orientation_is_close_to_its_upright_twin(
    tmp_path: Path, smooth: Pixels, orientation: int, size: tuple[int, int] | None
) -> None:
    twin = save(tmp_path / "upright.jpg", smooth, quality=95)
    turned = save(tmp_path / "turned.jpg", STORED[orientation](smooth), orientation, quality=95)
    assert difference(read_photo(turned, size), read_photo(twin, size)) < 2


@pytest.mark.parametrize("bbox", [None, (13, 21, 301, 207), (500, 300, 102, 103)])
@pytest.mark.parametrize("size", [(16, 16), (24, 40), (50, 70)])
def test_draft_is_close_to_full_decode(
    tmp_path: Path, smooth: Pixels, size: tuple[int, int], bbox: tuple[float, ...] | None
) -> None:
    photo = save(tmp_path / "photo.jpg", smooth, quality=95)
    full = save(tmp_path / "full.png", read_photo(photo))
    assert difference(read_photo(photo, size, bbox), read_photo(full, size, bbox)) < 2


@pytest.mark.parametrize(
    ("size", "bbox", "decoded_width"),
    [
        (None, None, 602),
        ((40, 60), None, 151),  # 1/4: 1/8 would leave 50 rows for 40
        ((25, 37), None, 76),  # 1/8
        ((25, 37), (0, 0, 100, 100), 602),
        ((402, 10), None, 602),  # one side is large: no draft
    ],
)
def test_draft_never_goes_below_twice_the_target(
    tmp_path: Path, smooth: Pixels, size: tuple[int, int] | None, bbox: tuple[float, ...] | None, decoded_width: int
) -> None:
    photo = save(tmp_path / "photo.jpg", smooth)
    with photo.open("rb") as file:
        [(image, _)] = photos._decode(file, [size], bbox)
    assert image.width == decoded_width


@pytest.mark.parametrize(
    ("suffix", "sizes", "bbox", "decodings"),
    [
        (".jpg", [(40, 40), (25, 25)], None, 2),  # at 1/4 and at 1/8
        (".jpg", [(25, 25), (8, 8), (25, 25)], None, 1),  # both at 1/8
        (".jpg", [None, (300, 400)], None, 1),
        (".jpg", [(40, 60), (40, 60)], (13.5, 21.0, 301.0, 207.0), 1),
        (".png", [(40, 60), (25, 37), None], (13.5, 21.0, 301.0, 207.0), 1),
        (".webp", [(8, 8), None], None, 1),
    ],
)
@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_several_sizes_are_what_each_is_alone(
    tmp_path: Path,
    smooth: Pixels,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    sizes: list[tuple[int, int] | None],
    bbox: tuple[float, ...] | None,
    decodings: int,
    orientation: int,
) -> None:
    photo = save(tmp_path / f"photo{suffix}", smooth, orientation)
    load = photos._load
    calls: list[object] = []
    expected = [read_photo(photo, size, bbox) for size in sizes]
    monkeypatch.setattr(photos, "_load", lambda *given: calls.append(given) or load(*given))  # type: ignore[func-returns-value]
    for found, alone in zip(photos.read_sizes(photo, sizes, bbox), expected, strict=True):
        np.testing.assert_array_equal(found, alone)
    assert len(calls) == decodings


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ((10, 5, 20, 15), np.s_[5:20, 10:30]),
        ((0, 0, 50, 30), np.s_[:, :]),
        ((-10, -10, 30, 20), np.s_[:10, :20]),  # clipped
        ((40, 20, 1e300, 1e300), np.s_[20:, 40:]),
        ((10.4, 5.6, 19.2, 14.1), np.s_[5:20, 10:30]),  # widened to whole pixels
        ((3, 4, 0.1, 0.1), np.s_[4:5, 3:4]),
    ],
)
def test_bbox(tmp_path: Path, noise: Pixels, bbox: tuple[float, ...], expected: tuple[slice, slice]) -> None:
    photo = save(tmp_path / "a b.png", noise)
    np.testing.assert_array_equal(read_photo(photo, bbox=bbox), noise[expected])
    assert read_photo(photo, (7, 9), bbox).shape == (7, 9, 3)


@pytest.mark.parametrize(
    "bbox",
    [
        *((50, 0, 10, 10), (0, 30, 10, 10), (-10, 0, 10, 10), (0, 0, 0, 10), (0, 0, 10, -1)),
        *((0, 0, float("nan"), 10), (float("inf"), 0, 10, 10), (1, 2, 3), ()),
    ],
)
def test_bbox_that_misses(tmp_path: Path, noise: Pixels, bbox: tuple[float, ...]) -> None:
    with pytest.raises(PhotoError, match="bbox"):
        read_photo(save(tmp_path / "photo.png", noise), bbox=bbox)


GREY = np.linspace(0, 255, 64, dtype=np.uint8).reshape(8, 8)
RAMP, GREYS = np.stack([GREY, GREY[::-1], GREY.T], axis=-1), np.stack([GREY] * 3, axis=-1)


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("grey.png", Image.fromarray(GREY), GREYS),
        ("grey.jpg", Image.new("L", (8, 8), 77), np.full((8, 8, 3), 77)),
        ("bits.png", Image.fromarray(GREY > 100), (GREYS > 100) * 255),
        ("16 bits.png", Image.fromarray(GREY.astype(np.uint16) * 257), GREYS),
        ("palette.png", Image.fromarray(RAMP).quantize(64), Image.fromarray(RAMP).quantize(64).convert("RGB")),
        ("cmyk.jpg", Image.new("CMYK", (8, 8), (255, 0, 255, 0)), np.full((8, 8, 3), (0, 255, 0))),
        ("photo.webp", Image.new("RGB", (8, 8), (200, 100, 50)), np.full((8, 8, 3), (200, 100, 50))),
        ("photo.JPE", Image.new("RGB", (8, 8), (200, 100, 50)), np.full((8, 8, 3), (200, 100, 50))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_modes(tmp_path: Path, name: str, image: Image.Image, expected: Any) -> None:
    path = tmp_path / name
    image.save(path)
    pixels, tolerance = read_photo(path), 0 if path.suffix == ".png" else 4
    assert pixels.dtype == np.uint8 and pixels.flags.writeable
    np.testing.assert_allclose(pixels.astype(int), np.asarray(expected).astype(int), atol=tolerance)


def test_stream_is_read_and_stays_open(noise: Pixels) -> None:
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    for _ in range(2):
        np.testing.assert_array_equal(read_photo(stream), noise)


def test_large_photo_prints_no_warning(tmp_path: Path, noise: Pixels) -> None:
    path = save(tmp_path / "large.png", noise)
    code = (
        "import pathlib, sys; from PIL import Image; from wildtrack.access.photos.reader import read_photo;"
        "Image.MAX_IMAGE_PIXELS = 1000; read_photo(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-W", "default", "-c", code, str(path)]
    assert subprocess.run(command, capture_output=True, check=True).stderr == b""


def test_threads_see_the_same_pixels(tmp_path: Path, smooth: Pixels) -> None:
    path = save(tmp_path / "photo.jpg", smooth)
    alone = read_photo(path, (32, 32))
    with ThreadPoolExecutor(4) as pool:
        for pixels in pool.map(lambda _: read_photo(path, (32, 32)), range(16)):
            np.testing.assert_array_equal(pixels, alone)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
@pytest.mark.parametrize("bbox", [None, (13.5, 21.2, 30, 40.9), (-5, -5, 20, 1000)])
def test_size_is_that_of_the_array(
    tmp_path: Path, noise: Pixels, suffix: str, orientation: int, bbox: tuple[float, ...] | None
) -> None:
    path = save(tmp_path / f"photo{suffix}", noise, orientation)
    assert photo_size(path, bbox) == read_photo(path, bbox=bbox).shape[:2]


@pytest.mark.parametrize(
    ("size", "scaled"), [((3000, 4000), (192, 256)), ((10, 5), (256, 128)), ((1, 9999), (1, 256)), ((7, 7), (256, 256))]
)
def test_scaled_size(size: tuple[int, int], scaled: tuple[int, int]) -> None:
    assert scaled_size(*size, 256) == scaled
