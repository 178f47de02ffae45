"""Read damaged photos in a process of its own, so that a hang or a crash fails one test: `probe.py WAY COUNT PATIENCE`.

WAY is `reader` or `search`; a photo that takes PATIENCE seconds ends the process with a traceback. Prints one JSON: how
many photos were read and refused, the slowest one in seconds, the peak memory in MB before the first photo and after
the last, and every answer that is neither a photo nor one line.
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
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.malformed import JPEG, PNG, WEBP, is_one_clear_line, serving, spotted_searcher
from tests.helpers.mutations import mutated
from tests.helpers.spotted import SIZE
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.reader import PhotoError, or_error, photo_size, photo_suffix, read_photo

Ask = Callable[[bytes], str | None]  # a file -> why it is refused, None where it is read


def reader(folder: Path, _: ExitStack) -> Ask:
    """Everything that opens a photo."""
    path = folder / "x.jpg"

    def ask(content: bytes) -> str | None:
        path.write_bytes(content)
        read_exif(path)
        size, suffix, pixels = or_error(photo_size)(path), or_error(photo_suffix)(path), or_error(read_photo)(path)
        for result in (size, suffix):  # these look at less, and may find nothing wrong
            if isinstance(result, PhotoError):
                one_line(str(result))
        if isinstance(pixels, PhotoError):
            return one_line(str(pixels))
        if pixels.dtype != np.uint8 or pixels.shape != (*photo_size(path), 3):
            raise ValueError(f"{pixels.dtype} of shape {pixels.shape}")
        if read_photo(path, SIZE).shape != (*SIZE, 3):
            raise ValueError("resized wrongly")
        return None

    return ask


def search(folder: Path, stack: ExitStack) -> Ask:
    """The server, over HTTP in this process."""
    client = stack.enter_context(stack.enter_context(serving(spotted_searcher(folder), folder)))

    def ask(content: bytes) -> str | None:
        response = client.post("/search", files={"photos": ("x.jpg", content)})
        if response.status_code != 200:
            raise ValueError(f"{response.status_code} {response.text}")
        (answer,) = response.json()
        if answer["status"] == "unreadable":
            return one_line(answer["reason"])
        if answer["status"] != "ok" or not answer["candidates"]:
            raise ValueError(f"{answer}")
        return None

    return ask


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


def main(way: str, count: int, patience: float) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    slowest = (0.0, "")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ask = {"reader": reader, "search": search}[way](Path(folder), stack)
        for content in (JPEG, PNG, WEBP):
            ask(content)  # what is loaded once is no photo's time or memory
        before = peak_mb()
        for number in range(count):
            what, content = mutated(number)
            faulthandler.dump_traceback_later(patience, exit=True)  # from a thread that needs no Python to go on
            start = time.perf_counter()
            try:
                counts["read" if ask(content) is None else "refused"] += 1
            except Exception as error:
                wrong.append(f"{number} {what}: {type(error).__name__}: {error}"[:500])
            faulthandler.cancel_dump_traceback_later()
            slowest = max(slowest, (round(time.perf_counter() - start, 3), f"{number} {what}"))
    memory = {"memory_before_mb": round(before), "memory_peak_mb": round(peak_mb())}
    return {**counts, "slowest_s": slowest[0], "slowest": slowest[1], **memory, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
    sys.stdout.flush()
    os._exit(0)
