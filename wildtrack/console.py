"""The terminal: command line in, messages and progress out. Libraries log; only this module prints."""

import io
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

import tyro
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wildtrack.config import flags, from_flags
from wildtrack.errors import UserError

ConfigT = TypeVar("ConfigT")
ItemT = TypeVar("ItemT")

STOPPED_BY_USER = 130  # the shell's convention for Ctrl-C
RENAMED = {"--ranker": "--matcher", "--side": "--viewpoint"}  # flags of earlier versions
ROOT = Path(__file__).parents[1]  # where the scripts lie, unless the package is installed without them
SCRIPTS = {
    "train": "train_classifier_reid.py",
    "evaluate": "evaluate_reid_and_visualize.py",
    "search": "search.py",
    "serve": "app.py",
    "access": "access_dataset.py",
    "assess": "assess_dataset.py",
    "compare": "compare_methods.py",
}

# Notebooks get what a terminal gets, because rich's widgets need one more package. No markup: a folder may well be
# called "seals [2024]". Soft wrap: lines are not broken inside a path.
console = Console(stderr=True, force_jupyter=False, soft_wrap=True, markup=False, emoji=False, highlight=False)


def run(main: Callable[[ConfigT], object], config: ConfigT, description: str | None) -> None:
    """Call a command with its config and the command line's settings, and end the process.

    Exit codes: 0 done; 2 an error that the user can mend (one line says how); 130 stopped by Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show must not end the program
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, handlers=[_Messages()])
    logging.getLogger("wildtrack").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # of a name
    try:
        main(_parse(config, description))
        sys.stdout.flush()
    except BrokenPipeError:  # by `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python reports it again at the end
    except UserError as error:
        sys.exit(fail(str(error)))
    except OSError as error:  # a full disk, a read-only folder
        sys.exit(fail(f"{error.strerror or error}: {error.filename or 'no file named'}"))
    except KeyboardInterrupt:
        console.print("Stopped.")
        sys.exit(STOPPED_BY_USER)


def program(command: str) -> str:
    """What a user types to run one of `SCRIPTS`: `python search.py`, or `wildtrack search` where that was started."""
    installed = Path(sys.argv[0]).name.startswith("wildtrack") or not (ROOT / SCRIPTS[command]).is_file()
    return f"wildtrack {command}" if installed else f"python {SCRIPTS[command]}"


def _parse(config: ConfigT, description: str | None) -> ConfigT:
    """The config with the settings of the command line."""
    for word in takewhile(lambda word: word != "--", sys.argv[1:]):
        flag = word.partition("=")[0]
        if flag in RENAMED and hasattr(config, RENAMED[flag].removeprefix("--")):
            raise UserError(f"{flag} is now called {RENAMED[flag]}")
    twin = flags(config)
    text = (description or "").replace("\n\n  ", "\n  ")  # tyro would leave two blank lines before an indented one
    text = re.sub(r"^  wildtrack (\w+)", lambda found: f"  {program(found[1])}", text, flags=re.MULTILINE)
    parse = partial(tyro.cli, type(twin), default=twin, description=text)
    parsed, unknown = parse(return_unknown_args=True)
    if unknown and not unknown[0].startswith("-") and hasattr(config, "data"):  # a path, most likely of the photos
        advice = f"did you mean --data {unknown[0]}? A path with spaces needs quotation marks"
        raise UserError(f"{unknown[0]} stands alone; {advice}")
    return from_flags(config, parse() if unknown else parsed)  # again, for tyro's message


def fail(message: str) -> int:
    """Print a one-line error and return the exit code that goes with it."""
    console.print("Error:", " ".join(message.split()), style="bold red")
    return 2


class _Messages(logging.Handler):
    """Prints each log record as one line above progress bars; Rich's own handler would break paths at 80 columns."""

    def emit(self, record: logging.LogRecord) -> None:
        warning = record.levelno >= logging.WARNING
        text = ("Warning: " if warning else "") + " ".join(record.getMessage().split())
        console.print(text, style="yellow" if warning else None)


def load_tensorflow() -> None:
    """Import TensorFlow without its messages, which are shown only if the import fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for later messages
    stderr = os.dup(2)  # its libraries write to the descriptor before they look at any setting
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import keras
        except Exception:  # not for Ctrl-C
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    keras.config.disable_interactive_logging()  # or it prints downloads to standard output
    logging.getLogger("absl").setLevel(logging.ERROR)  # Keras warns that HDF5 is an old format


def progress_bar(*columns: TextColumn, disable: bool = False) -> Progress:
    """A progress bar that counts items; further columns go to its right."""
    usual = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*usual, *columns, console=console, disable=disable)


def byte_progress() -> Progress:
    """A progress bar that counts bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def track(items: Iterable[ItemT], description: str, total: int) -> Iterator[ItemT]:
    """Yield the items behind a progress bar."""
    with progress_bar() as progress:
        yield from progress.track(items, total=total, description=description)


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun: "1 photo", "2 identities"."""
    return f"{number} {one if number == 1 else many}"


def some(names: Iterable[str], most: int = 3) -> str:
    """The first of some names: "Ana, Bo, Cleo, ..."."""
    listed = list(names)
    return ", ".join(listed if len(listed) <= most else [*listed[:most], "..."])
