"""What the scripts share with the terminal: knobs in, messages and progress out.

Libraries log; only this module decides what a person sees.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import tyro
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wildtrack.errors import UserError

KnobsT = TypeVar("KnobsT")
ItemT = TypeVar("ItemT")

STOPPED_BY_USER = 130  # the shell's convention for Ctrl-C

console = Console(stderr=True, soft_wrap=True)


def run(main: Callable[[KnobsT], None], knobs_class: type[KnobsT], description: str | None) -> None:
    """Parse the knobs from the command line, call `main`, and end the process properly.

    Exit codes: 0 done; 2 the user can mend it (one line says how); 130 stopped by Ctrl-C.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter helps nobody
    logging.basicConfig(
        level=logging.WARNING, format="%(message)s", handlers=[RichHandler(console=console, show_path=False, show_time=False)]
    )
    logging.getLogger("wildtrack").setLevel(logging.INFO)
    knobs = tyro.cli(knobs_class, description=description)
    try:
        main(knobs)
    except UserError as error:
        sys.exit(fail(str(error)))
    except OSError as error:  # a full disk, a read-only folder: the system's own words name the file
        sys.exit(fail(f"{error.strerror or error}: {error.filename or 'no file named'}"))
    except KeyboardInterrupt:
        console.print("Stopped.")
        sys.exit(STOPPED_BY_USER)


def fail(message: str) -> int:
    """Print a one-line error and return the exit code that goes with it."""
    console.print("Error:", message, style="bold red", markup=False, highlight=False)
    return 2


def progress_bar(*columns: TextColumn) -> Progress:
    """A progress bar in the project's one style; extra columns go to its right."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), *columns, console=console
    )


def track(items: Iterable[ItemT], description: str, total: int) -> Iterator[ItemT]:
    """Yield the items behind a progress bar."""
    with progress_bar() as progress:
        yield from progress.track(items, total=total, description=description)
