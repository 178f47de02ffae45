import pytest

from wildtrack.access.photos.formats import HAS_HEIF, conversion_hint, other_suffix


@pytest.mark.parametrize(
    ("suffix", "hint"), [(".HEIC", "pillow-heif"), (".nef", "raw"), (".tif", "JPEG copy"), (".MOV", "a video")]
)
def test_conversion_hint(suffix: str, hint: str) -> None:
    assert hint in conversion_hint(suffix)


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        *((b"II*\0\x08\0\0\0\0\0\0\0", ".tif"), (b"MM\0*\0\0\0\x08\0\0\0\0", ".tif"), (b"GIF87a......", ".gif")),
        *((b"BM\x36\x06\0\0\0\0\0\0\x36\0", ".bmp"), (b"BMW was here", None)),
        *((b"\0\0\0\x1cftypavif", ".avif"), (b"\0\0\0\x18ftypheic", None if HAS_HEIF else ".heic")),
        *((b"\0\0\0\x18ftypmp42", None), (b"\xff\xd8\xff\xe0........", None), (b"", None)),
    ],
)
def test_other_formats_by_content(head: bytes, suffix: str | None) -> None:
    assert other_suffix(head) == suffix
