import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import tyro

from wildtrack import console
from wildtrack.errors import UserError


@dataclass(frozen=True)
class Config:
    """None."""


@pytest.fixture(autouse=True)
def no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py"])


@pytest.mark.parametrize(("level", "start"), [("info", ""), ("warning", "Warning: ")])
def test_a_message_is_one_line_as_it_was_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, level: str, start: str
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own, which basicConfig would leave in charge
    message = "see /a very/long path/" * 20 + "[bold] :cat: [/red]"
    console.run(lambda _: getattr(logging.getLogger("wildtrack.part"), level)(message), Config(), "")
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{start}{message}\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("epochs = 0 [/b]\nis wrong"), "Error: epochs = 0 [/b] is wrong\n"),
        (PermissionError(13, "Permission denied", "results/x"), "Error: Permission denied: results/x\n"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    def main(_: Config) -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        console.run(main, Config(), "")
    assert ended.value.code == 2
    assert capsys.readouterr().err == said


@dataclass(frozen=True)
class WithData:
    """Config of a script that reads photos."""

    data: Path = Path("demo")


@pytest.mark.parametrize(
    ("config", "options", "said"),
    [
        (
            WithData,
            ["../my photos"],
            "Error: ../my photos stands alone; did you mean --data ../my photos? "
            "A path with spaces needs quotation marks\n",
        ),
        (WithData, ["--date", "photos"], "--date"),  # tyro's own message
        (Config, ["photos"], ": photos"),
    ],
)
def test_a_path_without_its_setting(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    config: type[Config | WithData],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *options])
    with pytest.raises(SystemExit) as ended:
        console.run(lambda _: pytest.fail("main was called"), config(), "")
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@dataclass(frozen=True)
class WithPhotos:
    """Config of a script that is given photos."""

    photos: tyro.conf.Positional[tuple[str, ...]] = ()
    matcher: str = "auto"
    viewpoint: str = ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ranker", "local"], "Error: --ranker is now called --matcher\n"),
        (["a.jpg", "--ranker=local"], "Error: --ranker is now called --matcher\n"),
        (["--side", "left"], "Error: --side is now called --viewpoint\n"),
    ],
)
def test_a_flag_of_an_earlier_version_gives_the_new_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *options])
    with pytest.raises(SystemExit) as ended:
        console.run(lambda _: pytest.fail("main was called"), WithPhotos(), "")
    assert ended.value.code == 2
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "options", [["--", "--side"], ["photos", "matcher"], ["--viewpoint", "left", "--", "--ranker"]]
)
def test_a_photo_may_be_called_like_a_flag_or_a_setting(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", *options])
    found: list[WithPhotos] = []
    console.run(found.append, WithPhotos(), "")
    assert found[0].photos == tuple(word for word in options if word not in ("--", "--viewpoint", "left"))


def test_a_flag_that_a_script_never_had_is_unknown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["script.py", "--side", "left"])
    with pytest.raises(SystemExit):
        console.run(lambda _: pytest.fail("main was called"), WithData(), "")
    assert "is now called" not in capsys.readouterr().err


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    def main(_: Config) -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        console.run(main, Config(), "")


def test_what_tensorflow_says_is_shown_when_it_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keras.py").write_text("import os\nos.write(2, b'no AVX')\nraise ImportError('cannot')\n")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match="cannot"):
        console.load_tensorflow()
    os.write(2, b", and back again")
    assert capfd.readouterr().err == "no AVX, and back again"


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 identities"), (1, "1 identity"), (2, "2 identities"), (8729, "8729 identities")]
)
def test_counted(number: int, expected: str) -> None:
    assert console.counted(number, "identity", "identities") == expected
