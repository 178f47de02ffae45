"""Read damaged photos in a process of its own, so that a hang or a crash fails one test: `probe.py WAY COUNT PATIENCE`.

WAY is `reader` or `search`; a photo that takes PATIENCE seconds ends the process with a traceback. Prints one JSON: how
many photos were read and refused, the peak memory in MB, and every answer that is neither a photo nor one line.
"""

import faulthandler
import json
import os
import re
import resource
import sys
import tempfile
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
        found = [or_error(look)(path) for look in (photo_size, photo_suffix, read_photo)]
        reasons = [one_line(str(each)) for each in found if isinstance(each, PhotoError)]  # the first two see less
        if isinstance(found[2], PhotoError):
            return reasons[-1]
        pixels = read_photo(path)
        if (
            pixels.dtype != np.uint8
            or pixels.shape != (*photo_size(path), 3)
            or read_photo(path, SIZE).shape[:2] != SIZE
        ):
            raise ValueError(f"{pixels.dtype} of shape {pixels.shape}")
        return None

    return ask


def search(folder: Path, stack: ExitStack) -> Ask:
    """The server, over HTTP in this process."""
    client = stack.enter_context(stack.enter_context(serving(spotted_searcher(folder), folder)))

    def ask(content: bytes) -> str | None:
        response = client.post("/search", files={"photos": ("x.jpg", content)})
        (answer,) = response.json() if response.status_code == 200 else [{"status": response.text}]
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
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main(way: str, count: int, patience: float) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ask = {"reader": reader, "search": search}[way](Path(folder), stack)
        for content in (JPEG, PNG, WEBP):
            ask(content)  # what is loaded once is no photo's memory
        before = peak_mb()
        for number in range(count):
            what, content = mutated(number)
            faulthandler.dump_traceback_later(patience, exit=True)  # from a thread that needs no Python to go on
            try:
                counts["read" if ask(content) is None else "refused"] += 1
            except Exception as error:
                wrong.append(f"{number} {what}: {type(error).__name__}: {error}"[:500])
            faulthandler.cancel_dump_traceback_later()
    return {**counts, "memory_before_mb": round(before), "memory_peak_mb": round(peak_mb()), "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))), flush=True)
    os._exit(0)
