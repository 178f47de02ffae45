"""Every message that docs/troubleshooting.md quotes is really printed: each is provoked here as a user would."""

import contextlib
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tests.helpers.asking import ask
from tests.helpers.blobs import TINY, draw_animal
from tests.helpers.pages import ROOT, blocks
from tests.helpers.strangers import save_stranger
from wildtrack.commands import serve
from wildtrack.errors import UserError

QUOTED = [block.text.strip() for block in blocks(ROOT / "docs/troubleshooting.md") if block.language == "text"]
NOBODY = "http://127.0.0.1:9"  # where nothing listens


def animals(folder: str, photos: int, *names: str) -> None:
    """A folder for each animal, each photo unlike the others."""
    for number, name in enumerate(names):
        Path(folder, name).mkdir(parents=True, exist_ok=True)
        for photo in range(photos):
            draw_animal(number, photo).save(Path(folder, name, f"IMG_{photo:04d}.jpg"), quality=92)


def train(*options: str) -> str:
    """A training at its smallest."""
    return ask("train_classifier_reid.py", *TINY, "--epochs", "1", *options, cwd=Path.cwd(), ends=None).err


def script(name: str, *options: str) -> str:
    """What a script says."""
    return ask(name, *options, cwd=Path.cwd(), ends=None).err


class MyLayer(keras.layers.Layer):  # type: ignore[misc]
    """A layer that only its author has."""

    def call(self, inputs: Any) -> Any:
        return inputs


def too_few() -> str:
    animals("one", 4, "Anna")
    animals("singles", 1, "Anna", "Bruno")
    return train("--data", "one") + train("--data", "singles")


def layouts() -> str:
    animals("my_photos/Anna", 2, "2024-05-31")
    animals("my_photos/Bruno", 2, "2024-05-31")
    Path("loose").mkdir()
    draw_animal(0, 0).save("loose/IMG_0001.jpg")
    said = train("--data", "my_photos") + train("--data", "loose") + script("train_classifier_reid.py", "my_photos")
    Path("my_photos.csv").write_text("name,photo\nAnna,IMG_0001.jpg\n")
    return said + train("--data", "my_photos.csv")


def photos_that_are_not_read() -> str:
    animals("my_photos", 3, "Anna", "Bruno")
    Path("my_photos/Anna/IMG_0007.heic").write_text("not read without a further package")
    Path("my_photos/Anna/IMG_0008.jpg").write_text("text")
    Path("my_photos/Anna/IMG_0009.jpg").touch()
    said = script("assess_dataset.py", "--data", "my_photos")
    listed = Path("results/assess/problems.csv").read_text("utf-8")
    return said + listed


def no_validation_and_a_damaged_folder() -> str:
    animals("my_photos", 2, "Anna", "Bruno", "Clara")
    draw_animal(0, 9).save("new_photo.jpg")
    said = script("search.py", "new_photo.jpg")
    Path("artifacts").mkdir()
    said += script("search.py", "new_photo.jpg") + train("--data", "my_photos")
    said += script("search.py", "new_photo.jpg", "--matcher", "fused")
    said += script("search.py", "new_photo.jpg", "--no-panels")  # builds the index
    animals("others", 2, "Dana")
    said += script("search.py", "new_photo.jpg", "--data", "others")
    Path("my_photos").rename("moved")
    said += script("evaluate_reid_and_visualize.py")
    index = Path("artifacts/index.faiss")
    index.write_bytes(index.read_bytes()[:-9])
    said += script("search.py", "new_photo.jpg")
    model = Path("artifacts/model.onnx")
    model.write_bytes(model.read_bytes()[:-9])
    return said + script("search.py", "new_photo.jpg")


def nothing_to_test() -> str:
    animals("my_photos/train", 3, "Anna", "Bruno")
    animals("my_photos/valid", 2, "Anna")
    animals("my_photos/test", 1, "Clara")
    return train("--data", "my_photos") + script("evaluate_reid_and_visualize.py")


def models_from_elsewhere() -> str:
    animals("my_photos", 3, "Anna", "Bruno")
    flat = (keras.layers.Rescaling(1 / 255), keras.layers.Flatten())
    save_stranger(Path("their_model/model.keras"), ("Anna", "Bruno"), MyLayer(), *flat)
    save_stranger(Path("flat_model/model.keras"), ("Anna", "Bruno"), *flat)
    options = ("--data", "my_photos", "--examples", "1", "--no-baselines", "--artifacts")
    said = script("evaluate_reid_and_visualize.py", *options, "their_model")
    return said + script("evaluate_reid_and_visualize.py", *options, "flat_model")


def no_network() -> str:
    animals("my_photos", 3, "Anna", "Bruno")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("https_proxy", "HTTPS_PROXY"):
            patch.setenv(name, NOBODY)
        patch.setenv("KERAS_HOME", str(Path("keras").absolute()))
        said = train("--data", "my_photos", "--weights", "imagenet")
        return said + script("access_dataset.py", "nyala", "--cache", "cache")


def the_page() -> str:
    with socket.socket() as first:  # which takes the port, unless somebody has it already
        with contextlib.suppress(OSError):
            first.bind(("127.0.0.1", 8000))
            first.listen()
        with pytest.raises(UserError) as taken:
            serve.listening("127.0.0.1", 8000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "fastapi", None)
        with pytest.raises(UserError) as missing:
            serve.check_packages()
    return f"Error: {taken.value}\nError: {missing.value}\n"


SCENES: tuple[Callable[[], str], ...] = (too_few, layouts, photos_that_are_not_read, nothing_to_test, no_network)
SCENES += (no_validation_and_a_damaged_folder, models_from_elsewhere, the_page)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything that the scripts say in all scenes, one a folder."""
    found = []
    for scene in SCENES:
        with pytest.MonkeyPatch.context() as patch:
            folder = tmp_path_factory.mktemp(scene.__name__)
            patch.chdir(folder)
            found.append(scene().replace(f"{folder}/", ""))
    return "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("message", QUOTED)
def test_a_message_that_is_quoted_is_printed(message: str, said: str) -> None:
    """Where the page leaves something out (...), any words may stand."""
    assert re.search(".*".join(map(re.escape, message.split("..."))), said), said
    assert len(QUOTED) > 15
