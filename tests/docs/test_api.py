"""The examples of docs/api.md and of the public functions, run as they stand, and what `wildtrack` names."""

import contextlib
import doctest
import importlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import wildtrack
from tests.helpers.blobs import draw_animal
from tests.helpers.pages import ROOT, blocks
from tests.helpers.photographed import folder_of_animals
from wildtrack import api
from wildtrack.commands.train import Config
from wildtrack.errors import UserError

EXAMPLES = [block.text for block in blocks(ROOT / "docs/api.md") if block.language == "python"]
PUBLIC = [name for name in wildtrack.__all__ if getattr(wildtrack, name).__module__ == "wildtrack.api"]


@dataclass(frozen=True)
class Cheap(Config):
    """A training at its smallest."""

    alpha: float = 0.25
    image_size: int | None = 32
    weights: str = "none"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with `my_photos` and `new_photo.jpg`, in which trainings are cheap."""
    place = tmp_path_factory.mktemp("notebook")
    folder_of_animals(place / "my_photos")
    draw_animal(0, 50).save(place / "new_photo.jpg")
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(place):
        patch.setenv("WILDTRACK_CACHE", str(place / "cache"))
        patch.setattr("wildtrack.commands.train.Config", Cheap)
        yield place


@pytest.mark.slow
def test_the_examples_of_the_page(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for example in EXAMPLES:
        exec(example, names)
    said = capsys.readouterr().out
    assert "20 photos of 5 identities" in said and "gzgc" in said
    assert (place / "sample.png").is_file() and isinstance(names["metrics"], dict)


@pytest.mark.slow
def test_the_examples_of_the_functions(place: Path) -> None:
    """In the order of the module: later ones use what earlier ones made."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    names: dict[str, object] = {"wildtrack": wildtrack}
    ran = 0
    for name, function in vars(api).items():
        if name in PUBLIC:
            (example,) = finder.find(function, name, globs=names)
            example.globs = names
            ran += runner.run(example, clear_globs=False).attempted
    assert ran > len(PUBLIC) and runner.failures == 0


def test_every_public_function_has_an_example() -> None:
    assert not [name for name in PUBLIC if ">>> " not in (getattr(wildtrack, name).__doc__ or "")]


@pytest.mark.parametrize("name", wildtrack.__all__)
def test_every_public_name_is_there_and_is_explained(name: str) -> None:
    assert getattr(wildtrack, name).__doc__ and name in dir(wildtrack)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'wildtrack' has no attribute 'serach'"):
        importlib.import_module("wildtrack").serach  # noqa: B018


@pytest.mark.parametrize(
    "ask",
    [
        lambda: wildtrack.train("my_photos", epoch=2),
        lambda: wildtrack.evaluate("artifacts", epoch=2),
        lambda: wildtrack.open_gallery("artifacts", epoch=2),
    ],
)
def test_a_setting_that_there_is_not(ask: Callable[[], object], place: Path, saved_artifacts: Path) -> None:
    shutil.copytree(saved_artifacts, place / "artifacts", dirs_exist_ok=True)
    with pytest.raises(UserError, match=r"^there is no setting 'epoch'; allowed are .*artifacts"):
        ask()


def test_data_may_be_a_catalogue_or_where_one_is(place: Path) -> None:
    by_path = wildtrack.assess_catalogue("my_photos")
    by_catalogue = wildtrack.assess_catalogue(wildtrack.load_catalogue("my_photos"))
    pd.testing.assert_frame_equal(by_path.quality, by_catalogue.quality)
    assert not (place / "my_photos/problems.csv").exists()
