"""The recipes of docs/contributing.md, done as they stand there, in a copy of the house."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.blobs import TINY, draw_animal, draw_animals
from tests.helpers.pages import ROOT, Block, blocks

RECIPES = [block for block in blocks(ROOT / "docs/contributing.md") if block.title]
SEALS = """
from pathlib import Path
from wildtrack.access import sources
table = sources.load("harbour_seals").systematize_dataset_metadata(Path("seals"))
print(*table["orientation"], *table["species"].unique(), sources.load("harbour_seals").card.title, sep=",")
"""
PAGE = """
from types import SimpleNamespace
from fastapi.testclient import TestClient
from wildtrack.web.api import create_app
from wildtrack.web.responses import KnownAnimal
known = [KnownAnimal("Anna <1>", 3, "", None, None), KnownAnimal("Bruno", 1, "", None, None)]
print(TestClient(create_app(SimpleNamespace(identities=lambda: known), "", False)).get("/animals").text)
"""


def follow(block: Block, house: Path) -> None:
    """Do what one block says: a new file, more at the end of a file, or lines taken out and put in."""
    path = house / block.title
    if block.language != "diff":
        with path.open("a", encoding="utf-8") as file:
            file.write(block.text)
        return
    lines = block.text.splitlines()
    before = "\n".join(line[1:] for line in lines if line[0] in " -")
    after = "\n".join(line[1:] for line in lines if line[0] in " +")
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{block.title} has {text.count(before)} places like\n{before}"
    path.write_text(text.replace(before, after), "utf-8")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of package and scripts in which all recipes were followed."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "wildtrack", house / "wildtrack", ignore=shutil.ignore_patterns("__pycache__"))
    for script in ROOT.glob("*.py"):
        shutil.copy(script, house)
    for block in RECIPES:
        follow(block, house)
    return house


def ask(house: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in the copied house."""
    environment = {**os.environ, "WILDTRACK_CACHE": str(house / "cache"), "PYTHONPATH": str(house), "PYTHONUTF8": "1"}
    line = [sys.executable, *command]
    done = subprocess.run(line, cwd=house, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_there_are_four_recipes() -> None:
    named = {"harbour_seals.yaml", "adjust.py", "losses.py", "votes.py", "animals.py"}
    assert {block.title.split("/")[-1] for block in RECIPES} >= named


def test_the_recipe_of_a_dataset(house: Path) -> None:
    for name in ("Anna/IMG_01_L.jpg", "Anna/IMG_02_R.jpg", "Bruno/IMG_03_L.jpg"):
        (house / "seals" / name).parent.mkdir(parents=True, exist_ok=True)
        draw_animal(0, 0).save(house / "seals" / name)
    done = ask(house, "-c", SEALS)
    assert done.stdout.strip() == "left,right,left,Phoca vitulina,Harbour seals", done.stderr


@pytest.mark.slow
def test_the_recipes_of_a_loss_and_of_a_matcher(house: Path) -> None:
    draw_animals(house / "photos")
    trained = ("train_classifier_reid.py", "--data", "photos", "--epochs", "1", "--batches", "balanced")
    done = ask(house, *trained, "--loss", "contrastive", *TINY)
    assert "loss: contrastive" in (house / "artifacts/model_config.yaml").read_text("utf-8")
    assert "votes" in json.loads((house / "artifacts/matching.json").read_text("utf-8"))["matchers"]
    done = ask(house, "compare_methods.py", "--methods", "wildtrack", "votes")
    assert "votes" in (house / "results/compare/methods.md").read_text("utf-8")
    photo = "photos/Žofie 1/snímek 3.jpg"
    done = ask(house, "search.py", photo, "--matcher", "votes", "--json", "--no-panels", "--topk", "2")
    (answer,) = json.loads(done.stdout)
    assert (answer["matcher"], len(answer["candidates"])) == ("votes", 2)


def test_the_recipe_of_a_page(house: Path) -> None:
    done = ask(house, "-c", PAGE)
    assert "<li>Anna &lt;1&gt;: 3</li><li>Bruno: 1</li>" in done.stdout, done.stderr
