"""The scripts as a user runs them, in this process: TensorFlow starts slowly, and a page has many commands."""

import contextlib
import io
import logging
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.pages import ROOT


@dataclass(frozen=True)
class Said:
    """How a script ended, and what it said."""

    code: int
    out: str
    err: str


def ask(script: str, *options: object, cwd: Path, ends: int | None = 0) -> Said:
    """Run a script with these options in the folder `cwd`, where its cache is too; it must end with this exit code."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    handlers, level = logging.root.handlers[:], logging.root.level
    logging.root.handlers.clear()  # pytest's; the script sets its own
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(cwd):
        patch.setattr(sys, "argv", [str(ROOT / script), *map(str, options)])
        patch.setenv("WILDTRACK_CACHE", str(cwd / "cache"))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                runpy.run_path(str(ROOT / script), run_name="__main__")
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            finally:
                logging.root.handlers[:] = handlers
                logging.root.setLevel(level)
    assert ends in (code, None), err.getvalue()
    return Said(code, out.getvalue(), err.getvalue())
