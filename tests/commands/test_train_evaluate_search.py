"""Train, evaluate and search from the command line, as a user does; TensorFlow starts slowly, so few starts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks import start
from tests.helpers.asking import ask
from tests.helpers.blobs import (
    BAD,
    ODD,
    ROOT,
    TINY,
    contents,
    draw_animal,
    draw_animals,
    error_lines,
    run_script,
    start_script,
)
from tests.helpers.strangers import save_stranger
from wildtrack.address.evaluation.scoring import REAL, SIMULATED
from wildtrack.address.gallery.answers import Answer, Candidate

TRAINED = {"manifest.json", "model.h5", "model.keras", "model.onnx", "model_config.yaml", "preprocessor.pkl"}
TRAINED |= {"history.csv", "matching.json", "split.csv", "problems.csv"}
INDEX = {"index.faiss", "meta.csv", "embeddings.npy", "index_manifest.json"}
KEYPOINTS = {f"keypoint_{name}.npy" for name in ("photos", "places", "descriptors", "centres", "members")}
CHATTER = ("absl", "oneDNN", "HDF5", "Downloading", "FutureWarning", "4Warning", "DeprecationWarning", "Traceback")


@pytest.fixture(scope="module")
def home(field: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shared field; searches and evaluations of this module write into it."""
    return Path(shutil.copytree(field, tmp_path_factory.mktemp("home") / field.name))


@pytest.fixture(scope="module")
def evaluated(home: Path) -> Path:
    done = run_script("evaluate_reid_and_visualize.py", "--examples", 2, cwd=home)
    assert not [word for word in CHATTER if word in done.stderr + done.stdout], done.stderr
    return home


@pytest.fixture
def workplace(home: Path, tmp_path: Path) -> Path:
    """A copy of the trained model and its index, to be spoilt."""
    if not (home / "artifacts" / "index.faiss").exists():
        assert run_script("search.py", "photos/Žofie 1", "--no-panels", cwd=home).returncode == 0
    shutil.copytree(home / "artifacts", tmp_path / "artifacts")
    return tmp_path


def is_picture(path: Path) -> bool:
    with Image.open(path) as image:
        image.load()
        return image.format == "PNG" and min(image.size) > 200


def test_training_writes_its_artifacts_and_messages(field: Path) -> None:
    assert {path.name for path in (field / "artifacts").iterdir()} == TRAINED
    assert is_picture(field / "results" / "training_curves.png")
    split = pd.read_csv(field / "artifacts" / "split.csv")
    assert set(split["split"]) == {"train", "valid", "test"} and len(split) == 4 * 6 + len(ODD)
    assert (split["sha256"].str.len() == 64).all()
    problems = pd.read_csv(field / "artifacts" / "problems.csv")
    assert set(problems["path"]) == {f"Žofie 0/{name}" for name in BAD} and problems["reason"].notna().all()
    said = (field / "train.err").read_text("utf-8")
    assert not [word for word in CHATTER if word in said], said
    few = "with their own animal taken out"  # four are too few to keep one from training
    assert all(words in said for words in (f"{len(BAD)}, all listed in", "Saved artifacts", "Best matcher: ", few))
    assert (field / "train.out").read_text("utf-8") == ""


def test_evaluation_leaves_figures_and_pictures(evaluated: Path) -> None:
    results = evaluated / "results"
    metrics = json.loads((results / "metrics.json").read_text("utf-8"))
    assert list(metrics)[:7] == ["R@1", "R@5", "R@10", "mAP", "num_queries", "num_gallery", "num_ids"]
    assert {"confidence_intervals", "leakage", "methods", "classifier", "identity_ranking", "protocol"} <= set(metrics)
    matcher = metrics["matcher"]["name"]
    assert matcher == json.loads((evaluated / "artifacts" / "matching.json").read_text("utf-8"))["best"]
    assert set(metrics["methods"]) == {"trained", "raw_pixels", "untrained"} | {matcher} - {"embedding"}
    assert metrics["num_ids"] == metrics["num_queries"] == 4
    assert (metrics["open_set"]["num_known"], metrics["open_set"]["num_new"]) == (4, 4)  # each asked both ways
    assert 0 <= metrics["open_set"]["AUROC"] <= 1
    assert 1 <= metrics["review_effort"]["candidates_for_95_percent"] <= 4
    assert metrics["by_viewpoint"] == {} and metrics["protocol"]["photos_the_split_does_not_name"] == 0
    assert metrics["protocol"]["method"].startswith("the split saved with the model")
    assert 0 <= metrics["R@1"] <= metrics["R@5"] <= metrics["R@10"] <= 1
    numbered = [f"{kind}_{number}.png" for kind in ("retrieval_example", "gradcam") for number in (1, 2)]
    others = {"training_curves.png", "tsne.png", "reliability.png", "roc.png"}
    assert {path.name for path in results.glob("*.png")} == {*others, *numbered}
    assert all(is_picture(path) for path in results.glob("*.png"))


@pytest.mark.slow
def test_evaluation_of_a_moved_folder_repeats_exactly(evaluated: Path) -> None:
    shutil.copytree(evaluated / "photos", evaluated / "moved", copy_function=shutil.copy)  # with the time of now
    options = ("--data", "moved", "--results", "again", "--examples", 0, "--tsne-max", 0)
    run_script("evaluate_reid_and_visualize.py", *options, cwd=evaluated)
    assert (evaluated / "again/metrics.json").read_bytes() == (evaluated / "results/metrics.json").read_bytes()
    assert {path.name for path in (evaluated / "again").glob("*.png")} == {"reliability.png", "roc.png"}


SEARCH_AND_LIST_MODULES = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


def test_search_builds_the_index_and_answers_without_tensorflow(home: Path) -> None:
    (home / "new").mkdir()
    draw_animal(2, 50).save(home / "new" / "nový 1.png")
    (home / "new" / "bad.jpg").write_text("no photo")
    (home / "results").mkdir(exist_ok=True)
    for name in ("search_7_an earlier search.png", "search_party.png"):
        draw_animal(0, 0).save(home / "results" / name)
    command = [sys.executable, "-c", SEARCH_AND_LIST_MODULES, str(ROOT / "search.py"), "new", "--json", "--rebuild"]
    environment = {**os.environ, "WILDTRACK_CACHE": str(home / "cache"), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert {path.name for path in (home / "artifacts").iterdir()} >= INDEX
    modules = done.stderr.splitlines()[-1].split()
    assert "onnxruntime" in modules and not {"tensorflow", "keras"} & set(modules)
    assert not [word for word in CHATTER if word in done.stderr]
    bad, good = json.loads(done.stdout)  # nothing but JSON on standard output
    assert set(bad) == set(good) == {field.name for field in fields(Answer)}
    assert (bad["status"], bad["candidates"], bool(bad["reason"])) == ("unreadable", [], True)
    assert (good["status"], good["photo"], good["false_match_rate"]) == ("ok", "new/nový 1.png", 0.01)
    assert good["decision"] in ("match", "review", "new")
    for rank, candidate in enumerate(good["candidates"], start=1):
        assert set(candidate) == {field.name for field in fields(Candidate)} - {"points"}
        assert candidate["rank"] == rank and 0 <= candidate["probability"] <= 1 and candidate["shared_points"] >= 0
    assert len({candidate["identity"] for candidate in good["candidates"]}) == len(good["candidates"]) == 4
    assert is_picture(home / good["panel"])
    pictures = {path.name for path in (home / "results").glob("search_*.png")}
    assert pictures == {Path(good["panel"]).name, "search_party.png"}  # the earlier search's is gone, the user's stays
    assert "bad.jpg" in (home / "results" / "search_problems.csv").read_text("utf-8")


def test_search_leaves_a_known_photo_out_of_its_own_answer(home: Path) -> None:
    (answer,) = json.loads(ask("search.py", "photos/Žofie 1/*3.jpg", "--no-panels", "--json", cwd=home).out)
    assert (answer["already_known_as"], answer["panel"]) == ("Žofie 1", None)
    assert "Žofie 1/snímek 3.jpg" not in [candidate["path"] for candidate in answer["candidates"]]
    spoken = ask("search.py", "photos/Žofie 1/snímek 3.jpg", "--topk", 1, "--no-panels", cwd=home).out
    assert "in the gallery as Žofie 1; left out" in spoken and "  1. Žofie" in spoken


def test_search_by_another_matcher(home: Path, workplace: Path) -> None:
    def answer(*options: object) -> dict[str, Any]:
        photo, data = home / "photos" / "Žofie 1" / "snímek 3.jpg", home / "photos"
        done = ask("search.py", photo, "--data", data, "--no-panels", "--json", *options, cwd=workplace)
        (found,) = json.loads(done.out)
        return dict(found)

    local = answer("--matcher", "local", "--rebuild", "--points")
    assert local["matcher"] == "local"
    for candidate in local["candidates"]:
        assert np.array(candidate["points"]).reshape(-1, 4).shape == (candidate["shared_points"], 4)
    assert {path.name for path in (workplace / "artifacts").iterdir()} >= KEYPOINTS | INDEX
    embedding = answer("--matcher", "embedding", "--false-match-rate", 1, "--rebuild")
    assert (embedding["matcher"], embedding["false_match_rate"]) == ("embedding", 1)
    assert embedding["candidates"][0]["shared_points"] is None
    assert not {path.name for path in (workplace / "artifacts").iterdir()} & KEYPOINTS


def test_search_of_unreadable_photos_and_in_an_altered_gallery_is_an_error(workplace: Path) -> None:
    (workplace / "text.jpg").write_text("not a photo")
    before = contents(workplace / "artifacts")
    done = ask("search.py", "text.jpg", "--json", cwd=workplace, ends=2)
    (message,) = error_lines(done.err)
    assert "text.jpg" in message
    assert [answer["status"] for answer in json.loads(done.out)] == ["unreadable"]
    assert contents(workplace / "artifacts") == before
    (workplace / "artifacts" / "meta.csv").write_text("altered")
    draw_animal(1, 9).save(workplace / "new.png")
    done = ask("search.py", "new.png", cwd=workplace, ends=2)
    (message,) = error_lines(done.err)
    assert (done.out, "meta.csv" in message) == ("", True)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_stopped_training_goes_on_and_the_old_index_goes(home: Path, workplace: Path) -> None:
    data, artifacts = home / "photos", workplace / "artifacts"
    train = ("train_classifier_reid.py", "--data", data, "--epochs", 150, "--seed", 1, *TINY)
    before = contents(artifacts)
    (workplace / "results").mkdir()
    (workplace / "results/metrics.json").write_text("{}")  # of an evaluation of the model before
    # a runner in the background of a shell ignores SIGINT, and so would its children
    process = start_script(*train, cwd=workplace, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    deadline = time.monotonic() + 120
    while not (artifacts / ".training" / "history.json").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in said and "The same command goes on" in said
    assert {name: data for name, data in contents(artifacts).items() if not name.startswith(".training")} == before
    done = run_script(*train, cwd=workplace)
    assert "Going on after epoch" in done.stderr
    assert "results still has the figures of an earlier model" in done.stderr
    assert len(pd.read_csv(artifacts / "history.csv")) == 150
    assert not {".training", *INDEX} & {path.name for path in artifacts.iterdir()}


@pytest.mark.slow
def test_the_start_benchmark_times_the_answer(workplace: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = home / "photos/Žofie 1/snímek 3.jpg"
    start.main(start.Config(photo, workplace / "artifacts", workplace / "results", repeats=1))
    assert capsys.readouterr().err.count("s to the answer") == 3


@pytest.fixture(scope="module")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain softmax classifier that somebody else trained on 0-1 pixels, in two formats, and clean photos."""
    from keras import layers, utils

    folder = tmp_path_factory.mktemp("third_party")
    draw_animals(folder / "photos")
    for suffix in ("keras", "h5"):
        utils.set_random_seed(0)
        convolutions = [layers.Conv2D(filters, 3, strides=2, activation="relu") for filters in (8, 16)]
        names = [f"Žofie {number}" for number in range(4)]
        save_stranger(folder / suffix / f"model.{suffix}", names, *convolutions, layers.GlobalAveragePooling2D())
    return folder


@pytest.mark.slow
# the second one: a validation set with one class
@pytest.mark.parametrize(("suffix", "data"), [("keras", "photos"), ("h5", "one animal")])
def test_a_third_party_model_is_evaluated_and_searched(third_party: Path, suffix: str, data: str) -> None:
    if not (third_party / data).exists():
        shutil.copytree(third_party / "photos" / "Žofie 2", third_party / data / "Žofie 2")
    options = ("--artifacts", suffix, "--data", data, "--results", f"results {suffix}")
    done = ask("evaluate_reid_and_visualize.py", *options, "--examples", 1, cwd=third_party)
    metrics = json.loads((third_party / f"results {suffix}" / "metrics.json").read_text("utf-8"))
    assert metrics["num_ids"] == (4 if data == "photos" else 1) and "Made model.onnx" in done.err
    assert (metrics["model"]["file"], metrics["model"]["runs_on"]) == ("model.onnx", "ONNX Runtime")  # as search
    assert metrics["classifier"]["num_photos"] == metrics["num_queries"]
    assert "may have been trained on its own queries" in metrics["protocol"]["method"]
    assert "untrained" not in metrics["methods"]
    pictures = {path.name for path in (third_party / f"results {suffix}").glob("*.png")}
    assert pictures == {"tsne.png", "retrieval_example_1.png", "gradcam_1.png"}
    assert metrics["matcher"] == {"name": "embedding", "asked_for": "auto"}
    assert metrics["open_set"] == {"AUROC": None, "num_known": metrics["num_queries"], "num_new": 0}
    found = ask("search.py", "photos/Žofie 0/snímek 0.jpg", "--json", *options, cwd=third_party)
    assert "Made model.onnx" not in found.err
    assert not [word for word in CHATTER if word in found.err]
    (answer,) = json.loads(found.out)
    assert len(answer["candidates"]) == metrics["num_ids"]
    assert (answer["matcher"], answer["decision"], answer["false_match_rate"]) == ("embedding", None, None)
    assert all(candidate["probability"] is None for candidate in answer["candidates"])
    files = {f"model.{suffix}", "model.onnx", "preprocessor.pkl", *INDEX}
    assert {path.name for path in (third_party / suffix).iterdir()} == files


@pytest.mark.slow
@pytest.mark.parametrize(
    ("identities", "learning"),
    [
        ("open", ("--loss", "circle", "--batches", "confused", "--sub-centres", 2)),
        ("disjoint", ("--batches", "balanced", "--triplet-epochs", 1)),
    ],
)
def test_animals_held_out_whole(tmp_path: Path, identities: str, learning: tuple[object, ...]) -> None:
    draw_animals(tmp_path / "photos", animals=6)
    held_out = ("--identities", identities, "--held-out-share", 0.34)
    few = ("--epochs", 2, "--batch-size", 8, "--photos-per-identity", 2, *TINY)
    done = ask("train_classifier_reid.py", "--data", "photos", *held_out, *learning, *few, cwd=tmp_path)
    assert "2 identities held out whole" in done.err
    split = pd.read_csv(tmp_path / "artifacts" / "split.csv")
    subsets = split.groupby("identity")["split"].agg(set)
    assert sum(each == {"test"} for each in subsets) == 2
    done = ask("evaluate_reid_and_visualize.py", "--examples", 1, "--tsne-max", 0, cwd=tmp_path)
    metrics = json.loads((tmp_path / "results" / "metrics.json").read_text("utf-8"))
    found = (metrics["num_ids"], metrics["open_set"]["num_new"], metrics["open_set"]["new_animals"])
    assert found == ((4, 12, REAL) if identities == "open" else (2, 2, SIMULATED))
    assert "AUROC" in done.err or "compared with each other" in metrics["protocol"]["method"]
