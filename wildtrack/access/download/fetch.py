"""Getting a dataset's archive: from the cache, from the network, or laid there by hand."""

import os
from pathlib import Path
from typing import Any

from rich.progress import Progress

from wildtrack.console import byte_progress
from wildtrack.errors import UserError

RETRIES = 2  # after a cut connection the file is started again; it is never left half
TIMEOUT_SECONDS = 60
_PIECE = 1 << 20


def fetch(url: str, target: Path, sha256: str | None = None) -> Path:
    """Download a file, unless it is there.

    Args:
        url: where it is published.
        target: where it goes; a file that lies there (by hand, or from an earlier call) is taken as it is, if it has
            the checksum.
        sha256: its published SHA-256 in hex; None where its publishers give none.

    Returns:
        `target`.

    Raises:
        UserError: there is no network, the server refuses, or the file is not the published one; the message names
            the file to download by hand, and where to put it.
    """
    import pooch  # here and below: slow to import, and not needed where the dataset is on disk
    import requests

    hashes = {target.name: sha256}
    cache = pooch.create(target.parent, base_url="", registry=hashes, urls={target.name: url}, retry_if_failed=RETRIES)
    pooch.get_logger().setLevel("WARNING")
    try:
        with byte_progress() as progress:
            bar = _Bar(progress, f"Downloading {target.name}")
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_PIECE, timeout=TIMEOUT_SECONDS)
            cache.fetch(target.name, downloader=downloader)
    except requests.RequestException as error:
        raise UserError(by_hand(f"{url} could not be downloaded ({_reason(error)})", url, target)) from error
    except ValueError as error:  # pooch's word for another hash
        raise UserError(by_hand(f"{url} is not the published file (its SHA-256 is another)", url, target)) from error
    return target


def fetch_kaggle(handle: str, cache: Path, archive: Path) -> Path:
    """Download a Kaggle dataset with kagglehub, which unpacks it and goes on where it was interrupted.

    Args:
        handle: OWNER/DATASET.
        cache: where kagglehub keeps it, unless KAGGLEHUB_CACHE says otherwise.
        archive: where a copy downloaded by hand would lie; for the messages.

    Returns:
        The folder of the dataset.

    Raises:
        UserError: kagglehub is not installed, there is no network, or Kaggle wants credentials.
    """
    url = f"https://www.kaggle.com/datasets/{handle}"
    os.environ.setdefault("KAGGLEHUB_CACHE", str(cache / "kagglehub"))
    try:
        import kagglehub
        import requests
        from kagglehub import exceptions
    except ImportError as error:
        problem = "Kaggle datasets need one more package (pip install kagglehub)"
        raise UserError(by_hand(problem, url, archive)) from error
    try:
        return Path(kagglehub.dataset_download(handle))
    except (exceptions.CredentialError, exceptions.UnauthenticatedError) as error:
        raise UserError(by_hand(_NO_CREDENTIALS, url, archive)) from error
    except requests.RequestException as error:
        refused = error.response is not None and error.response.status_code in (401, 403)
        problem = _NO_CREDENTIALS if refused else f"{url} could not be downloaded ({_reason(error)})"
        raise UserError(by_hand(problem, url, archive)) from error
    except (exceptions.BackendError, exceptions.DataCorruptionError, exceptions.NotFoundError, ValueError) as error:
        raise UserError(by_hand(f"{url} could not be downloaded ({error})", url, archive)) from error


_NO_CREDENTIALS = (
    "Kaggle wants credentials (make a token at https://www.kaggle.com/settings and save it as ~/.kaggle/kaggle.json)"
)


def by_hand(problem: str, url: str, target: Path) -> str:
    """The message that gets a user on without a network of this machine's own."""
    return f"{problem}. By hand: download {url}, save it as {target}, and run the same command again"


def _reason(error: Exception) -> str:
    """What went wrong with the network, in a few words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    return {
        "ConnectionError": "no connection",
        "ConnectTimeout": "no connection",
        "ProxyError": "no connection",
        "SSLError": "its certificate is not trusted",
        "ReadTimeout": "the server fell silent",
        "ChunkedEncodingError": "the connection was cut",
    }.get(type(error).__name__, type(error).__name__)


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
