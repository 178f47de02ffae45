"""Dataset archives on a local server."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from tests.helpers import layouts
from tests.helpers.packing import make_archive
from tests.helpers.server import Server
from wildtrack.access.sources import load
from wildtrack.access.sources.source import Source

ARCHIVES: dict[str, tuple[str, Callable[[], layouts.Files]]] = {  # slug -> the end of the address, and the files
    "gzgc": ("gzgc.coco.tar.gz", lambda: layouts.small_wildme("gzgc", 2020)),
    "beluga_id_2022": ("beluga.coco.tar.gz", lambda: layouts.small_wildme("beluga", 2022)),
    "hyena_id_2022": ("hyena.coco.tar.gz", lambda: layouts.small_wildme("hyena", 2022)),
    "leopard_id_2022": ("leopard.coco.tar.gz", lambda: layouts.small_wildme("leopard", 2022)),
    "nyala": ("main.zip", layouts.wildlife_reidentification),
    "lion": ("main.zip", layouts.wildlife_reidentification),
    "sea_star_re_id_2023": ("sea-star-re-id.zip", layouts.sea_star_re_id_2023),
    "seaturtleid2022": ("seaturtleid2022", layouts.seaturtleid2022),
    "seaturtleidheads": ("seaturtleidheads", layouts.seaturtleidheads),
}


def served(name: str, server: Server, folder: Path) -> Source:
    """The source, with its archive on the local server."""
    source, (file, files) = load(name), ARCHIVES[name]
    assert source.url.endswith(f"/{file}")
    archive = make_archive(folder / source.archive, files())
    server.files[file] = archive.read_bytes()
    archive.unlink()
    return replace(source, url=f"{server.url}/{file}")
