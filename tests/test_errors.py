"""Mistakes of a user: one line that names it, exit code 2, no traceback, and the artifacts stay as they were.

The messages that docs/troubleshooting.md quotes are provoked in tests/docs/test_messages.py.
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.asking import ask
from tests.helpers.blobs import contents, draw_animal, draw_animals, error_lines, start_script
from wildtrack.access.demo import DEMO, dataset
from wildtrack.address.artifacts import Artifacts, artifact_files
from wildtrack.address.gallery import build
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.searcher import SearchConfig
from wildtrack.address.models.preprocessor import Preprocessor
from wildtrack.commands import evaluate, search, serve, train
from wildtrack.errors import UserError, in_one_line


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a photo and sealed artifacts, whose models are only names."""

    def write(staging: Path) -> None:
        for name in ("model.keras", "model.h5", "model.onnx", "history.csv"):
            (staging / name).write_text(f"stands for {name}")
        config = {"data": "nowhere", "fingerprint": "0" * 64, "backbone": "MobileNet", "alpha": 0.75, "image_size": 32}
        config |= {"embed_dim": 8, "pooling": "average", "starting_weights": "random", "seed": 0}
        (staging / "model_config.yaml").write_text(json.dumps(config))
        (staging / "split.csv").write_text("image_id,identity,path,split,sha256\n")
        Preprocessor((32, 32), 16, True, ("a", "b"), "0-255").save(staging / "preprocessor.pkl")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    artifact_files(tmp_path / "artifacts").replace(write, {"fingerprint": "f"})
    draw_animal(0, 0).save(tmp_path / "x.jpg")
    return tmp_path


def refused(call: Callable[[], object]) -> str:
    """The message of a call that must fail and leave the artifacts alone."""
    before = contents(Path("artifacts"))
    with pytest.raises(UserError) as caught:
        call()
    assert contents(Path("artifacts")) == before
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("missing", "no such file or folder"),
        ("empty", "no photo in a folder of its identity"),
        ("x.jpg", "not a .csv"),
        ("binary.csv", "not a CSV in UTF-8"),
        ("bad", "none of the 4 photos can be decoded"),
    ],
)
def test_data_that_cannot_be_trained_on(place: Path, data: str, reason: str) -> None:
    (place / "empty").mkdir()
    shutil.copy("x.jpg", "binary.csv")
    for name in ("a/0.jpg", "a/1.jpg", "b/0.jpg", "b/1.jpg"):
        (place / "bad" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "bad" / name).write_text("text")
    message = refused(lambda: train.train(train.Config(data=Path(data))))
    assert reason in message and data in message


def test_an_empty_demo_folder_is_drawn_into(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DEMO.mkdir(parents=True)
    monkeypatch.setattr(dataset, "make_demo", lambda folder, new_folder: draw_animals(folder, animals=1))
    assert "at least two identities" in refused(lambda: train.train(train.Config()))


@pytest.mark.parametrize(
    ("viewpoints", "viewpoint", "message"),
    [
        (["left", "", "right"], "lft", "--viewpoint 'lft' fits no photo: the gallery photos show left, right;"),
        (["", ""], "left", "--viewpoint 'left' fits no photo: the catalogue has no viewpoints;"),
        (["left", "", "right"], "right", None),
        (["", ""], "", None),
    ],
)
def test_a_viewpoint_that_no_known_photo_shows(
    monkeypatch: pytest.MonkeyPatch, viewpoints: list[str], viewpoint: str, message: str | None
) -> None:
    table = pd.DataFrame({"identity": "a", "orientation": viewpoints})
    gallery = Gallery(table, np.ones((len(viewpoints), 1), np.float32))
    monkeypatch.setattr(build, "gallery_of", lambda artifacts, config: (gallery, None))
    artifacts = Artifacts(Path(), Preprocessor((32, 32), 1, True, ("a",), "0-255"))
    with pytest.raises(UserError, match=message) if message else nullcontext():
        build.open_searcher(artifacts, SearchConfig(viewpoint=viewpoint), build.GalleryConfig())


SETTINGS = [("weights", "no such.h5"), ("cutoff", "2024-06-01"), ("triplet_epochs", 40), ("test_share", 1.0)]


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_a_setting_that_does_not_fit_the_others_is_refused_before_the_demo_is_drawn(
    place: Path, name: str, value: Any
) -> None:
    message = refused(lambda: train.train(train.Config(**{name: value})))
    assert str(value) in message and name.replace("_", "-") in message
    assert not (place / "data").exists()


@pytest.mark.parametrize(
    "call",
    [
        lambda: evaluate.evaluate(evaluate.Config(matcher="sift")),
        lambda: search.search(search.Config(("x.jpg",), matcher="sift")),
        lambda: serve.serve(serve.Config(matcher="sift")),
    ],
)
def test_an_unknown_matcher(place: Path, call: Callable[[], object]) -> None:
    assert refused(call) == "--matcher sift is not known; allowed are auto, embedding, local, fused"


def test_an_unknown_backbone_and_weights_of_another(place: Path) -> None:
    data = draw_animals(place / "photos", animals=2, photos=3)
    message = refused(lambda: train.train(train.Config(data=data, backbone="ResNet51", image_size=32)))
    assert "--backbone ResNet51" in message and "ResNet50" in message
    (place / "other.weights.h5").write_text("no weights")
    config = train.Config(data=data, weights="other.weights.h5", image_size=32, alpha=0.25)
    assert "other.weights.h5" in refused(lambda: train.train(config))


@pytest.mark.parametrize("photo", ["none/*.jpg", "empty", "gone.jpg", "C:\\photos\\a.jpg", None])
def test_a_search_for_no_photo(place: Path, photo: str | None) -> None:
    (place / "empty").mkdir()
    message = refused(lambda: search.search(search.Config((photo,) if photo else ())))
    assert (repr(photo) if photo else "PHOTO") in message


@pytest.mark.parametrize(
    ("option", "value"), [("--data", "no such folder"), ("--loss", "triplet"), ("--epochs", "many"), ("--epoch", "3")]
)
def test_a_wrong_option_ends_with_exit_code_2(place: Path, option: str, value: str) -> None:
    done = ask("train_classifier_reid.py", option, value, cwd=place, ends=2)
    assert not done.out
    if option in ("--data", "--epochs"):
        assert [value in line for line in error_lines(done.err)] == [True]
    else:
        assert option in done.err


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_reader_that_stops_early(place: Path) -> None:
    process = start_script("train_classifier_reid.py", "--help", cwd=place)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None and process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short\n  reason", "short reason"),
        ("[ONNXRuntimeError] : 1 : FAIL : " + "path/" * 300 + " Protobuf parsing failed.", "Protobuf parsing failed."),
    ],
)
def test_a_long_reason_keeps_its_end(text: str, shown: str) -> None:
    line = in_one_line(ValueError(text))
    assert line.endswith(shown) and line[:5] == text[:5] and len(line) < 620 and "\n" not in line
