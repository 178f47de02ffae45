"""Start this Python again with another script, in a process of its own."""

import sys
from subprocess import DEVNULL, PIPE, STDOUT, Popen  # nosec B404  # benchmarks time whole scripts
from typing import Any

__all__ = ["DEVNULL", "PIPE", "STDOUT", "next_line", "start_python"]


def start_python(*arguments: object, **streams: Any) -> Popen[str]:
    """This Python in a process of its own, with text as its input and output; `streams` as `Popen` takes them."""
    command = [sys.executable, *map(str, arguments)]
    return Popen(command, text=True, **streams)  # nosec B603  # this very Python, and no shell


def next_line(process: Popen[str]) -> str:
    """The next line of a process whose output is a pipe; empty when it has ended."""
    return "" if process.stdout is None else process.stdout.readline()
