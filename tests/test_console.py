import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tyro

from wildtrack import console
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Nothing:
    """Config of a script without settings."""


@dataclass(frozen=True)
class WithData:
    data: Path = Path("demo")


@dataclass(frozen=True)
class WithPhotos:
    photos: tyro.conf.Positional[tuple[str, ...]] = ()
    matcher: str = "auto"
    viewpoint: str = ""


@pytest.fixture(autouse=True)
def no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py"])


@pytest.mark.parametrize(("level", "start"), [("info", ""), ("warning", "Warning: ")])
def test_a_message_is_one_line_as_it_was_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, level: str, start: str
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own, which basicConfig would keep
    message = "see /a very/long path/" * 20 + "[bold] :cat: [/red]"
    console.run(lambda _: getattr(logging.getLogger("wildtrack.part"), level)(message), Nothing(), "")
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{start}{message}\n")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("epochs = 0 [/b]\nis wrong"), 2, "Error: epochs = 0 [/b] is wrong\n"),
        (PermissionError(13, "Permission denied", "results/x"), 2, "Error: Permission denied: results/x\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
        (KeyError("a mistake in the program"), None, ""),
    ],
)
def test_how_a_command_ends(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int | None, said: str
) -> None:
    def main(_: object) -> None:
        raise error

    with pytest.raises(SystemExit if code else KeyError) as ended:
        console.run(main, Nothing(), "")
    assert getattr(ended.value, "code", None) == code and capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("config", "options", "said"),
    [
        (
            WithData,
            ["../my photos"],
            "Error: ../my photos stands alone; did you mean --data ../my photos? "
            "A path with spaces needs quotation marks\n",
        ),
        (WithData, ["--date", "photos"], "--date"),  # tyro's message
        (Nothing, ["photos"], ": photos"),
        (WithPhotos, ["--ranker", "local"], "Error: --ranker is now called --matcher\n"),
        (WithPhotos, ["a.jpg", "--ranker=local"], "Error: --ranker is now called --matcher\n"),
        (WithPhotos, ["--side", "left"], "Error: --side is now called --viewpoint\n"),
        (WithData, ["--side", "left"], "Unrecognized options: --side"),
    ],
)
def test_a_command_line_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    config: type[Any],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *options])
    with pytest.raises(SystemExit) as ended:
        console.run(lambda _: pytest.fail("main was called"), config(), "")
    assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [["--", "--side"], ["photos", "matcher"], ["--viewpoint", "left", "--", "--ranker"]]
)
def test_a_photo_may_be_called_like_a_flag_or_a_setting(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *options])
    found: list[Any] = []
    console.run(found.append, WithPhotos(), "")
    assert found[0].photos == tuple(word for word in options if word not in ("--", "--viewpoint", "left"))


@pytest.mark.parametrize(("error", "shown"), [(ImportError, "no AVX"), (KeyboardInterrupt, "")])
def test_messages_of_tensorflow_are_shown_only_when_it_cannot_be_imported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: type[BaseException],
    shown: str,
) -> None:
    (tmp_path / "keras.py").write_text(f"import os\nos.write(2, b'no AVX')\nraise {error.__name__}('cannot')\n")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(error, match="cannot"):
        console.load_tensorflow()
    os.write(2, b", and back again")
    assert capfd.readouterr().err == f"{shown}, and back again"
