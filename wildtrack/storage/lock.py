"""One process at a time in a folder: a lock that its end releases, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from wildtrack.errors import UserError


@contextmanager
def locked(folder: Path, work: str, name: str = ".lock") -> Iterator[None]:
    """Hold the folder for some work, such as "training"; a UserError where another process holds it.

    The system keeps the lock: a file of this name that a dead process left is no obstacle. It goes at the end, and so
    do folders that were made for it if nothing else is in them.
    """
    made, file = [each for each in (folder, *folder.parents) if not each.exists()], folder / name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file, timeout=0):
            try:
                yield
            finally:
                if os.name != "nt":  # afterwards it may be another process's
                    file.unlink(missing_ok=True)
    except Timeout as error:
        raise UserError(f"another {work} is at work in {folder}; wait for its end, or name another folder") from error
    finally:
        with suppress(OSError):  # something is in a folder, or another process has the file
            if os.name == "nt":  # which removes no open file
                file.unlink(missing_ok=True)
            for each in made:
                each.rmdir()
