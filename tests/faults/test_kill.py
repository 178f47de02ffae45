"""kill -9 while a model or an index is saved: what is opened afterwards is the old one or the new one, whole.

Each script runs as a process of its own, and dies just before a random one of its changes to the artifacts folder. By
default a few times each; with WILDTRACK_SOAK=1 50 times. tests/commands/test_serve.py does the same while sightings
are confirmed.
"""

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.blobs import ROOT, TINY, draw_animal, run_script
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.gallery.files import read_gallery
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.models.engines import OnnxEngine

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")]

SOAK = bool(os.environ.get("WILDTRACK_SOAK"))
DYING = Path(__file__).parents[1] / "helpers/dying.py"
TRAIN = ("--epochs", "1", *TINY)


def run_dying(last: int, home: Path, script: str, *options: object) -> str:
    """What a script says that dies before its `last` change to `home/artifacts`, if it gets there; 0: it lives."""
    command = [sys.executable, DYING, last, home / "artifacts", ROOT / script, *options]
    environment = {**os.environ, "WILDTRACK_CACHE": str(home / "cache"), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [*map(str, command)], cwd=home, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode in ((-signal.SIGKILL, 0) if last else (0,)), done.stderr
    return done.stderr


def changes(said: str) -> int:
    """The number of changes that a script made, 0 where it was killed."""
    found = re.search(r"(\d+) changes", said)
    return int(found[1]) if found else 0


def gallery_of(home: Path) -> Gallery | None:
    artifacts = open_artifacts(home / "artifacts")
    engine = OnnxEngine(home / "artifacts" / "model.onnx")
    gallery = read_gallery(home / "artifacts", engine.fingerprint, artifacts.preprocessor.embed_dim)
    assert gallery is None or (np.isfinite(gallery.embeddings).all() and len(gallery.embeddings) == len(gallery))
    return gallery


def test_killed_while_indexing(home: Path, record_property: Callable[[str, object], None]) -> None:
    """Each round adds a photo; the index knows those of the last round, or of an earlier one, all of them."""
    search = ("search.py", "new.jpg", "--rebuild", "--no-panels", "--data", "data")
    total = changes(run_dying(0, home, *search))
    before = gallery_of(home)
    assert before is not None
    rng, killed, renewed = random.Random(0), 0, 0
    rounds = 50 if SOAK else 4
    for number in range(rounds):
        draw_animal(0, 100 + number).save(home / "data" / "Žofie 0" / f"later {number}.jpg")
        expected = len(list((home / "data").rglob("*.jpg")))
        killed += not changes(run_dying(rng.randint(1, total), home, *search))
        after = gallery_of(home)
        assert after is not None and len(after) in (len(before), expected)
        renewed += len(after) == expected
        before = after
    assert killed
    figure = f"killed {killed} times in {rounds} while indexing ({total} changes): "
    record_property("figure", f"{figure}the new index was there {renewed} times")
    assert run_script(*search, cwd=home).returncode == 0
    left = {path.name for path in (home / "artifacts").iterdir()}
    assert not [name for name in left if name.startswith(".")], left


def test_killed_while_training(home: Path, record_property: Callable[[str, object], None]) -> None:
    """Each round trains with another seed; the model there is the last round's or this one's, and answers."""
    total = changes(run_dying(0, home, "train_classifier_reid.py", "--data", "data", *TRAIN))
    rng, killed, renewed = random.Random(1), 0, 0
    rounds = 50 if SOAK else 3
    before = open_artifacts(home / "artifacts").config
    assert before is not None
    for seed in range(1, rounds + 1):
        options = ("--data", "data", "--seed", seed, *TRAIN)
        last = rng.randint(1, total) if SOAK else total - rng.randint(1, 30)  # mostly while the model is put in place
        killed += not changes(run_dying(last, home, "train_classifier_reid.py", *options))
        after = open_artifacts(home / "artifacts").config
        assert after is not None
        assert after == before or after.seed == seed
        assert OnnxEngine(home / "artifacts" / "model.onnx").fingerprint == after.fingerprint
        renewed += after.seed == seed
        before = after
    assert killed
    figure = f"killed {killed} times in {rounds} while training ({total} changes): "
    record_property("figure", f"{figure}the new model was there {renewed} times")
    run_script("search.py", "new.jpg", "--rebuild", "--no-panels", cwd=home)
