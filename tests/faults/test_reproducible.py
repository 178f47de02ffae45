"""The same files give the same bytes; what changed is noticed by its fingerprint."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.asking import ask
from tests.helpers.blobs import TINY, draw_animal, run_script
from wildtrack.access.photos import reader as photos
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.gallery.files import read_gallery
from wildtrack.address.models import fingerprint
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.address.models.fingerprint import current_fingerprint
from wildtrack.address.models.preprocessor import load_preprocessor
from wildtrack.address.training.model_config import TrainingConfig
from wildtrack.commands import train

SEARCH = ("search.py", "new.jpg", "--no-panels", "--rebuild", "--data", "data")
CLOCK = ("photos_per_second", "seconds")  # columns of history.csv that no two runs share
INDEX = ("embeddings.npy", "index.faiss", "meta.csv")


def run(home: Path, script: str, *options: object) -> None:
    """Run a script in this process."""
    ask(script, *options, cwd=home)


def index_bytes(home: Path) -> dict[str, bytes]:
    return {name: (home / "artifacts" / name).read_bytes() for name in INDEX}


def test_an_index_repeats_byte_for_byte(home: Path) -> None:
    run(home, *SEARCH)
    first = index_bytes(home)
    run(home, *SEARCH)
    assert index_bytes(home) == first, "all from the cache"
    shutil.rmtree(home / "cache")
    if hasattr(os, "sched_setaffinity"):  # with one core, which makes other batches
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
    try:
        run(home, *SEARCH)
    finally:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
    assert index_bytes(home) == first, "without a cache"
    # as many new photos as make other batches of the old ones, with an empty cache; then they go again
    for number in range(5):
        draw_animal(0, 50 + number).save(home / "data" / "Žofie 0" / f"a first {number}.jpg")
    shutil.rmtree(home / "cache")
    run(home, *SEARCH)
    for path in (home / "data").rglob("a first *.jpg"):
        path.unlink()
    run(home, *SEARCH)
    assert index_bytes(home) == first, "embedded in other company"


@pytest.mark.slow
def test_figures_repeat_byte_for_byte(home: Path) -> None:
    figures = []
    for _ in range(2):
        shutil.rmtree(home / "cache")
        shutil.rmtree(home / "results", ignore_errors=True)
        run(home, "evaluate_reid_and_visualize.py", "--data", "data")
        figures.append((home / "results" / "metrics.json").read_bytes())
    assert figures[0] == figures[1]


def trained_anew(home: Path, folder: str, *options: object) -> dict[str, Any]:
    """What a training leaves, without what the clock decides."""
    import keras

    from wildtrack.address.models.network import load_keras_file

    options = ("--data", "data", "--artifacts", folder, "--epochs", "3", *TINY, *options)
    run_script("train_classifier_reid.py", *options, cwd=home)
    model: keras.Model = load_keras_file(home / folder / "model.keras", {})
    history = pd.read_csv(home / folder / "history.csv").drop(columns=list(CLOCK))
    return {
        "weights": [np.asarray(weight) for weight in model.weights],
        "history": history.to_csv(),
        "split": (home / folder / "split.csv").read_bytes(),
        "matching": (home / folder / "matching.json").read_bytes(),
        "fingerprint": load_config(home / folder).fingerprint,
    }


def load_config(folder: Path) -> TrainingConfig:
    config = open_artifacts(folder).config
    assert config is not None
    return config


@pytest.mark.slow
def test_deterministic_training_repeats_to_the_last_bit(home: Path) -> None:
    first = trained_anew(home, "first", "--deterministic")
    shutil.rmtree(home / "cache")
    second = trained_anew(home, "second", "--deterministic")
    for one, other in zip(first.pop("weights"), second.pop("weights"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert first == second
    other = trained_anew(home, "third", "--deterministic", "--seed", "1")
    assert other["fingerprint"] != first["fingerprint"]


class StopError(Exception):
    """Ends a training before it learns."""


@pytest.mark.parametrize("wanted", [True, False])
def test_deterministic_operations_are_turned_on_when_they_are_wanted(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    """On many machines trainings repeat by themselves, so that they do says nothing of the setting."""
    import tensorflow as tf

    def stop(*_: object) -> None:
        raise StopError

    calls = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: calls.append(True))
    monkeypatch.setattr("wildtrack.address.training.trainer.fit", stop)
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StopError):
        train.train(train.Config(trained / "data", image_size=32, alpha=0.25, weights="none", deterministic=wanted))
    assert calls == [True] * wanted


@pytest.fixture
def newer_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if WildTrack had been updated, and read photos a little differently from now on."""
    newer = photos.READER_VERSION + 1
    for module in (photos, fingerprint):
        monkeypatch.setattr(module, "READER_VERSION", newer)


def test_a_newer_photo_reader_makes_other_embeddings(home: Path, newer_reader: None) -> None:
    artifacts = open_artifacts(home / "artifacts")
    assert artifacts.config is not None
    engine = OnnxEngine(home / "artifacts" / "model.onnx")
    assert engine.fingerprint != artifacts.config.fingerprint
    known = load_preprocessor(home / "artifacts" / "preprocessor.pkl")
    assert engine.fingerprint == current_fingerprint(artifacts.config.fingerprint, known.reader_version)
    gallery = read_gallery(home / "artifacts", engine.fingerprint, engine.embed_dim)
    assert gallery is not None and gallery.source is not None
    assert gallery.source.reader == photos.READER_VERSION - 1  # so that it is brought up to date


def test_a_changed_photo_is_embedded_again(home: Path) -> None:
    run(home, *SEARCH)
    before = pd.read_csv(home / "artifacts" / "meta.csv", dtype=str).set_index("path")["sha256"]
    vectors = np.load(home / "artifacts" / "embeddings.npy")
    changed = "Žofie 0/snímek 0.jpg"
    draw_animal(3, 77).save(home / "data" / changed)
    run(home, *SEARCH)
    after = pd.read_csv(home / "artifacts" / "meta.csv", dtype=str).set_index("path")["sha256"]
    assert before.index[before.ne(after)].tolist() == [changed]
    differs = (np.load(home / "artifacts" / "embeddings.npy") != vectors).any(axis=1)
    assert np.flatnonzero(differs).tolist() == [list(before.index).index(changed)]
    assert json.loads((home / "artifacts" / "index_manifest.json").read_text())["about"]["photos"] == 24
