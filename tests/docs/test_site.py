"""The documentation site builds without a warning, needs nothing from elsewhere, and says what the scripts say."""

import ast
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.pages import PAGES, ROOT
from tools import config_page
from wildtrack.console import SCRIPTS

NAV = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
LOADED = re.compile(
    r'<(?:script|img|iframe)[^>]*\bsrc="?([^"\s>]+)|<link(?![^>]*rel="?canonical)[^>]*\bhref="?([^"\s>]+)'
)
needs_builder = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("zensical", "mkdocstrings", "nbconvert")),
    reason="the site's builder is not installed: pip install -r requirements-docs.txt",
)


def build(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Build the site of the pages in `folder` as make docs does."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the site is built from."""
    house = tmp_path_factory.mktemp("house")
    for folder in ("docs", "wildtrack"):
        shutil.copytree(ROOT / folder, house / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", house)
    command = [sys.executable, "-m", "nbconvert", "--to", "markdown", str(house / "docs/notebooks/tour.ipynb")]
    subprocess.run(command, capture_output=True, check=True)  # not run here: make docs does that
    return house


@needs_builder
@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(house: Path) -> None:
    done = build(house)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((house / "site").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text("utf-8")
        loaded = [source or link for source, link in LOADED.findall(text)]
        assert loaded
        assert not [address for address in loaded if re.match("(https?:)?//", address)], page
    reference = (house / "site/api.html").read_text("utf-8")
    assert "wildtrack.access.readers.load.load_catalogue" in reference
    assert "wildtrack.address.evaluation.metrics.retrieval_scores" in reference


@needs_builder
def test_a_link_that_leads_nowhere_ends_the_build(house: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "docs").mkdir(parents=True)
    (broken / "docs/index.md").write_text("# A page\n\n[Nowhere](nowhere.md)\n", "utf-8")
    (broken / "mkdocs.yml").write_text("site_name: A page\n", "utf-8")
    assert build(broken).returncode != 0


def in_nav(entry: Any) -> list[str]:
    """The pages below an entry of the navigation."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [page for each in inner for page in in_nav(each)]


def test_every_page_is_in_the_navigation() -> None:
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if (ROOT / "docs") in page.parents}
    assert set(in_nav(NAV)) == pages | {"notebooks/tour.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_to_files(page: Path) -> None:
    """On GitHub as well, where nobody builds anything."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match("https?:|mailto:|#", link):
            assert (page.parent / link.split("#")[0]).exists(), link


def test_the_page_of_settings_is_up_to_date_and_explains_each() -> None:
    assert (ROOT / config_page.PAGE).read_text("utf-8") == config_page.page(), "run python -m tools.config_page"
    for command in SCRIPTS:
        rows = list(config_page.settings_of(importlib.import_module(f"wildtrack.commands.{command}").Config))
        assert len(rows) > 5 and all(meaning for _, _, meaning in rows)


def test_the_picture_of_the_house_names_every_package_and_where_to_look() -> None:
    said = (ROOT / "docs/contributing.md").read_text("utf-8")
    packages = [path.parent.name for path in (ROOT / "wildtrack").rglob("__init__.py")]
    assert not [name for name in packages if f"{name}/" not in said]
    places = re.findall(r"\| `([\w/.]+)` \|$", said.split("### Where is it?")[1].split("\n#")[0], flags=re.MULTILINE)
    assert len(places) == 25 and not [place for place in places if not (ROOT / place).is_file()]
    assert all(path.stat().st_size <= 300_000 for path in (ROOT / "docs/images").iterdir())


@pytest.mark.parametrize(
    "package", sorted((ROOT / "wildtrack").rglob("__init__.py")), ids=lambda path: path.parent.name
)
def test_a_package_docstring_names_each_module(package: Path) -> None:
    said = ast.get_docstring(ast.parse(package.read_text("utf-8"))) or ""
    named = {name for line in re.findall(r"^- .*", said, flags=re.MULTILINE) for name in re.findall(r"`(\w+)/?`", line)}
    modules = {path.stem for path in package.parent.glob("*.py") if not path.stem.startswith("_")}
    folders = {path.parent.name for path in package.parent.glob("*/__init__.py")}
    datasets = {path.stem for path in package.parent.glob("*.yaml")}  # each has a card
    assert modules | folders <= named | datasets
