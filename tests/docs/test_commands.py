"""Every command of README.md and docs/: what stands in a fenced block without a language is run.

Page by page, line by line, in one folder in which small photos and models stand for `my_photos`, `new_photo.jpg` and
so on. What stands for the rest of a computer:

- scripts run in this process, which takes TensorFlow's start off each of them;
- training gets a tiny network, and one epoch the first time; after that networks stay as they start, because learning
  takes longest. Pictures of an evaluation are few, most searches draw none;
- a dataset's archive is on a local server;
- the page is started, asked and stopped;
- `pip install -r` is compared with what is installed, `make` only says what it would do (.ci/run does it), and pytest
  and MegaDetector, which is another program, are not started.

The same line on a second page is not run again. A line that no rule knows fails.
"""

import importlib
import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import tyro
from packaging.requirements import Requirement

from tests.helpers.asking import Said, ask
from tests.helpers.blobs import TINY, draw_animal
from tests.helpers.pages import PAGES, ROOT, blocks
from tests.helpers.photographed import NAMES, folder_of_animals, save_photo
from tests.helpers.server import serving
from tests.helpers.sources import served
from tests.helpers.webapp import running
from wildtrack.access import sources
from wildtrack.access.detection.detections import read_detections

COMMANDS = {"": True, "text": False, "json": False, "python": False, "yaml": False, "diff": False, "bibtex": False}
CHEAP = (*TINY, "--epochs", "1")  # for training
SCRIPT = re.compile(r"(?:python|\.venv/bin/python|\.venv\\Scripts\\python) (\w+\.py)(.*)")
Rule = Callable[[re.Match[str], Path], None]


def page_lines() -> list[tuple[str, str]]:
    """(page, command) in the order of the pages, each command once, whatever the system."""
    found: dict[str, tuple[str, str]] = {}
    for page in PAGES:
        for block in blocks(page):
            assert block.language in COMMANDS, f"{page.name}: is a block of {block.language!r} a command or not?"
            if COMMANDS[block.language]:
                for line in filter(None, map(str.strip, block.text.splitlines())):
                    found.setdefault(line.replace(".venv\\Scripts\\python", "python"), (page.name, line))
    return list(found.values())


def detections(*folders: Path) -> str:
    """MegaDetector's JSON: one animal in the middle of each photo."""
    animal = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.8, 0.8]}
    files = sorted(path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*.jpg"))
    images = [{"file": file, "detections": [animal]} for file in files]
    return json.dumps({"detection_categories": {"1": "animal"}, "images": images})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder of a user who has all that the pages speak of."""
    place = tmp_path_factory.mktemp("user")
    (place / "data/demo-turtles").mkdir(parents=True)
    demo = folder_of_animals(place / "data/demo-turtles")
    demo.to_csv(place / "data/demo-turtles/metadata.csv", index=False)
    (place / "data/demo-new-photos").mkdir()
    draw_animal(0, 9).save(place / "data/demo-new-photos/new_1.jpg")
    answers = pd.DataFrame({"photo": ["new_1.jpg"], "identity": ["Anna"], "orientation": ["left"]})
    answers.to_csv(place / "data/demo-new-photos/answers.csv", index=False)
    table = folder_of_animals(place / "my_photos", orientation=["left", "right"] * (2 * len(NAMES)))
    table.assign(path="my_photos/" + table["path"]).to_csv(place / "my_photos.csv", index=False)
    for number, name in enumerate(("new_photo.jpg", "left_flank.jpg")):
        draw_animal(number, 50).save(place / name)
    for traps, first in (("traps", 0), ("new_traps", 5)):
        for number in range(8):
            save_photo(place / traps / f"north/day{number // 4}/IMG_{number:04d}.jpg", number % 2, first + number)
    (place / "detections.json").write_text(detections(place / "traps"), "utf-8")
    (place / "new_detections.json").write_text(detections(place / "new_traps"), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WILDTRACK_CACHE", str(place / "cache"))
        patch.setenv("KERAS_HOME", str(place / "keras"))
        train_once(place)
        yield place


def train_once(place: Path) -> None:
    """The one training that learns; its model is also the one from elsewhere."""
    ask("train_classifier_reid.py", *CHEAP, cwd=place)
    (place / "their_model").mkdir()
    shutil.copy(place / "artifacts/model.keras", place / "their_model")
    names = {"id2label": dict(enumerate(NAMES)), "label2id": {name: row for row, name in enumerate(NAMES)}}
    five = {"image_size": 32, "embed_dim": 16, "use_l2norm": True, **names}
    (place / "their_model/preprocessor.pkl").write_bytes(pickle.dumps(five))
    (place / "other_model").mkdir()
    shutil.copy(place / "artifacts/model.onnx", place / "other_model")
    shutil.copy(place / "artifacts/history.csv", place / "history.csv")


def train(*options: str, cwd: Path) -> Said:
    """A training whose network stays as it starts."""

    def fit(*given: Any) -> pd.DataFrame:
        given[4].mkdir(parents=True, exist_ok=True)  # where the real one keeps its checkpoints
        return pd.read_csv(cwd / "history.csv")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wildtrack.address.training.trainer.fit", fit)
        return ask("train_classifier_reid.py", *options, *CHEAP, cwd=cwd)


def run_script(found: re.Match[str], place: Path) -> None:
    """A script, with settings that make it cheap; it must end well."""
    script, options = found[1], tuple(shlex.split(found[2]))
    before_script(script, options, place)
    if script == "access_dataset.py" and options and not options[0].startswith("-"):
        download(options[0], place)
        return
    if script == "app.py":
        see_page(options, place)
        return
    more: tuple[str, ...] = ("--examples", "1", "--tsne-max", "0") if script == "evaluate_reid_and_visualize.py" else ()
    if script == "search.py" and options != ("new_photo.jpg",):
        more = ("--no-panels",)
    if "--viewpoint" in options:
        more += ("--artifacts", "with_viewpoints")
    run = train if script == "train_classifier_reid.py" else partial(ask, script)
    said = run(*options, *more, cwd=place)
    if "--json" in options:
        assert json.loads(said.out)[0]["status"] == "ok"


def before_script(script: str, options: tuple[str, ...], place: Path) -> None:
    """What the page tells a user to do by hand before this line, or what must be known for it."""
    if "--viewpoint" in options and not (place / "with_viewpoints").exists():
        train("--data", "my_photos.csv", "--artifacts", "with_viewpoints", cwd=place)
    if options[:2] == ("--data", "animals"):  # "write the names of the animals you know into the column identity"
        catalogue = pd.read_csv(place / "animals/catalogue.csv")
        if set(catalogue["identity"]) == {"unknown"}:
            names = np.array(NAMES)[np.arange(len(catalogue)) % 2]
            catalogue.assign(identity=names).to_csv(place / "animals/catalogue.csv", index=False)
    if "--boxes" in options and "my_photos" in options:  # the detector was run on these photos
        (place / "detections.json").write_text(detections(place / "my_photos"), "utf-8")


def download(name: str, place: Path) -> None:
    """A dataset by its name: its archive is served here."""
    folder = place / f"of {name}"
    folder.mkdir()
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        source = served(name, server, folder)
        patch.setattr(sources, "load", lambda _: source)
        ask("access_dataset.py", name, "--cache", str(folder / "cache"), cwd=place)
    assert list(folder.rglob("catalogue.csv"))


def see_page(options: tuple[str, ...], place: Path) -> None:
    """Start the page as a process of its own, open it, stop it."""
    with running(place, *options, "--port", 0) as page:
        assert page.address.startswith("http://"), page.process.communicate(timeout=60)
        port = httpx.URL(page.address.split("#")[0]).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            assert "WildTrack" in http.get("/").text and http.get("/healthz").status_code == 200


def see_requirements(found: re.Match[str], place: Path) -> None:
    """What a requirements file asks for is written as pip wants it, and is installed here."""
    for written in (ROOT / found[1]).read_text("utf-8").splitlines():
        line = written.split("#")[0].strip()
        if line.startswith("-r"):
            see_requirements(re.match("-r (.+)", line), place)  # type: ignore[arg-type]  # it matches
        elif line:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate():
                assert needed.specifier.contains(version(needed.name), prereleases=True), line


def make_environment(found: re.Match[str], place: Path) -> None:
    """An empty environment of this Python, without pip, which would take seconds."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", found[1]], cwd=place, check=True)


def see_environment(found: re.Match[str], place: Path) -> None:
    """The file that makes an environment active is where it is said to be; of another system's there is none."""
    if ("Scripts" in found[1]) == (os.name == "nt"):
        assert (place / found[1]).is_file()


def see_make(found: re.Match[str], place: Path) -> None:
    """Make knows the target."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    subprocess.run(["make", "-n", *found[1].split()], cwd=ROOT, check=True, capture_output=True)


def see_module(found: re.Match[str], place: Path) -> None:
    """A module of ours has the config that are given; that it runs is tested elsewhere, on tiny input."""
    module = importlib.import_module(found[1])
    if found[2].strip():
        tyro.cli(module.Config, args=shlex.split(found[2]))


def see_detector(found: re.Match[str], place: Path) -> None:
    """MegaDetector is not ours; what it leaves is there, and the example on the page is read."""
    assert (place / found[1]).is_file()
    (example,) = [block for block in blocks(ROOT / "docs/camera_traps.md") if block.language == "json"]
    (place / "example.json").write_text(example.text, "utf-8")
    for image in json.loads(example.text)["images"]:
        save_photo(place / "example" / image["file"], 0, 0)
    read = read_detections(place / "example.json", 0.2)
    assert [read.why_none(photo) for photo in read.output.photos][-1].endswith(
        "could not read it: Failure image access"
    )


RULES: dict[str, Rule] = {
    SCRIPT.pattern: run_script,
    r"make (.+)": see_make,
    r"(?:\.venv\\Scripts\\python -m )?pip install -r (\S+)": see_requirements,
    r"(?:python3|py -3\.12) -m venv (\S+)": make_environment,
    r"(?:source )?(\.venv[/\\]\w+[/\\]activate)": see_environment,
    r"\.venv\\Scripts\\python -m pytest": lambda found, place: None,  # this is what runs here
    r"python -m megadetector\.\S+ MDV5A \S+ (\S+) .*": see_detector,
    r"python -m ((?:benchmarks|tools|wildtrack)\.[\w.]+)(.*)": see_module,
}


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line"), page_lines())
def test_a_command_of_the_documentation(page: str, line: str, place: Path) -> None:
    rules = [(rule, found) for pattern, rule in RULES.items() if (found := re.fullmatch(pattern, line))]
    assert rules, f"no rule says how to run {line!r}"
    rules[0][0](rules[0][1], place)
