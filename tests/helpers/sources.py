"""Dataset archives as a local server gives them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.helpers import layouts
from tests.helpers.packing import make_archive
from tests.helpers.server import Server
from wildtrack.access.sources import load
from wildtrack.access.sources.source import Source

ARCHIVES: dict[str, tuple[str, Callable[[], layouts.Files]]] = {
    "gzgc": ("gzgc.coco.tar.gz", lambda: layouts.small_wildme("gzgc", 2020)),
    "beluga_id_2022": ("beluga.coco.tar.gz", lambda: layouts.small_wildme("beluga", 2022)),
    "hyena_id_2022": ("hyena.coco.tar.gz", lambda: layouts.small_wildme("hyena", 2022)),
    "leopard_id_2022": ("leopard.coco.tar.gz", lambda: layouts.small_wildme("leopard", 2022)),
    "nyala": ("main.zip", layouts.wildlife_reidentification),
    "lion": ("main.zip", layouts.wildlife_reidentification),
    "sea_star_re_id_2023": ("sea-star-re-id.zip", layouts.sea_star_re_id_2023),
    "seaturtleid2022": ("seaturtleid2022.zip", layouts.seaturtleid2022),
    "seaturtleidheads": ("seaturtleidheads.zip", layouts.seaturtleidheads),
}


def served(name: str, server: Server, folder: Path) -> Source:
    """The source, with its archive on the local server; Kaggle's zip as if it had been downloaded by hand."""
    source, (file, files) = load(name), ARCHIVES[name]
    assert source.kaggle or source.url.endswith(f"/{file}")
    archive = make_archive(folder / source.archive, files())
    if source.kaggle:
        (folder / "cache/downloads").mkdir(parents=True, exist_ok=True)
        archive.rename(folder / "cache/downloads" / source.archive)
    else:
        server.files[file] = archive.read_bytes()
        archive.unlink()
    return replace(source, url=f"{server.url}/{file}")
