import math
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import tyro

from wildtrack.config import FOLDER, RARE, Folder, Range, Share, check_settings, flags, from_flags
from wildtrack.console import SCRIPTS
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Part:
    """Settings in a group of their own."""

    dark: Share = 0.2  # brightness below


@dataclass(frozen=True)
class Config:
    """All kinds of settings."""

    photos: tyro.conf.Positional[tuple[str, ...]] = ()  # files
    top_k: Annotated[int, Range(1, 5)] = 2  # how many
    size: Annotated[int | None, Range(32)] = None  # in pixels
    threads: Annotated[int, Range(1), RARE] = 1  # at once
    loss: Literal["arcface", "softmax"] = "arcface"  # by which
    methods: tuple[str, ...] = ("a", "b")  # which
    export: tuple[Literal["csv", "coco"], ...] = ()  # forms
    results: Folder = Path("results")  # where to
    cache: Annotated[Path | None, FOLDER] = None  # where downloads go
    part: Part = field(default_factory=Part)  # thresholds


@pytest.mark.parametrize(
    "settings", [{}, {"top_k": 1}, {"top_k": 2.5}, {"size": None}, {"size": 10**9}, {"results": Path("new/deep")}]
)
def test_an_allowed_setting_passes(settings: dict[str, Any]) -> None:
    check_settings(Config(**settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *[({"top_k": value}, rf"--top-k {value} is not allowed; it must be between 1 and 5") for value in (0, 5.01)],
        *[({"top_k": value}, "between 1 and 5") for value in (-math.inf, math.inf, math.nan)],
        *[
            ({"top_k": value}, "--top-k .* is not allowed; it must be a whole number, between 1 and 5")
            for value in ("five", None, [5])
        ],
        ({"part": Part("dim")}, "--part.dark 'dim' is not allowed; it must be a number, between 0 and 1"),  # type: ignore[arg-type]
        ({"loss": "sofmax"}, "--loss 'sofmax' is not allowed; it must be one of arcface, softmax"),
        ({"size": 31}, "--size 31 is not allowed; it must be 32 or more"),
        ({"size": math.inf}, "32 or more"),
        ({"part": Part(2)}, r"--part\.dark 2 is not allowed; it must be between 0 and 1"),
        ({"results": Path(__file__)}, r"--results .*test_config\.py cannot be a folder: .*test_config\.py is a file"),
        ({"cache": Path(__file__) / "in"}, r"--cache .*in cannot be a folder: .*test_config\.py is a file"),
        ({"cache": Path("a" * 5000)}, "cannot be a folder: File name too long"),
    ],
)
def test_another_is_refused_in_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^{message}" if message.startswith("--") else message) as error:
        check_settings(Config(**settings))
    assert "\n" not in str(error.value)


def parsed(*words: str) -> Config:
    twin = flags(Config())
    return from_flags(Config(), tyro.cli(type(twin), default=twin, args=words))


def test_flags_reach_the_config_and_numbers_that_cannot_be_read_stay_text() -> None:
    assert parsed() == Config()
    words = ["a.jpg", "b.jpg", "--threads", "3", "--size", "None", "--methods", "c", "--part.dark", "0.5"]
    assert parsed(*words) == Config(photos=("a.jpg", "b.jpg"), threads=3, methods=("c",), part=Part(0.5))
    odd = parsed("--top-k", "zero", "--threads=1.5", "--part.dark", "dim")
    assert list(map(repr, (odd.top_k, odd.threads, odd.part.dark))) == ["'zero'", "'1.5'", "'dim'"]


def test_help_is_plain_and_ends_with_the_rarely_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--help")
    said = capsys.readouterr().out
    for words in ("[PHOTOS ...]", "--size INT", "--methods NAME ...", "--export {csv,coco} ...", "--cache PATH"):
        assert words in said
    assert said.index("--part.dark") < said.index(RARE) < said.index("--threads INT")


@pytest.mark.parametrize("command", SCRIPTS)
def test_no_command_shows_how_python_writes_types(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", "--help"])
    twin = flags(import_module(f"wildtrack.commands.{command}").Config())
    with pytest.raises(SystemExit):
        tyro.cli(type(twin), default=twin)
    said = capsys.readouterr().out
    assert not [word for word in ("{None}", "[[", "STR", "--custom-objects") if word in said]


@pytest.mark.parametrize("command", SCRIPTS)
def test_bad_folders_and_numbers_are_refused_at_once_by_every_command(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = import_module(f"wildtrack.commands.{command}")
    refused = 0
    for name, kind in module.Config.__annotations__.items():
        for mark in getattr(kind, "__metadata__", ()):
            cases: list[tuple[Any, str]] = []
            if mark == FOLDER:
                cases = [(Path(__file__), "is a file; name a folder$")]
            elif isinstance(mark, Range):
                cases = [(each, "is not allowed; it must be") for each in (mark.low - 1, math.inf, math.nan, "many")]
            for value, message in cases:
                with pytest.raises(UserError, match=f"^--{name.replace('_', '-')} .*{message}"):
                    getattr(module, command)(module.Config(**{name: value}))
                refused += 1
    assert refused > 2 and not list(tmp_path.iterdir())
