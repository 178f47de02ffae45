"""The web page as a process of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.blobs import start_script


@dataclass(frozen=True)
class Page:
    """A page that was started; `address` is "" where it ended at once."""

    process: "subprocess.Popen[str]"
    address: str


@contextmanager
def running(folder: Path, *options: object) -> Iterator[Page]:
    """Start app.py in a folder, on any free port unless one is given, and stop it at the end."""
    process = start_script("app.py", "--port", 0, *options, cwd=folder)
    assert process.stdout is not None
    try:
        yield Page(process, process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate(timeout=60)
