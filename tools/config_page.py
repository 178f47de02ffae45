"""Write docs/config.md anew from the commands' `Config`: python -m tools.config_page, in the project's folder."""

import dataclasses
import importlib
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wildtrack.config import NO_FLAG, RARE, comments
from wildtrack.console import SCRIPTS
from wildtrack.storage.files import write_text

PAGE = Path("docs/config.md")
HEAD = """# Every setting

Written from `wildtrack/commands/` by `python -m tools.config_page`; change the commands, not this page.

The settings changed most often are at the top of each script and can be changed there; all can be given on the command
line: `--epochs 60`, or `--epochs=60`. `python search.py --help` shows the same list in the terminal. Where WildTrack is
installed as a package, `wildtrack search` is what `python search.py` is here. A setting that takes several values takes
them one after the other: `--methods wildtrack local`. "None" in the last column means that the setting is not given.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEAD, *map(section, SCRIPTS)])


def section(command: str) -> str:
    """What a command does, and a table of its settings."""
    module = importlib.import_module(f"wildtrack.commands.{command}")
    head = [f"## {SCRIPTS[command]}, wildtrack {command}", "", (inspect.getdoc(module) or "").splitlines()[0], ""]
    rows = [f"| {name} | {default} | {meaning} |" for name, default, meaning in settings_of(module.Config)]
    return "\n".join([*head, "| setting | default | what it means |", "|---|---|---|", *rows, ""])


def settings_of(config: type[Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """(name, default, meaning) of each setting of a dataclass, config of a group under `group.`.

    Args:
        config: its fields have a trailing comment each, which is the meaning.
        prefix: of the names, such as "thresholds.".
    """
    said, plain, hints = comments(config), get_type_hints(config), get_type_hints(config, include_extras=True)
    for field in sorted(dataclasses.fields(config), key=lambda field: RARE in marks(hints[field.name])):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind):
            yield from settings_of(kind, f"{prefix}{field.name}.")  # type: ignore[arg-type]  # a class, not an instance
            continue
        if NO_FLAG in marks(kind):
            continue
        meaning, words = said[field.name], choices(plain[field.name])
        if not all(word in meaning for word in words):
            meaning += f" ({', '.join(f'`{word}`' for word in words)})"
        yield name_of(field.name, prefix, kind, field.default), shown(field.default), meaning


def name_of(name: str, prefix: str, kind: Any, default: object) -> str:
    """What is typed: the setting with its dashes, or the place of what needs none."""
    if "Positional" in marks(kind):
        return f"`{name.upper()}`"
    typed = f"{prefix}{name}".replace("_", "-")
    return f"`--{typed}`" + (f", `--no-{typed}`" if default is True else "")


def marks(kind: Any) -> tuple[str, ...]:
    """What tyro is told of a setting, such as "Positional"."""
    return tuple(map(str, getattr(kind, "__metadata__", ())))


def choices(kind: Any) -> tuple[str, ...]:
    """The words that are allowed, where only some are."""
    if get_origin(kind) is Literal:
        return tuple(map(str, get_args(kind)))
    if get_origin(kind) in (Union, types.UnionType, tuple):
        return tuple(dict.fromkeys(word for inner in get_args(kind) for word in choices(inner)))
    return ()


def shown(default: object) -> str:
    """A default as the table shows it."""
    if default is None or default == () or default == "":
        return "none"
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return " ".join(f"`{value}`" for value in default)
    return f"`{default.as_posix() if isinstance(default, Path) else default}`"


if __name__ == "__main__":
    write_text(PAGE, page())
