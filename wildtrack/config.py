"""Settings: their bounds, annotated in the `Config` of each command, and their flags on the command line."""

import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, make_dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from wildtrack.errors import UserError

OptionsT = TypeVar("OptionsT")
ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True)
class Range:
    """The smallest and the largest allowed value; infinity is never a value."""

    low: float
    high: float = math.inf


RARE = "rarely needed"  # a setting that --help lists in a group at the end
FOLDER = "folder"  # a path where a folder is, or will be made
NO_FLAG = "no flag"  # a setting for scripts and notebooks

Folder = Annotated[Path, FOLDER]
Share = Annotated[float, Range(0, 1)]
Hours = Annotated[float, Range(0)]
Seed = Annotated[int, Range(0, 2**32 - 1), RARE]
DiskSpace = Annotated[float, Range(0.01), RARE]  # in units of 10^9 bytes
Scaling = Annotated[Literal["auto", "0-255", "0-1", "-1-1"], RARE]
RareFlag = Annotated[bool, RARE]

CustomObjects = Annotated[Mapping[str, Any], NO_FLAG]  # the user's own layer classes by name

_COMMENT = re.compile(r"^    (\w+): .*?  # (.*(?:\n    # .*)*)$", re.MULTILINE)
_PLACEHOLDERS = {str: "NAME", Path: "PATH", int: "INT", float: "FLOAT"}


def part(kind: type[OptionsT], config: object) -> OptionsT:
    """The settings of a config that a smaller dataclass has too, as that dataclass; its others keep their defaults."""
    names = (field.name for field in fields(kind))  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: getattr(config, name) for name in names if hasattr(config, name)})


def check_settings(config: object, prefix: str = "") -> None:
    """Check the settings of a dataclass, and of those in it, by their annotations: `Literal`, `Range` and `Folder`.

    The first one that is not allowed is a UserError with its flag (after `prefix`), its value, and what is allowed.
    """
    for name, kind in get_type_hints(type(config), include_extras=True).items():
        value, flag, plain = getattr(config, name), f"--{prefix}{name.replace('_', '-')}", _plain(kind)
        if is_dataclass(value):
            check_settings(value, f"{prefix}{name}.")
        elif get_origin(plain) is Literal and value not in get_args(plain):
            raise UserError(f"{flag} {value!r} is not allowed; it must be one of {', '.join(get_args(plain))}")
        elif value is None and NoneType in get_args(plain):
            continue
        elif FOLDER in _marks(kind):
            _check_folder(value, flag)
        for mark in _marks(kind):
            if isinstance(mark, Range):
                _check_number(value, mark, flag, "a number" if _number(kind) is float else "a whole number")


def _check_number(value: Any, allowed: Range, flag: str, noun: str) -> None:
    bounds = f"between {allowed.low} and {allowed.high}" if allowed.high < math.inf else f"{allowed.low} or more"
    if not isinstance(value, int | float):
        raise UserError(f"{flag} {value!r} is not allowed; it must be {noun}, {bounds}")
    if not allowed.low <= value <= allowed.high or math.isinf(value):  # NaN is refused too
        raise UserError(f"{flag} {value} is not allowed; it must be {bounds}")


def _check_folder(path: Path, flag: str) -> None:
    try:
        there = next(each for each in (path, *path.parents) if each.exists())
    except OSError as error:  # the name is too long
        raise UserError(f"{flag} {path} cannot be a folder: {error.strerror}; name another one") from error
    if not there.is_dir():
        raise UserError(f"{flag} {path} cannot be a folder: {there} is a file; name a folder")


def comments(config: type[Any]) -> dict[str, str]:
    """The comment behind each field of a dataclass, with the comment lines below it, by the field's name."""
    sources = [inspect.getsource(kind) for kind in reversed(config.__mro__[:-1])]
    return {name: text.replace("\n    #", "") for source in sources for name, text in _COMMENT.findall(source)}


def flags(config: Any) -> Any:
    """A config's twin for tyro: the rarely needed settings come last, in a group; placeholders and defaults are plain.

    A number that cannot be read stays text, for `check_settings` to refuse.
    """
    meaning = comments(type(config))
    often: dict[str, tuple[Any, Any]] = {}
    rare: dict[str, tuple[Any, Any]] = {}
    for name, kind in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        if is_dataclass(value):
            twin = flags(value)
            often[name] = type(twin), twin
        if is_dataclass(value) or NO_FLAG in _marks(kind):
            continue
        metavar = _placeholder(kind, name)
        shown = tyro.conf.arg(help=meaning.get(name), metavar=metavar, help_behavior_hint=_default_in_words)
        read = [_reader(number)] if (number := _number(kind)) else []
        group = rare if RARE in _marks(kind) else often
        group[name] = Annotated[_plain(kind), shown, *read, *_marks(kind)], value
    if rare:
        twin = _instance("Rare", rare)
        often["rare"] = Annotated[type(twin), tyro.conf.arg(name=RARE, help=""), tyro.conf.OmitArgPrefixes], twin
    return _instance("Flags", often)


def _instance(name: str, values: dict[str, tuple[Any, Any]]) -> Any:
    kind = make_dataclass(name, [(each, hint) for each, (hint, _) in values.items()])
    return kind(**{each: value for each, (_, value) in values.items()})


def from_flags(config: ConfigT, parsed: Any) -> ConfigT:
    """A config with the values of its twin; see `flags`."""
    values = vars(parsed) | (vars(parsed.rare) if hasattr(parsed, "rare") else {})
    values.pop("rare", None)
    inner = {name: from_flags(old, values[name]) for name, old in vars(config).items() if is_dataclass(old)}
    return replace(config, **values | inner)  # type: ignore[type-var]  # a dataclass


def _number(kind: Any) -> type[int | float] | None:
    """Which numbers a setting with a `Range` takes; None for other settings."""
    if not any(isinstance(mark, Range) for mark in _marks(kind)):
        return None
    return int if int in (_plain(kind), *get_args(_plain(kind))) else float


def _reader(number: type[int | float]) -> PrimitiveConstructorSpec[Any]:
    def read(words: list[str]) -> Any:
        try:
            return None if words[0] == "None" else number(words[0])
        except ValueError:
            return words[0]

    return PrimitiveConstructorSpec(1, "", read, lambda _: True, lambda value: [str(value)])


def _default_in_words(default: str) -> str:
    return f"(default: {default})" if default not in ("", "''") else ""


def _placeholder(kind: Any, positional: str) -> str | None:
    """What stands for the value in --help, such as PATH or "NAME ..."; None for an on/off flag."""
    plain = _plain(kind)
    if tyro.conf.Positional in _marks(kind):
        return f"[{positional.upper()}{' ...' * (get_origin(plain) is tuple)}]"
    if get_origin(plain) is Literal:
        return "{" + ",".join(get_args(plain)) + "}"
    if get_origin(plain) is tuple:
        return f"{_placeholder(get_args(plain)[0], positional)} ..."
    return _PLACEHOLDERS.get(get_args(plain)[0] if NoneType in get_args(plain) else plain)


def _plain(kind: Any) -> Any:
    """A type without its annotations."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _marks(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__metadata__", ())
