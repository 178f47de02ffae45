import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wildtrack.address.artifacts import Artifacts, onnx_is_current, open_artifacts
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.address.models.saved import SavedModel, export_saved_model, open_saved_model
from wildtrack.errors import UserError


@pytest.fixture
def opened(catalogue: pd.DataFrame, pixels: np.ndarray) -> Any:
    def call(artifacts: Artifacts, scaling: str = "auto") -> SavedModel:
        return open_saved_model(artifacts, catalogue, pixels, scaling, {})

    return call


@pytest.mark.parametrize("missing", ["model.h5", "model.keras"])
def test_both_keras_files_of_ours_are_the_same_model(
    artifacts: Path, tiny_model: Any, missing: str, opened: Any
) -> None:
    (artifacts / missing).unlink()
    ours = open_artifacts(artifacts)
    saved = opened(ours)
    assert saved.source.name != missing
    assert saved.scaling == "0-255"
    assert ours.config is not None
    assert saved.fingerprint == ours.config["fingerprint"]
    for loaded, weights in zip(saved.network.keras_model.get_weights(), tiny_model.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, weights)


def test_the_fingerprint_of_ours_is_the_one_it_was_saved_with(saved_artifacts: Path, opened: Any) -> None:
    ours = open_artifacts(saved_artifacts)
    assert ours.config is not None
    ours.config["fingerprint"] = "as saved"
    assert opened(ours).fingerprint == "as saved"


def test_the_keras_file_counts_though_it_is_damaged(stranger: Path, saved_artifacts: Path, opened: Any) -> None:
    shutil.copy(saved_artifacts / "model.h5", stranger)
    assert opened(open_artifacts(stranger)).source.name == "model.keras"
    (stranger / "model.keras").write_bytes(b"hello")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        opened(open_artifacts(stranger))


def test_no_keras_file(saved_artifacts: Path, stranger: Path, opened: Any) -> None:
    shutil.copy(saved_artifacts / "model.onnx", stranger)
    (stranger / "model.keras").unlink()
    with pytest.raises(UserError, match=r"no model\.keras or model\.h5 in"):
        opened(open_artifacts(stranger))


def test_scaling_is_a_setting_for_models_from_elsewhere(saved_artifacts: Path, stranger: Path, opened: Any) -> None:
    assert opened(open_artifacts(saved_artifacts), "0-255").scaling == "0-255"
    with pytest.raises(UserError, match=r"scaling 0-1 does not fit .* trained on pixels scaled to 0-255; leave out"):
        opened(open_artifacts(saved_artifacts), "0-1")
    assert opened(open_artifacts(stranger), "0-1").scaling == "0-1"
    assert opened(open_artifacts(stranger), "0-1").fingerprint != opened(open_artifacts(stranger)).fingerprint


def test_a_stranger_s_model_is_exported_and_again_when_it_changed(stranger: Path, opened: Any) -> None:
    theirs = open_artifacts(stranger)
    assert not onnx_is_current(theirs)
    saved = opened(theirs)
    export_saved_model(theirs, saved)
    assert OnnxEngine(stranger / "model.onnx").metadata["fingerprint"] == saved.fingerprint
    assert onnx_is_current(theirs)
    (stranger / "model.onnx").write_bytes(b"damaged")
    assert not onnx_is_current(theirs)
    export_saved_model(theirs, saved)
    (stranger / "model.keras").write_bytes((stranger / "model.keras").read_bytes() + b"\0")
    assert not onnx_is_current(theirs)


def test_our_own_export_can_be_made_again(artifacts: Path, pixels: np.ndarray, opened: Any) -> None:
    before = OnnxEngine(artifacts / "model.onnx")
    (artifacts / "model.onnx").unlink()
    ours = open_artifacts(artifacts)
    assert not onnx_is_current(ours)
    export_saved_model(ours, opened(ours))
    assert onnx_is_current(open_artifacts(artifacts))  # sealed anew
    after = OnnxEngine(artifacts / "model.onnx")
    assert after.metadata["fingerprint"] == before.metadata["fingerprint"]
    np.testing.assert_allclose(after.run(pixels)["embedding"], before.run(pixels)["embedding"], atol=1e-5)
