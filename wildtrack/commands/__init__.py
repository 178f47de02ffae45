"""The commands: a module each, with every setting (`Config`) and the recipe, to be read top to bottom.

In: a `Config`. Out: files, and what a person reads on the screen. A script at the root of the project is a command with
the few settings that people turn; `wildtrack NAME` runs the same from an installed package.

- `cli`: `wildtrack NAME`
- `train`, `evaluate`, `search`, `serve`, `access`, `assess`, `compare`: the commands
"""

import sys
from types import TracebackType


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """End a program; Ctrl-C while it still imports is one line, as it is later (see `wildtrack.console.run`)."""
    if issubclass(kind, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        raise SystemExit(130)
    sys.__excepthook__(kind, error, trace)


if sys.excepthook is sys.__excepthook__:
    sys.excepthook = _end
