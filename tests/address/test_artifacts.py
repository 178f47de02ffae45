import logging
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wildtrack.address.artifacts import export_saved_model, onnx_is_current, open_artifacts
from wildtrack.address.embed import OnnxEngine
from wildtrack.address.network import load_saved_model
from wildtrack.address.preprocessor import model_fingerprint
from wildtrack.errors import UserError

FILES = (
    "model.keras", "model.h5", "model.onnx", "preprocessor.pkl", "model_config.yaml", "split.csv", "history.csv",
    "manifest.json",
)  # fmt: skip


def test_save_and_open(saved_artifacts: Path, tiny_model: Any) -> None:
    assert sorted(path.name for path in saved_artifacts.iterdir()) == sorted(FILES)
    opened = open_artifacts(saved_artifacts)
    assert opened.preprocessor.identities == ("Ana", "Blå", "C $1")
    assert opened.config is not None
    assert opened.split is not None
    assert opened.config["alpha"] == 0.25
    assert opened.photos(None) == Path("photos")
    assert opened.photos(Path("chosen")) == Path("chosen")
    assert opened.split["split"].tolist() == ["train"]
    fingerprint = model_fingerprint(tiny_model.get_weights(), (32, 32), "0-255")
    assert opened.config["fingerprint"] == fingerprint
    assert OnnxEngine(saved_artifacts / "model.onnx").metadata["fingerprint"] == fingerprint


@pytest.mark.parametrize("missing", ["model.h5", "model.keras"])
def test_both_keras_files_are_the_same_model(artifacts: Path, tiny_model: Any, missing: str) -> None:
    (artifacts / missing).unlink()
    open_artifacts(artifacts)
    model, path = load_saved_model(artifacts, {})
    assert path.name != missing
    assert model_fingerprint(model.get_weights(), (32, 32), "") == model_fingerprint(
        tiny_model.get_weights(), (32, 32), ""
    )


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_is_refused(artifacts: Path, name: str) -> None:
    data = bytearray((artifacts / name).read_bytes())
    data[len(data) // 2] ^= 1
    (artifacts / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"{name} is damaged"):
        open_artifacts(artifacts)


@pytest.mark.parametrize("name", ["preprocessor.pkl", "model_config.yaml", "split.csv"])
def test_a_missing_file_is_named(artifacts: Path, name: str) -> None:
    (artifacts / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing"):
        open_artifacts(artifacts)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no folder .* train a model first"):
        open_artifacts(tmp_path / "missing")
    with pytest.raises(UserError, match=r"there is no model in .* train a model first"):
        open_artifacts(tmp_path)


@pytest.fixture
def stranger(tmp_path: Path, saved_artifacts: Path) -> Path:
    """A Keras model with a five-key preprocessor, and nothing else."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    shutil.copy(saved_artifacts / "model.keras", folder)
    names = {0: "Ana", 1: "Blå", 2: "C $1"}
    five = {"image_size": 32, "embed_dim": 8, "use_l2norm": True, "id2label": names}
    five["label2id"] = {name: number for number, name in names.items()}
    (folder / "preprocessor.pkl").write_bytes(pickle.dumps(five))
    return folder


def test_a_stranger_s_set(stranger: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        opened = open_artifacts(stranger)
    assert "no manifest.json" in caplog.text
    assert opened.config is None
    assert opened.split is None
    with pytest.raises(UserError, match="--data"):
        opened.photos(None)


def test_a_stranger_s_model_is_exported_and_again_when_it_changed(
    stranger: Path, catalogue: pd.DataFrame, pixels: np.ndarray
) -> None:
    opened = open_artifacts(stranger)
    assert not onnx_is_current(opened)
    export_saved_model(opened, catalogue, pixels, "auto")
    assert onnx_is_current(opened)
    (stranger / "model.onnx").write_bytes(b"damaged")
    assert not onnx_is_current(opened)
    export_saved_model(opened, catalogue, pixels, "auto")
    (stranger / "model.keras").write_bytes((stranger / "model.keras").read_bytes() + b"\0")
    assert not onnx_is_current(opened)


def test_our_own_export_can_be_made_again(artifacts: Path, catalogue: pd.DataFrame, pixels: np.ndarray) -> None:
    before = OnnxEngine(artifacts / "model.onnx")
    (artifacts / "model.onnx").unlink()
    opened = open_artifacts(artifacts)
    assert not onnx_is_current(opened)
    export_saved_model(opened, catalogue, pixels, "auto")
    assert onnx_is_current(open_artifacts(artifacts))  # sealed anew
    after = OnnxEngine(artifacts / "model.onnx")
    assert after.metadata["fingerprint"] == before.metadata["fingerprint"]
    np.testing.assert_allclose(after.run(pixels)["embedding"], before.run(pixels)["embedding"], atol=1e-5)
