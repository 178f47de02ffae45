"""What every script at the root is: a few settings with their comments, one call; and who may import whom."""

import ast
import re
import runpy
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from tests.helpers.blobs import ROOT
from wildtrack.console import SCRIPTS

LOWER = {"access": (), "assess": ("access",), "address": ("access", "assess")}  # package -> what it may import
MODULES = sorted((ROOT / "wildtrack").rglob("*.py"))


@pytest.mark.parametrize("command", SCRIPTS)
def test_a_script_is_a_few_default_settings_with_comments_and_one_call(command: str) -> None:
    module = import_module(f"wildtrack.commands.{command}")
    assert runpy.run_path(str(ROOT / SCRIPTS[command]))["CONFIG"] == module.Config()
    text = (ROOT / SCRIPTS[command]).read_text("utf-8")
    settings = re.findall(r"^    (\w+)=(.*)$", text, re.MULTILINE)
    names = [name for name, _ in settings if name != "custom_objects"]
    assert 5 <= len(names) <= 12 and set(names) <= {field.name for field in fields(module.Config)}
    assert all("  # " in value for name, value in settings if name != "custom_objects")
    body = [type(node) for node in ast.parse(text).body]
    assert ast.FunctionDef not in body and ast.ClassDef not in body
    assert text.endswith(f'if __name__ == "__main__":\n    run({command}.{command}, CONFIG, {command}.__doc__)\n')
    assert (module.__doc__ or "").startswith(ast.get_docstring(ast.parse(text)) or "?")


def parts(path: Path) -> set[str]:
    """The packages of wildtrack that a file imports, at its top or in a function."""
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names += [module + alias.name for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("wildtrack.")}


@pytest.mark.parametrize("package", LOWER)
def test_imports_go_one_way(package: str) -> None:
    above = {"access", "assess", "address", "visualization", "web", "commands"} - {package, *LOWER[package]}
    files = (ROOT / "wildtrack" / package).rglob("*.py")
    found = {path.relative_to(ROOT).as_posix(): parts(path) & above for path in files}
    assert not {name: wrong for name, wrong in found.items() if wrong}


def test_nothing_imports_the_commands() -> None:
    """Nothing but the scripts, tests, benchmarks, tools and, lazily, the public API."""
    allowed = ("wildtrack/__init__.py", "wildtrack/api.py", "wildtrack/commands/")
    names = {path.relative_to(ROOT).as_posix() for path in MODULES if "commands" in parts(path)}
    assert not {name for name in names if not name.startswith(allowed)}
