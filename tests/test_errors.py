"""What a user gets wrong: one line that names it, exit code 2, no traceback, and the artifacts stay as they were."""

import json
import os
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.blobs import TINY, contents, draw_animal, draw_animals, error_lines, run_script, start_script
from wildtrack.access.demo import DEMO, dataset
from wildtrack.address.artifacts import Artifacts, artifact_files
from wildtrack.address.gallery import build
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.searcher import SearchConfig
from wildtrack.address.models.preprocessor import Preprocessor
from wildtrack.commands import evaluate, search, serve, train
from wildtrack.errors import UserError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with sealed artifacts: their files hold nothing, which opening them never gets to see."""

    def write(staging: Path) -> None:
        for name in ("model.keras", "model.h5", "model.onnx", "split.csv", "history.csv"):
            (staging / name).write_text(f"stands for {name}")
        config = {"data": "nowhere", "fingerprint": "0" * 64, "backbone": "MobileNet", "alpha": 0.75, "image_size": 32}
        config |= {"embed_dim": 8, "pooling": "average", "starting_weights": "random", "seed": 0}
        (staging / "model_config.yaml").write_text(json.dumps(config))
        (staging / "split.csv").write_text("image_id,identity,path,split,sha256\n")
        Preprocessor((32, 32), 16, True, ("a", "b"), "0-255").save(staging / "preprocessor.pkl")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    artifact_files(tmp_path / "artifacts").replace(write, {"fingerprint": "f"})
    return tmp_path


def refused(call: Callable[[], object], place: Path) -> str:
    """The message of a call that must fail and leave the artifacts alone."""
    before = contents(place / "artifacts")
    with pytest.raises(UserError) as caught:
        call()
    assert contents(place / "artifacts") == before
    message = str(caught.value)
    assert "\n" not in message
    return message


def missing(place: Path) -> str:
    return "no such"


def empty_folder(place: Path) -> str:
    (place / "empty").mkdir()
    return "empty"


def one_identity(place: Path) -> str:
    draw_animals(place / "one", animals=1)
    return "one"


def single_photos(place: Path) -> str:
    draw_animals(place / "singles", photos=1)
    return "singles"


def loose_photos(place: Path) -> str:
    (place / "loose").mkdir()
    draw_animal(0, 0).save(place / "loose" / "a.jpg")
    return "loose"


def single_photo(place: Path) -> str:
    draw_animal(0, 0).save(place / "single.jpg")
    return "single.jpg"


def not_a_csv(place: Path) -> str:
    draw_animal(0, 0).save(place / "photo.jpg")
    (place / "photo.jpg").rename(place / "table.csv")
    return "table.csv"


def csv_without_columns(place: Path) -> str:
    (place / "columns.csv").write_text("name,photo\na,b\n")
    return "columns.csv"


def bad_photos(place: Path) -> str:
    for name in ("a", "b"):
        (place / "bad" / name).mkdir(parents=True)
        for number in range(2):
            (place / "bad" / name / f"{number}.jpg").write_text("text")
    return "bad"


DATA = [
    (missing, "no such file or folder"),
    (empty_folder, "no photo in a folder of its identity"),
    (one_identity, "at least two identities"),
    (single_photos, "two photos"),
    (loose_photos, "not in an identity folder"),
    (single_photo, "not a .csv"),
    (not_a_csv, "not a CSV in UTF-8"),
    (csv_without_columns, "no column image_id, identity, path"),
    (bad_photos, "none of the 4 photos can be decoded"),
]


@pytest.mark.parametrize(("make", "reason"), DATA, ids=lambda value: getattr(value, "__name__", ""))
def test_data_that_cannot_be_trained_on(place: Path, make: Callable[[Path], str], reason: str) -> None:
    data = make(place)
    message = refused(lambda: train.train(train.Config(data=Path(data))), place)
    assert reason in message
    assert data in message or make in (one_identity, single_photos)  # these two count what was read


def test_an_empty_demo_folder_is_drawn_into(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DEMO.mkdir(parents=True)
    monkeypatch.setattr(dataset, "make_demo", lambda folder, new_folder: draw_animals(folder, animals=1))
    assert "at least two identities" in refused(lambda: train.train(train.Config()), place)


TRAIN_SETTINGS: list[dict[str, Any]] = [
    {"alpha": 0.0},
    {"batch_size": 1},
    {"cache_gb": 0.0},
    {"embed_dim": 1},
    {"encounter_hours": -1.0},
    {"encounter_hours": float("inf")},
    {"epochs": 0},
    {"image_size": 8},
    {"learning_rate": 0.0},
    {"learning_rate": float("nan")},
    {"seed": -1},
    {"test_share": 1.0},
    {"valid_share": -0.1},
    {"unseen_share": 0.6},
    {"weights": "no such.h5"},
    {"sub_centres": 0},
    {"held_out_share": 5.0},
    {"cutoff": "2024-06-01"},
    {"photos_per_identity": 1},
    {"triplet_epochs": -1},
    {"triplet_epochs": 40},
]


@pytest.mark.parametrize("setting", TRAIN_SETTINGS, ids=str)
def test_training_setting_out_of_range(place: Path, setting: dict[str, Any]) -> None:
    message = refused(lambda: train.train(train.Config(**setting)), place)
    ((name, value),) = setting.items()
    assert str(value) in message
    assert name.replace("_", "-") in message
    assert not (place / "data").exists()  # said before anything is drawn


@pytest.mark.parametrize(
    "setting",
    [
        {"topk": 0},
        {"examples": -1},
        {"tsne_max": -1},
        {"seed": -1},
        {"cache_gb": 0.0},
        {"false_match_rate": 1.5},
        {"false_match_rate": float("nan")},
    ],
    ids=str,
)
def test_evaluation_setting_out_of_range(place: Path, setting: dict[str, Any]) -> None:
    assert str(*setting.values()) in refused(lambda: evaluate.evaluate(evaluate.Config(**setting)), place)


def test_search_setting_out_of_range(place: Path) -> None:
    assert "--topk 0" in refused(lambda: search.search(search.Config(topk=0)), place)
    config = search.Config(false_match_rate=-0.1)
    assert "--false-match-rate -0.1" in refused(lambda: search.search(config), place)


@pytest.mark.parametrize("matcher", ["local", "fused"])
def test_a_matcher_that_this_model_knows_nothing_of(place: Path, matcher: str) -> None:
    draw_animal(0, 0).save(place / "x.jpg")
    for ask in (
        lambda: evaluate.evaluate(evaluate.Config(matcher=matcher)),
        lambda: search.search(search.Config(("x.jpg",), matcher=matcher)),
    ):
        message = refused(ask, place)
        assert f"--matcher {matcher} needs to know what its scores mean" in message
        assert "train again with photos to validate" in message


@pytest.mark.parametrize(
    ("viewpoints", "viewpoint", "message"),
    [
        (["left", "", "right"], "lft", "--viewpoint 'lft' fits no photo: the gallery photos show left, right;"),
        (["", ""], "left", "--viewpoint 'left' fits no photo: the catalogue knows no viewpoints;"),
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


@pytest.mark.parametrize(
    "ask",
    [
        lambda: evaluate.evaluate(evaluate.Config(matcher="sift")),
        lambda: search.search(search.Config(("x.jpg",), matcher="sift")),
        lambda: serve.serve(serve.Config(matcher="sift")),
    ],
)
def test_a_matcher_that_there_is_not(place: Path, ask: Callable[[], object]) -> None:
    draw_animal(0, 0).save(place / "x.jpg")
    assert refused(ask, place) == "--matcher sift is not known; allowed are auto, embedding, local, fused"


def test_unknown_backbone_names_the_known_ones(place: Path) -> None:
    data = draw_animals(place / "photos", animals=2, photos=3)
    message = refused(lambda: train.train(train.Config(data=data, backbone="ResNet51", image_size=32)), place)
    assert "'ResNet51'" in message
    assert "ResNet50" in message


def test_weights_of_another_backbone(place: Path) -> None:
    data = draw_animals(place / "photos", animals=2, photos=3)
    (place / "other.weights.h5").write_text("no weights")
    config = train.Config(data=data, weights="other.weights.h5", image_size=32, alpha=0.25)
    assert "other.weights.h5" in refused(lambda: train.train(config), place)


@pytest.mark.parametrize(
    "ask", [lambda: evaluate.evaluate(evaluate.Config()), lambda: search.search(search.Config(("x.jpg",)))]
)
@pytest.mark.parametrize("name", ["model.onnx", "preprocessor.pkl", "model.keras", "split.csv", "manifest.json"])
def test_altered_artifact(place: Path, ask: Callable[[], object], name: str) -> None:
    draw_animal(0, 0).save(place / "x.jpg")
    content = bytearray((place / "artifacts" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (place / "artifacts" / name).write_bytes(content)
    assert name in refused(ask, place)


@pytest.mark.parametrize(
    "ask", [lambda: evaluate.evaluate(evaluate.Config()), lambda: search.search(search.Config(("x.jpg",)))]
)
@pytest.mark.parametrize("name", ["preprocessor.pkl", "model_config.yaml", "split.csv"])
def test_missing_artifact(place: Path, ask: Callable[[], object], name: str) -> None:
    draw_animal(0, 0).save(place / "x.jpg")
    (place / "artifacts" / name).unlink()
    assert name in refused(ask, place)


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_nothing_trained_yet(place: Path, folder: str) -> None:
    (place / "empty").mkdir()
    message = refused(lambda: evaluate.evaluate(evaluate.Config(artifacts=Path(folder))), place)
    assert folder in message
    assert "train_classifier_reid.py" in message


class Attack:
    """Unpickled, it would make a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f'echo x > "{self.canary}"',)


@pytest.mark.parametrize(
    "ask", [lambda: evaluate.evaluate(evaluate.Config()), lambda: search.search(search.Config(("x.jpg",)))]
)
def test_preprocessor_that_runs_something(place: Path, ask: Callable[[], object]) -> None:
    draw_animal(0, 0).save(place / "x.jpg")
    attack = pickle.dumps({"image_size": (32, 32), "embed_dim": Attack(place / "canary")})
    (place / "artifacts" / "preprocessor.pkl").write_bytes(attack)
    (place / "artifacts" / "manifest.json").unlink()  # as from a stranger: no hash betrays it
    message = refused(ask, place)
    assert "preprocessor.pkl" in message
    assert "system" in message
    assert not (place / "canary").exists()
    pickle.loads(attack)
    assert (place / "canary").exists()  # the attack itself is a real one


@pytest.mark.parametrize("asked", ["none/*.jpg", "empty", "gone.jpg", "C:\\photos\\a.jpg", ""])
def test_search_that_leads_to_no_photo(place: Path, asked: str) -> None:
    (place / "empty").mkdir()
    assert repr(asked) in refused(lambda: search.search(search.Config((asked,))), place)


def test_search_without_photos(place: Path) -> None:
    assert "PHOTO" in refused(lambda: search.search(search.Config()), place)


def test_exit_code_and_one_line_on_the_terminal(place: Path) -> None:
    before = contents(place / "artifacts")
    done = run_script("train_classifier_reid.py", "--data", "no such folder", cwd=place)
    assert done.returncode == 2
    assert done.stderr.splitlines() == error_lines(done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert "no such folder" in done.stderr
    assert contents(place / "artifacts") == before


@pytest.mark.parametrize("options", [("--loss", "triplet"), ("--epochs", "many"), ("--epoch", "3")])
def test_option_that_does_not_exist(place: Path, options: tuple[str, str]) -> None:
    done = run_script("train_classifier_reid.py", *options, cwd=place)
    assert done.returncode == 2
    assert options[0] in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_folder_that_cannot_be_written(place: Path) -> None:
    draw_animals(place / "photos", animals=2, photos=2)
    (place / "file").touch()
    done = run_script("train_classifier_reid.py", "--data", "photos", "--artifacts", "file/x", *TINY, cwd=place)
    assert done.returncode == 2
    (message,) = error_lines(done.stderr)
    assert "file" in message


def test_imagenet_weights_without_a_network(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_animals(place / "photos", animals=2, photos=3)
    monkeypatch.setenv("KERAS_HOME", str(place / "keras"))  # no weights from earlier
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # and nobody listens there
    before = contents(place / "artifacts")
    options = ("--data", "photos", *TINY[:-1], "imagenet")
    done = run_script("train_classifier_reid.py", *options, cwd=place)
    assert done.returncode == 2
    (message,) = error_lines(done.stderr)
    assert "ImageNet" in message
    assert "--weights none" in message
    assert done.stdout == ""
    assert contents(place / "artifacts") == before


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_reader_that_has_seen_enough(place: Path) -> None:
    process = start_script("train_classifier_reid.py", "--help", cwd=place)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0
