"""`wildtrack NAME`, in this process; what an installed wheel does is in test_wheel.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.blobs import ROOT, error_lines
from wildtrack import __version__
from wildtrack.commands import cli
from wildtrack.console import SCRIPTS, program

HEAVY = {"cv2", "faiss", "fastapi", "keras", "matplotlib", "numpy", "onnxruntime", "pandas", "scipy", "tensorflow"}


def wildtrack(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Run the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/wildtrack", *words])
    cli.main()


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",)])
def test_help_names_every_command_and_each_has_a_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    wildtrack(monkeypatch, *words)
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if line.startswith("  ")] == list(cli.COMMANDS)
    assert list(cli.COMMANDS) == list(SCRIPTS)
    assert {path.name for path in ROOT.glob("*.py")} == set(SCRIPTS.values())


def test_the_version_and_an_unknown_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wildtrack(monkeypatch, "--version")
    assert capsys.readouterr().out == f"wildtrack {__version__}\n"
    with pytest.raises(SystemExit) as ended:
        wildtrack(monkeypatch, "trian", "--help")
    (line,) = error_lines(capsys.readouterr().err)
    message = f"Error: there is no command 'trian'; allowed are {', '.join(cli.COMMANDS)}"
    assert (ended.value.code, line) == (2, message)


def test_settings_reach_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        wildtrack(monkeypatch, "train", "--data", str(tmp_path / "nowhere"))
    assert "nowhere" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        wildtrack(monkeypatch, "train", "--help")
    said = capsys.readouterr().out
    assert ended.value.code == 0 and "\n\n\n" not in said
    assert "usage: wildtrack train" in said and "wildtrack train --data my_photos" in said


def test_the_command_to_type_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for started in ("/usr/bin/wildtrack", "C:/venv/Scripts/wildtrack.exe", "wildtrack search"):
        monkeypatch.setattr(sys, "argv", [started])
        assert program("train") == "wildtrack train"
    for started in ("search.py", "/usr/bin/jupyter"):
        monkeypatch.setattr(sys, "argv", [started])
        assert program("train") == "python train_classifier_reid.py"
    monkeypatch.setattr("wildtrack.console.ROOT", tmp_path)  # installed, without scripts
    assert program("search") == "wildtrack search"


@pytest.mark.parametrize("start", ["import wildtrack", "from wildtrack.commands.cli import main; main()"])
def test_help_and_import_are_light(start: str) -> None:
    code = f"import sys; sys.argv = ['wildtrack', '--help']; {start}; print(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert not HEAVY & {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("start", ["search.py", "-c from wildtrack.commands.cli import main"])
def test_ctrl_c_while_a_command_is_imported_is_one_line(tmp_path: Path, start: str) -> None:
    (tmp_path / "tyro.py").write_text("raise KeyboardInterrupt")  # the first import that takes time
    done = subprocess.run(
        [sys.executable, *start.split(" ", 1)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")
