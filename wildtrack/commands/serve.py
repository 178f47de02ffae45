"""The search as a web page: drop a photo, see which animal it shows, confirm it, and later searches use it.

  wildtrack serve                        on this computer only: http://127.0.0.1:8000
  wildtrack serve --host 0.0.0.0         for others in this network too; confirming needs the token it prints

It needs a trained model; the gallery is built where there is none yet. Confirmed photos are kept in `sightings`.
"""

import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import wildtrack.web
from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.gallery.build import GalleryConfig, open_searcher
from wildtrack.address.gallery.searcher import SearchConfig
from wildtrack.config import RARE, CustomObjects, DiskSpace, Folder, Range, Scaling, Share, check_settings, part
from wildtrack.console import console
from wildtrack.errors import UserError

PACKAGES = ("fastapi", "filelock", "python_multipart", "sqlalchemy", "uvicorn")
PAGE = Path(wildtrack.web.__file__).parent / "static/index.html"


@dataclass(frozen=True)
class Config(ReadConfig):
    """Change a value here, or on the command line: --port 8080."""

    port: Annotated[int, Range(0, 65_535)] = 8000  # port of the page's address; 0: any free port
    host: str = "127.0.0.1"  # address to listen at; 0.0.0.0: all addresses of this computer
    names: Annotated[tuple[str, ...], RARE] = ()  # other names of this computer in the network, such as camp.local
    artifacts: Folder = Path("artifacts")  # the trained model, and the gallery
    sightings: Folder = Path("sightings")  # confirmed photos: a database and the files
    data: Path | None = None  # known photos; None: those of the index, or of the training if there is no index
    results: Folder = Path("results")  # where photos that cannot be used are listed, when the gallery is built
    matcher: str = "auto"  # embedding, local, fused; auto: whichever did best on validation photos
    false_match_rate: Share = 0.01  # share of new animals' photos that may be called a match
    scaling: Scaling = "auto"  # pixel range a third-party model expects
    cache_gb: DiskSpace = 10.0  # disk space for decoded photos, and as much each for embeddings and keypoints
    custom_objects: CustomObjects = field(default_factory=dict)  # in the script: {"MyLayer": MyLayer}


def serve(config: Config) -> None:
    """Artifacts -> gallery -> confirmed photos -> the page."""
    check_settings(config)
    check_packages()
    from wildtrack.web import server
    from wildtrack.web.api import create_app
    from wildtrack.web.service import Service
    from wildtrack.web.store import open_store

    artifacts = open_artifacts(config.artifacts)
    search_config = replace(part(SearchConfig, config), explains=True)
    searcher = open_searcher(artifacts, search_config, GalleryConfig.of(config))
    token = None if server.is_this_computer(config.host) else secrets.token_urlsafe(24)
    with listening(config.host, config.port) as listener, open_store(config.sightings) as store:
        service = Service(searcher, artifacts.preprocessor.identities, store)
        page = PAGE.read_text("utf-8")
        say_where(listener, token)
        server.serve(create_app(service, page, token is not None), page, listener, config.names, token)


def check_packages() -> None:
    """Raise a UserError where a package that only the page needs is not installed."""
    if missing := ", ".join(name for name in PACKAGES if find_spec(name) is None):
        install = 'pip install -r requirements-app.txt, or pip install "wildtrack[app]"'
        raise UserError(f"the page needs packages that are not installed ({missing}): {install}")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; a UserError where it cannot."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise UserError(f"cannot listen at {host}, port {port}: {reason}; choose another --port or --host") from error
    except OverflowError as error:
        raise UserError(f"--host {host!r} is no address") from error


def say_where(listener: socket.socket, token: str | None) -> None:
    """Print the page's address; the token is behind #, which browsers do not send."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:  # every address of this computer
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{port}/" + (f"#token={token}" if token else ""), flush=True)
    console.print("Open this address in a browser. Ctrl-C stops the page.")
    if token:
        console.print("Others in this network can search; whoever has the full address can also confirm and undo.")
