"""Run a script, and kill it (SIGKILL) just before its N-th change to files in a folder.

python dying.py N FOLDER SCRIPT [OPTION ...]     with N 0 it runs to its end and prints the number of changes
"""

import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> None:
    last, folder, script = int(sys.argv[1]), Path(sys.argv[2]).absolute(), Path(sys.argv[3])
    made = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal made
        changes = event in CHANGES or (event == "open" and bool(arguments[2] & WRITING))
        if changes and any(lies_in(place, folder) for place in arguments[:2]):
            made += 1
            if made == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.argv = sys.argv[3:]
    sys.path.insert(0, str(script.parent))
    sys.addaudithook(count)
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        print(f"{made} changes", file=sys.stderr)


def lies_in(place: object, folder: Path) -> bool:
    return isinstance(place, str | bytes | os.PathLike) and Path(os.fsdecode(place)).absolute().is_relative_to(folder)


if __name__ == "__main__":
    main()
