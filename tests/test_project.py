"""What the files around the code say: requirements that agree, and reasons for what bandit passes over."""

import re
import tomllib
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]


def requirements(name: str) -> list[str]:
    """The packages in a file, without comments and without the files it includes."""
    lines = [line.split("  #")[0].strip() for line in (HOME / name).read_text("utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "-r "))]


def test_the_extra_app_equals_its_requirements_file() -> None:
    extras = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert sorted(extras["app"]) == sorted(requirements("requirements-app.txt"))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-app.txt"])
def test_make_lowest_finds_the_lower_bound_of_each_package(name: str) -> None:
    lines = requirements(name)
    assert len(lines) > 3
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+>=[0-9.]+(,<[0-9.]+)?(; .+)?", line), line


def test_every_nosec_comment_names_its_check_and_the_reason() -> None:
    scripts = list(HOME.glob("*.py"))
    scripts += [path for name in ("wildtrack", "benchmarks", "tools") for path in (HOME / name).rglob("*.py")]
    lines = [line for path in scripts for line in path.read_text("utf-8").splitlines() if re.search(r"#\s*nosec", line)]
    for line in lines:
        assert re.search(r"  # nosec B\d{3}  # \w+ \w+", line), line
