"""A wheel built from the tree, installed into an empty environment and used as a user does, in an empty folder.

The environment sees the packages installed here by a .pth file; wildtrack itself must come from the wheel.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.helpers.blobs import ROOT, TINY, draw_animals, error_lines
from wildtrack import __version__
from wildtrack.commands.cli import COMMANDS

BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "requirements.txt")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what the build reads."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "wildtrack", folder / "tree/wildtrack", ignore=shutil.ignore_patterns("__pycache__"))
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, folder / "tree")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, folder / "tree")
    (built,) = folder.glob("wildtrack-*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel in it."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    pip("--python", programs / "python", "install", "--no-index", wheel)
    paths = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(paths["purelib"]) / "installed_here.pth").write_text("\n".join(here), "utf-8")
    return programs


def pip(*options: object) -> None:
    """Run this environment's pip, which must not need a network."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, options), "--no-deps"]
    subprocess.run(command, check=True)


def start(program: Path, *options: str, cwd: Path) -> "subprocess.Popen[str]":
    """Start a program of the environment in a folder, without what would lead it to this tree."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"WILDTRACK_CACHE": str(cwd / "cache"), "PYTHONUTF8": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen([program, *options], cwd=cwd, env=environment, stdout=pipe, stderr=pipe, encoding="utf-8")


def run(program: Path, *options: str, cwd: Path, code: int = 0) -> tuple[str, str]:
    """Run a program to its end; its standard output and error."""
    process = start(program, *options, cwd=cwd)
    out, err = process.communicate(timeout=280)
    assert process.returncode == code, err
    return out, err


def test_the_wheel_has_the_package_and_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "wildtrack").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert names == {path.relative_to(ROOT).as_posix() for path in files}


@pytest.mark.slow
def test_an_installed_package_trains_searches_and_serves(programs: Path, tmp_path: Path) -> None:
    wildtrack, python = programs / "wildtrack", programs / "python"
    found, _ = run(python, "-c", "import wildtrack; print(wildtrack.__file__)", cwd=tmp_path)
    assert Path(found.strip()).is_relative_to(programs.parent)
    assert run(wildtrack, "--version", cwd=tmp_path) == (f"wildtrack {__version__}\n", "")
    usage, _ = run(wildtrack, "--help", cwd=tmp_path)
    assert all(f"  {name} " in usage for name in COMMANDS)
    _, said = run(wildtrack, "search", "a.jpg", cwd=tmp_path, code=2)
    assert "a.jpg" in error_lines(said)[0]
    draw_animals(tmp_path / "photos")
    _, said = run(wildtrack, "train", "--data", "photos", "--epochs", "1", *TINY, cwd=tmp_path)
    assert "How good is it? wildtrack evaluate" in said
    photo = "photos/Žofie 1/snímek 3.jpg"
    answers, _ = run(wildtrack, "search", photo, "--json", "--no-panels", cwd=tmp_path)
    assert json.loads(answers)[0]["already_known_as"] == "Žofie 1"
    listed, said = run(wildtrack, "access", cwd=tmp_path)
    assert "gzgc" in listed and "wildtrack access NAME" in said
    process = start(wildtrack, "serve", "--port", "0", cwd=tmp_path)
    assert process.stdout is not None
    try:
        with httpx.Client(base_url=process.stdout.readline().strip(), timeout=60) as http:
            assert "WildTrack" in http.get("/").text and http.get("/healthz").json()["photos"] == 24
    finally:
        process.terminate()
        process.communicate(timeout=60)
