"""What the `Config` of every command needs: checks, so that a slip is a sentence and not a traceback an hour later."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, TypeVar

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from wildtrack.errors import UserError

OptionsT = TypeVar("OptionsT")

# one value, and not options of their own, whose help tyro would read the source for: 0.03 s of each start
_ONE_VALUE = PrimitiveConstructorSpec[Mapping[str, Any]](
    nargs=0, metavar="", instance_from_str=lambda _: {}, is_instance=lambda _: True, str_from_instance=lambda _: []
)
# layer classes of the user's own, by name: set in a script or a notebook, not on the command line
CustomObjects = Annotated[Mapping[str, Any], _ONE_VALUE, tyro.conf.Fixed, tyro.conf.SuppressFixed]


def part(kind: type[OptionsT], config: object) -> OptionsT:
    """The options of a config that belong together, as one object.

    Args:
        kind: A dataclass; its fields that `config` has not keep their defaults.
        config: A command's `Config`.

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Shares:
        ...     test: float = 0.2
        >>> @dataclass
        ... class Everything:
        ...     seed: int = 1
        ...     test: float = 0.3
        >>> part(Shares, Everything())
        Shares(test=0.3)
    """
    names = (field.name for field in fields(kind))  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: getattr(config, name) for name in names if hasattr(config, name)})


def check_range(**limits: tuple[float, float, float]) -> None:
    """Check numbers against their bounds.

    Args:
        limits: name = (value, lowest, highest), bounds included; `math.inf` is no bound, and never a value.

    Raises:
        UserError: The first that is outside, or no number.
    """
    for name, (value, low, high) in limits.items():
        if not isinstance(value, int | float):
            raise UserError(f"--{name.replace('_', '-')} {value!r} is not allowed; it must be a number")
        if not low <= value <= high or math.isinf(value):  # NaN is refused too
            allowed = f"between {low} and {high}" if math.isfinite(high) else f"{low} or more"
            raise UserError(f"--{name.replace('_', '-')} {value} is not allowed; it must be {allowed}")
