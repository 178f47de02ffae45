"""Reads damaged photos in a process of its own, which dies loudly when one hangs: `probe.py WAY FIRST STOP PATIENCE`.

WAY is `reader` or `search`; PATIENCE is in seconds. Prints one JSON: how many photos were read and refused, the slowest
one in seconds of the clock and of the processor, the peak memory in MB before the first photo and after the last, and
every answer that is neither a photo nor one line.
"""

import faulthandler
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

from tests.helpers.malformed import JPEG, PNG, WEBP, is_one_clear_line
from tests.helpers.mutations import mutated
from tests.helpers.spotted import SIZE, build, fake_matching, searcher_of
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.reader import PhotoError, photo_size, photo_suffix, read_photo
from wildtrack.web.api import create_app
from wildtrack.web.guard import Guard, Limits
from wildtrack.web.service import Service
from wildtrack.web.store import open_store

Asked = Callable[[bytes], str | None]  # a file -> why it is refused, None where it is read; raises what is wrong


@contextmanager
def reader(folder: Path) -> Iterator[Asked]:
    """Everything that opens a photo."""
    path = folder / "x.jpg"

    def ask(content: bytes) -> str | None:
        path.write_bytes(content)
        read_exif(path)
        for look in (photo_size, photo_suffix):  # these may find nothing wrong, or say why as well
            try:
                look(path)
            except PhotoError as error:
                one_line(str(error))
        try:
            pixels = read_photo(path)
        except PhotoError as error:
            return one_line(str(error))
        if pixels.dtype != np.uint8 or pixels.shape != (*photo_size(path), 3):
            raise ValueError(f"{pixels.dtype} of shape {pixels.shape}")
        if read_photo(path, SIZE).shape != (*SIZE, 3):
            raise ValueError("resized wrongly")
        return None

    yield ask


@contextmanager
def search(folder: Path) -> Iterator[Asked]:
    """The server, asked over HTTP in this process."""
    searcher = searcher_of(build(folder), "fused", fake_matching())
    with open_store(folder / "sightings") as store:
        app = create_app(Service(searcher, (), store), "", needs_token=False)
        guarded = Guard(app, frozenset({"testserver"}), Limits(10**8))
        with TestClient(guarded, raise_server_exceptions=False) as client:

            def ask(content: bytes) -> str | None:
                answer = client.post("/search", files={"photos": ("x.jpg", content)})
                if answer.status_code != 200:
                    raise ValueError(f"{answer.status_code} {answer.text}")
                (said,) = answer.json()
                if said["status"] == "unreadable":
                    return one_line(said["reason"])
                if said["status"] != "ok" or not said["candidates"]:
                    raise ValueError(f"{said}")
                return None

            yield ask


@contextmanager
def hang(folder: Path) -> Iterator[Asked]:
    """Shows that a hang is noticed."""

    def ask(content: bytes) -> str | None:
        time.sleep(60)
        return None

    yield ask


def one_line(reason: str) -> str:
    if not is_one_clear_line(reason):
        raise ValueError(f"no clear line: {reason!r}")
    return reason


def peak_mb() -> float:
    """The most memory this process has had. The system's own count begins with that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1e3  # type: ignore[index]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def main(way: str, first: int, stop: int, patience: float) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    slowest, busiest = (0.0, ""), (0.0, "")
    with (
        tempfile.TemporaryDirectory() as folder,
        {"reader": reader, "search": search, "hang": hang}[way](Path(folder)) as ask,
    ):
        if way != "hang":
            for content in (JPEG, PNG, WEBP):
                ask(content)  # what is loaded once is no photo's time or memory
        before = peak_mb()
        for number in range(first, stop):
            what, content = mutated(number)
            faulthandler.dump_traceback_later(patience, exit=True)  # from a thread that needs no Python to go on
            start, busy = time.perf_counter(), time.process_time()
            try:
                counts["read" if ask(content) is None else "refused"] += 1
            except Exception as error:
                wrong.append(f"{number} {what}: {type(error).__name__}: {error}"[:500])
            faulthandler.cancel_dump_traceback_later()
            slowest = max(slowest, (time.perf_counter() - start, f"{number} {what}"))
            busiest = max(busiest, (time.process_time() - busy, f"{number} {what}"))
    return {
        "photos": stop - first,
        **counts,
        "slowest_s": round(slowest[0], 3),
        "slowest": slowest[1],
        "busiest_s": round(busiest[0], 3),
        "busiest": busiest[1],
        "memory_before_mb": round(before),
        "memory_peak_mb": round(peak_mb()),
        "wrong": wrong,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
    sys.stdout.flush()
    os._exit(0)
