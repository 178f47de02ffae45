"""Shared fixtures: small drawn photos, and one tiny set of artifacts that all tests read or copy."""

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from PIL import Image

from tests.helpers.blobs import TINY, add_odd_photos, draw_animals, run_script
from tests.helpers.spotted import build, fake_matching
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.matching import Matching

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Drawn examples: the same few in every run; many, and others each time, where somebody asks for a soak.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.register_profile("same", patient, max_examples=50, derandomize=True)
settings.register_profile("soak", patient, max_examples=500)
settings.load_profile("soak" if os.environ.get("WILDTRACK_SOAK") else "same")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell the figures that tests have recorded: what docs/reliability.md is written from."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(str(value))


SIDE = 32
IDENTITIES = ("Ana", "Blå", "C $1")


def draw(identity: int, number: int, side: int = SIDE) -> np.ndarray:
    """A photo uint8 (side, side, 3) of stripes that are the identity's own, and noise that is the photo's."""
    rng = np.random.default_rng([identity, number])
    stripes = 128 + 90 * np.sin(np.arange(side) * (0.4 + 0.5 * identity))[None, :, None]
    noisy = stripes + rng.normal(0, 20, (side, side, 3))
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """uint8 (12, 32, 32, 3): four photos of each of three identities, in the order of `catalogue`."""
    return np.stack([draw(identity, number) for identity in range(3) for number in range(4)])


@pytest.fixture
def catalogue() -> pd.DataFrame:
    """Twelve rows; image_id is the path."""
    names = [name for name in IDENTITIES for _ in range(4)]
    paths = [f"{name}/{number}.png" for name in IDENTITIES for number in range(4)]
    return pd.DataFrame({"image_id": paths, "identity": names, "path": paths, "orientation": ["left", "right"] * 6})


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> Path:
    """The photos of `pixels` as files; read only."""
    root = tmp_path_factory.mktemp("photos")
    for row, photo in enumerate(pixels):
        path = root / IDENTITIES[row // 4] / f"{row % 4}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(photo).save(path)
    return root


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos`, good and bad, and the `artifacts` of the script; one for all workers, read only."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    field = shared / "práce v terénu"
    with FileLock(shared / "field.lock"):
        if not (field / "train.err").exists():
            data = draw_animals(field / "photos")
            add_odd_photos(data / "Žofie 0")
            done = run_script("train_classifier_reid.py", "--data", "photos/", "--epochs", 2, *TINY, cwd=field)
            (field / "train.out").write_text(done.stdout, encoding="utf-8")
            (field / "train.err").write_text(done.stderr, encoding="utf-8")
    return field


@pytest.fixture(scope="session")
def tiny_model() -> Any:
    """Our network at its smallest, untrained; do not change it."""
    import keras

    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model

    keras.utils.set_random_seed(0)
    backbone = build_backbone("MobileNet", alpha=0.25, image_size=SIDE, weights="none")
    return build_model(backbone, embed_dim=8, num_ids=3, pooling="average")


@pytest.fixture(scope="session")
def saved_artifacts(tmp_path_factory: pytest.TempPathFactory, tiny_model: Any) -> Path:
    """What a training leaves; do not change it."""
    from wildtrack.address.artifacts import Trained, save_artifacts
    from wildtrack.address.models.preprocessor import Preprocessor
    from wildtrack.address.models.saved import export_trained
    from wildtrack.address.training.model_config import TrainingConfig

    folder = tmp_path_factory.mktemp("saved") / "artifacts"
    columns = {"image_id": ["a"], "identity": ["Ana"], "path": ["a"], "split": ["train"], "sha256": ["0" * 64]}
    preprocessor = Preprocessor((SIDE, SIDE), 8, True, IDENTITIES, "0-255")
    exported = export_trained(tiny_model, preprocessor, folder.parent / "model.onnx")
    config = TrainingConfig(Path("photos"), "MobileNet", 0.25, SIDE, 8, "average", "random", 0, exported.fingerprint)
    history = pd.DataFrame({"epoch": [1], "loss": [0.5]})
    trained = Trained(tiny_model, exported.file, preprocessor, config, pd.DataFrame(columns), history)
    save_artifacts(folder, trained, None)
    return folder


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Six photos of four animals, with keypoints; read only."""
    return build(tmp_path_factory.mktemp("known"))


@pytest.fixture
def matching() -> Matching:
    """What might have been learnt on validation photos: P rises with the score, and less between two viewpoints."""
    return fake_matching(by_viewpoint=True)


@pytest.fixture
def artifacts(saved_artifacts: Path, tmp_path: Path) -> Path:
    """A copy of what a training leaves, to be damaged at will."""
    return Path(shutil.copytree(saved_artifacts, tmp_path / "artifacts"))


@pytest.fixture
def third_party(tmp_path: Path, saved_artifacts: Path) -> Path:
    """A Keras model with a five-key preprocessor, and nothing else."""
    folder = tmp_path / "third party"
    folder.mkdir()
    shutil.copy(saved_artifacts / "model.keras", folder)
    names = {0: "Ana", 1: "Blå", 2: "C $1"}
    five = {"image_size": 32, "embed_dim": 8, "use_l2norm": True, "id2label": names}
    five["label2id"] = {name: number for number, name in names.items()}
    (folder / "preprocessor.pkl").write_bytes(pickle.dumps(five))
    return folder
