"""Photos a second of the checks of `assess_dataset.py`, compared with decoding the same photos with Pillow alone.

python -m benchmarks.assess                               drawn turtles
python -m benchmarks.assess ../shared/data/zebras         a folder or CSV
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from PIL import Image

from wildtrack import versions
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.photos.pixel_cache import decode_catalogue
from wildtrack.access.readers.load import load_catalogue
from wildtrack.assess.checks import PIXELS
from wildtrack.assess.duplicates.groups import Pictures, check_for_duplicates
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.quality.flags import quality_table
from wildtrack.console import console, run
from wildtrack.storage.cache import CacheConfig


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: tyro.conf.Positional[Path | None] = None  # the photos; none: drawn turtles
    identities: int = 24  # of them
    repeats: int = 3  # the fastest run counts


def main(config: Config) -> None:
    """Time each kind of check on the same photos."""
    with tempfile.TemporaryDirectory() as folder:
        data = config.data
        if data is None:
            data = Path(folder) / "turtles"
            make_demo(data, Path(folder) / "new", identities=config.identities)
        catalogue = load_catalogue(data)
        table, root = catalogue.table, catalogue.root

        def decode() -> None:
            for path in table["path"]:
                with Image.open(root / path) as photo:
                    photo.convert("RGB").load()

        def duplicates() -> None:
            with tempfile.TemporaryDirectory() as cache:  # new each time, so that nothing is decoded already
                photos = decode_catalogue(table, root, PIXELS, CacheConfig(root=Path(cache)))
                hashes, sizes = perceptual_hashes(photos.small), np.zeros(len(photos.digests))
                pictures = Pictures(photos.small, hashes, photos.digests, sizes.astype(int), sizes)
                check_for_duplicates(photos.table, pictures)

        console.print(f"{len(table)} photos; {versions()}")
        plain = fastest(decode, config.repeats)
        console.print(f"{'Pillow, decoding alone':24s} {len(table) / plain:7.0f} photos/s")
        for name, work in (("quality", lambda: quality_table(table, root)), ("duplicates", duplicates)):
            seconds = fastest(work, config.repeats)
            console.print(f"{name:24s} {len(table) / seconds:7.0f} photos/s  {plain / seconds:4.2f} x decoding alone")


def fastest(work: Callable[[], Any], repeats: int) -> float:
    """Seconds of the fastest of some runs."""

    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return min(timed() for _ in range(repeats))


if __name__ == "__main__":
    run(main, Config(), __doc__)
