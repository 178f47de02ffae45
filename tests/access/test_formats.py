import pytest

from wildtrack.access.formats import OTHER_IMAGE_SUFFIXES, PHOTO_SUFFIXES, conversion_hint


@pytest.mark.parametrize(
    ("suffix", "hint"), [(".HEIC", "pillow-heif"), (".nef", "raw"), (".tif", "JPEG copy"), (".MOV", "a video")]
)
def test_conversion_hint(suffix: str, hint: str) -> None:
    assert hint in conversion_hint(suffix)


def test_suffixes_do_not_overlap() -> None:
    assert not PHOTO_SUFFIXES & OTHER_IMAGE_SUFFIXES
    assert {".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp"} <= PHOTO_SUFFIXES
