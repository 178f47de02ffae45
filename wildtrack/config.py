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

Folder = Annotated[Path, FOLDER]
Share = Annotated[float, Range(0, 1)]
Hours = Annotated[float, Range(0)]
Seed = Annotated[int, Range(0, 2**32 - 1), RARE]
DiskSpace = Annotated[float, Range(0.01), RARE]  # in units of 10^9 bytes
Scaling = Annotated[Literal["auto", "0-255", "0-1", "-1-1"], RARE]
RareFlag = Annotated[bool, RARE]

# one value instead of an option for each item, whose help tyro would look for in the source: 0.03 s of each start
_ONE_VALUE = PrimitiveConstructorSpec[Mapping[str, Any]](
    nargs=0, metavar="", instance_from_str=lambda _: {}, is_instance=lambda _: True, str_from_instance=lambda _: []
)
# the user's own layer classes by name: set in a script or a notebook, not on the command line
CustomObjects = Annotated[Mapping[str, Any], _ONE_VALUE, tyro.conf.Fixed, tyro.conf.SuppressFixed]

_COMMENT = re.compile(r"^    (\w+): .*?  # (.*)$", re.MULTILINE)
_PLACEHOLDERS = {str: "NAME", Path: "PATH", int: "INT", float: "FLOAT"}


def part(kind: type[OptionsT], config: object) -> OptionsT:
    """The settings of a config that a smaller dataclass has too, as that dataclass; its others keep their defaults."""
    names = (field.name for field in fields(kind))  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: getattr(config, name) for name in names if hasattr(config, name)})


def check_settings(config: object, prefix: str = "") -> None:
    """Check the settings of a dataclass, and of those in it, by their annotations: `Literal`, `Range` and `Folder`.

    None passes where the type allows it. The first setting that is not allowed is a UserError with its flag (after
    `prefix`), its value, and what is allowed.
    """
    for name, kind in get_type_hints(type(config), include_extras=True).items():
        value, flag = getattr(config, name), f"--{prefix}{name.replace('_', '-')}"
        if is_dataclass(value):
            check_settings(value, f"{prefix}{name}.")
        elif get_origin(_plain(kind)) is Literal and value not in get_args(_plain(kind)):
            raise UserError(f"{flag} {value!r} is not allowed; it must be one of {', '.join(get_args(_plain(kind)))}")
        elif value is not None or NoneType not in get_args(_plain(kind)):
            for mark in _marks(kind):
                if isinstance(mark, Range):
                    _check_number(value, mark, flag)
                elif mark is FOLDER:
                    _check_folder(value, flag)


def _check_number(value: Any, allowed: Range, flag: str) -> None:
    if not isinstance(value, int | float):
        raise UserError(f"{flag} {value!r} is not allowed; it must be a number")
    if not allowed.low <= value <= allowed.high or math.isinf(value):  # NaN is refused too
        bounds = f"between {allowed.low} and {allowed.high}" if allowed.high < math.inf else f"{allowed.low} or more"
        raise UserError(f"{flag} {value} is not allowed; it must be {bounds}")


def _check_folder(path: Path, flag: str) -> None:
    try:
        there = next(each for each in (path, *path.parents) if each.exists())
    except OSError as error:  # the name is too long
        raise UserError(f"{flag} {path} cannot be a folder: {error.strerror}; name another one") from error
    if not there.is_dir():
        raise UserError(f"{flag} {path} cannot be a folder: {there} is a file; name a folder")


def comments(config: type[Any]) -> dict[str, str]:
    """The comment behind each field of a dataclass, by the field's name."""
    return dict(_COMMENT.findall(inspect.getsource(config)))


def flags(config: object) -> Any:
    """A config's twin for tyro: the rarely needed settings come last, in a group, and placeholders are plain."""
    meaning = comments(type(config))
    often: dict[str, Any] = {}
    rare: dict[str, Any] = {}
    for name, kind in get_type_hints(type(config), include_extras=True).items():
        shown = tyro.conf.arg(
            help=meaning.get(name), metavar=_placeholder(kind, name), help_behavior_hint=_default_in_words
        )
        (rare if RARE in _marks(kind) else often)[name] = Annotated[_plain(kind), shown, *_marks(kind)]
    values = {name: getattr(config, name) for name in often}
    if rare:
        group = make_dataclass("Rare", rare.items())
        often["rare"] = Annotated[group, tyro.conf.arg(name=RARE, help=""), tyro.conf.OmitArgPrefixes]
        values["rare"] = group(**{name: getattr(config, name) for name in rare})
    return make_dataclass("Flags", often.items())(**values)


def from_flags(config: ConfigT, parsed: Any) -> ConfigT:
    """A config with the values of its twin; see `flags`."""
    values = {**vars(parsed)}
    rare = values.pop("rare", None)
    return replace(config, **values, **({} if rare is None else vars(rare)))  # type: ignore[type-var]  # a dataclass


def _default_in_words(default: str) -> str:
    return f"(default: {default})" if default not in ("", "''") else ""


def _placeholder(kind: Any, positional: str) -> str | None:
    """What stands for the value in --help, such as PATH or "NAME ..."; None for an on/off flag and a group."""
    plain = _plain(kind)
    if tyro.conf.Positional in _marks(kind):
        return f"[{positional.upper()}{' ...' * (get_origin(plain) is tuple)}]"
    if get_origin(plain) is Literal:
        return "{" + ",".join(get_args(plain)) + "}"
    if get_origin(plain) is tuple:
        return f"{_placeholder(get_args(plain)[0], positional)} ..."
    if NoneType in get_args(plain):
        return _placeholder(get_args(plain)[0], positional)
    return _PLACEHOLDERS.get(plain)


def _plain(kind: Any) -> Any:
    """A type without its annotations."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _marks(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__metadata__", ())
