import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.marked import GPS_MARK, save_marked
from wildtrack.access.photos.reader import PhotoError, read_photo
from wildtrack.access.photos.strip_metadata import strip_photo, strip_photos, stripped_suffix


@pytest.mark.parametrize(("name", "form"), [("a.jpg", "JPEG"), ("a.PNG", "PNG"), ("a.webp", "JPEG")])
@pytest.mark.parametrize(("bbox", "size"), [(None, (60, 80)), ((0, 0, 20, 30), (20, 30))])
def test_upright_pixels_and_nothing_else(
    tmp_path: Path, name: str, form: str, bbox: tuple[float, ...] | None, size: tuple[int, int]
) -> None:
    content, stated = strip_photo(save_marked(tmp_path / name, orientation=6), bbox)
    image = Image.open(io.BytesIO(content))
    assert stated == image.size == size and image.format == form
    assert not image.getexif() and GPS_MARK not in content
    pixels = np.asarray(image.convert("RGB"))
    assert pixels[5, 5, 0] > 200 and pixels[5, 5, 1:].max() < 60  # the upright top left corner
    assert form == "JPEG" or np.array_equal(pixels, read_photo(tmp_path / name, bbox=bbox))  # PNG loses nothing
    assert stripped_suffix(name) == (".png" if form == "PNG" else ".jpg")


def test_photos_come_in_order_with_errors_for_unreadable_ones(tmp_path: Path) -> None:
    good = save_marked(tmp_path / "a.jpg")
    first, gone, last = strip_photos([(good, None), (tmp_path / "gone.jpg", None), (good, (0, 0, 20, 30))], "Testing")
    assert isinstance(gone, PhotoError) and not isinstance(first, PhotoError) and not isinstance(last, PhotoError)
    assert (first.size, last.size) == ((80, 60), (20, 30))
