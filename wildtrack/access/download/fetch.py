"""Getting a dataset's archive: from the cache, from the network, or put there by hand."""

from pathlib import Path
from typing import Any

from rich.progress import Progress

from wildtrack.console import byte_progress
from wildtrack.errors import UserError

RETRIES = 2  # each starts the file again
TIMEOUT_SECONDS = 60
_REASONS = {
    **dict.fromkeys(("ConnectionError", "ConnectTimeout", "ProxyError"), "no connection"),
    "SSLError": "its certificate is not trusted",
    "ReadTimeout": "the server stopped sending",
    "ChunkedEncodingError": "the connection was cut",
}


def fetch(url: str, target: Path, sha256: str | None = None) -> Path:
    """Download a file to `target`, unless it is there with that hex SHA-256; a UserError says how to do it by hand."""
    import pooch  # here and below: slow to import, and not needed where the dataset is on disk
    import requests

    hashes = {target.name: sha256}
    cache = pooch.create(target.parent, base_url="", registry=hashes, urls={target.name: url}, retry_if_failed=RETRIES)
    pooch.get_logger().setLevel("WARNING")
    try:
        with byte_progress() as progress:
            bar = _Bar(progress, f"Downloading {target.name}")
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 20, timeout=TIMEOUT_SECONDS)
            cache.fetch(target.name, downloader=downloader)
    except requests.RequestException as error:
        answer = "" if error.response is None else f"the server answers {error.response.status_code}"
        reason = answer or _REASONS.get(type(error).__name__, type(error).__name__)
        raise _by_hand(f"{url} could not be downloaded ({reason})", url, target) from error
    except ValueError as error:  # pooch raises it for another hash
        raise _by_hand(f"{url} is not the published file (its SHA-256 is another)", url, target) from error
    return target


def _by_hand(problem: str, url: str, target: Path) -> UserError:
    return UserError(f"{problem}. By hand: download {url}, save it as {target}, and run the same command again")


class _Bar:
    """The progress bar that pooch asks for, shown by Rich."""

    def __init__(self, progress: Progress, description: str) -> None:
        self.progress, self.description = progress, description
        self.task: Any = None

    @property
    def total(self) -> int:
        return 0

    @total.setter
    def total(self, size: int) -> None:  # pooch sets it at each new try
        if self.task is not None:
            self.progress.remove_task(self.task)
        self.task = self.progress.add_task(self.description, total=size or None)

    def update(self, amount: int) -> None:
        self.progress.advance(self.task, amount)

    def reset(self) -> None:
        self.progress.reset(self.task)

    def close(self) -> None:
        self.progress.stop_task(self.task)
