"""The few photos that all studies are made of: drawn once, then linked."""

import io
import os
from functools import cache
from pathlib import Path

from PIL import ExifTags, Image

from tests.helpers.exif import exif_of

WIDTH, HEIGHT = 400, 300  # of an upright photo that nobody made smaller
_BASE = ExifTags.Base


@cache
def pool(folder: Path) -> dict[str, Path]:
    """Kind -> its file in `folder`."""
    details = {"dated": "2024:05:31 10:00:00", "reset": "2000:01:01 00:03:00", "future": "2099:05:31 10:00:00"}
    contents = {
        "plain": _jpeg((WIDTH, HEIGHT)),
        "half": _jpeg((WIDTH // 2, HEIGHT // 2)),
        "turned": _jpeg((HEIGHT, WIDTH), exif_of({_BASE.Orientation: 6})),
        "empty": b"",
        "text": b"seen in the evening",
        "video": b"\0\0\0\x14ftypqt  \0\0\0\0",
        "raw": b"II*\0" + bytes(20),
        **{kind: _jpeg((WIDTH, HEIGHT), exif_of({}, {_BASE.DateTimeOriginal: when})) for kind, when in details.items()},
    }
    for kind, content in contents.items():
        (folder / kind).write_bytes(content)
    return {kind: folder / kind for kind in contents}


def lay(root: Path, files: dict[str, str | bytes], folder: Path) -> None:
    """Put files below `root`: links to those of the pool, or their own bytes."""
    for name, kind in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(kind, bytes):
            path.write_bytes(kind)
        else:
            os.link(pool(folder)[kind], path)


def _jpeg(size: tuple[int, int], exif: bytes = b"") -> bytes:
    stream = io.BytesIO()
    Image.new("L", size, 120).save(stream, "JPEG", exif=exif)
    return stream.getvalue()
