import errno
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.models import export, saved
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.address.models.export import ExportError
from wildtrack.address.models.saved import (
    LoadingConfig,
    OpenedModel,
    load_saved,
    open_engine,
    open_network_of,
    open_onnx,
)
from wildtrack.errors import UserError

AUTO = LoadingConfig()


@pytest.fixture
def opened(catalogue: pd.DataFrame, pixels: np.ndarray) -> Any:
    photos = Decoded(catalogue, [""] * len(catalogue), pixels, pixels, pd.DataFrame())

    def call(folder: Path, loading: LoadingConfig = AUTO) -> OpenedModel:
        return open_engine(open_artifacts(folder), loading, lambda: photos)

    return call


def never() -> Decoded:
    pytest.fail("there is no need for photos")


@pytest.mark.parametrize("missing", ["model.h5", "model.keras"])
def test_both_keras_files_of_ours_are_the_same_model(artifacts: Path, tiny_model: Any, missing: str) -> None:
    (artifacts / missing).unlink()
    ours = open_artifacts(artifacts)
    saved = load_saved(ours, AUTO, never)
    assert saved.source.name != missing
    assert saved.scaling == "0-255"
    assert ours.config is not None
    assert saved.metadata["fingerprint"] == ours.config.fingerprint
    for loaded, weights in zip(saved.network.keras_model.get_weights(), tiny_model.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, weights)


def test_the_fingerprint_of_ours_is_the_one_it_was_saved_with(saved_artifacts: Path) -> None:
    ours = open_artifacts(saved_artifacts)
    assert ours.config is not None
    renamed = replace(ours, config=replace(ours.config, fingerprint="as saved"))
    assert load_saved(renamed, AUTO, never).metadata["fingerprint"] == "as saved"


def test_ours_opens_as_it_is(saved_artifacts: Path, pixels: np.ndarray) -> None:
    ours = open_artifacts(saved_artifacts)
    found = open_engine(ours, AUTO, never)
    assert ours.config is not None
    assert (found.fingerprint, found.file.name) == (ours.config.fingerprint, "model.onnx")
    assert (found.runs_on, found.scaling) == ("ONNX Runtime", "0-255")
    assert found.embedding_from == "the L2Normalize layer 'embedding'"
    assert found.engine.run(pixels)["embedding"].shape == (len(pixels), 8)


def test_the_keras_file_counts_though_it_is_damaged(third_party: Path, saved_artifacts: Path, opened: Any) -> None:
    shutil.copy(saved_artifacts / "model.h5", third_party)
    (third_party / "model.keras").write_bytes(b"hello")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        opened(third_party)


def test_no_keras_file(saved_artifacts: Path, third_party: Path) -> None:
    shutil.copy(saved_artifacts / "model.onnx", third_party)
    (third_party / "model.keras").unlink()
    with pytest.raises(UserError, match=r"no model\.keras or model\.h5 in"):
        open_network_of(open_artifacts(third_party), {})


def test_scaling_is_a_setting_for_models_from_elsewhere(saved_artifacts: Path, third_party: Path, opened: Any) -> None:
    assert opened(saved_artifacts, LoadingConfig("0-255")).scaling == "0-255"
    with pytest.raises(UserError, match=r"scaling 0-1 does not fit .* trained on pixels scaled to 0-255; leave out"):
        opened(saved_artifacts, LoadingConfig("0-1"))
    first = opened(third_party, LoadingConfig("0-1"))
    assert first.scaling == "0-1"
    assert opened(third_party, LoadingConfig("0-255")).fingerprint != first.fingerprint


def test_a_third_party_model_is_exported_and_again_when_it_changed(third_party: Path, opened: Any) -> None:
    theirs = open_artifacts(third_party)
    assert open_onnx(theirs, AUTO) is None
    found = opened(third_party)
    assert OnnxEngine(third_party / "model.onnx").metadata["fingerprint"] == found.fingerprint
    assert open_onnx(theirs, AUTO) is not None
    assert open_onnx(theirs, LoadingConfig("0-1")) is None
    (third_party / "model.onnx").write_bytes(b"damaged")
    assert open_onnx(theirs, AUTO) is None
    opened(third_party)
    (third_party / "model.keras").write_bytes((third_party / "model.keras").read_bytes() + b"\0")
    assert open_onnx(theirs, AUTO) is None


def test_our_own_export_can_be_made_again(artifacts: Path, pixels: np.ndarray, opened: Any) -> None:
    before = OnnxEngine(artifacts / "model.onnx")
    (artifacts / "model.onnx").unlink()
    assert open_onnx(open_artifacts(artifacts), AUTO) is None
    after = opened(artifacts)
    assert open_onnx(open_artifacts(artifacts), AUTO) is not None  # sealed anew
    assert after.fingerprint == before.fingerprint
    np.testing.assert_allclose(after.engine.run(pixels)["embedding"], before.run(pixels)["embedding"], atol=1e-5)


def test_what_cannot_be_exported_runs_with_keras(
    third_party: Path,
    pixels: np.ndarray,
    opened: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = opened(third_party)
    (third_party / "model.onnx").unlink()

    def refuse(*_: Any) -> None:
        raise ExportError("the model cannot be written as ONNX: no such operation")

    monkeypatch.setattr(export, "export_onnx", refuse)
    with caplog.at_level(logging.WARNING):
        found = opened(third_party)
    assert "cannot be written as ONNX: no such operation: Keras runs it instead, which is slower" in caplog.text
    assert (found.runs_on, found.file.name) == ("Keras", "model.keras")
    assert (found.fingerprint, found.embedding_from) == (expected.fingerprint, expected.embedding_from)
    assert found.cache_name != expected.cache_name
    ours, theirs = (each.engine.run(pixels)["embedding"] for each in (found, expected))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    with pytest.raises(ExportError, match="no such operation; search needs a model that can"):
        opened(third_party, LoadingConfig(onnx_only=True))


def test_a_folder_that_cannot_be_written_to_is_evaluated_by_keras(
    third_party: Path, monkeypatch: pytest.MonkeyPatch, opened: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (third_party / "model.onnx").unlink(missing_ok=True)

    def refuse(*_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(third_party / "model.onnx"))

    monkeypatch.setattr(saved, "write_atomically", refuse)
    with caplog.at_level(logging.WARNING):
        assert opened(third_party).runs_on == "Keras"
    assert "Read-only file system" in caplog.text
    with pytest.raises(OSError, match="Read-only file system"):
        opened(third_party, LoadingConfig(onnx_only=True))


class Doubling(keras.layers.Layer):  # type: ignore[misc]
    """As a model's author may write it."""

    def call(self, values: Any) -> Any:
        return 2 * values


class Otherwise(keras.layers.Layer):  # type: ignore[misc]
    """The same layer with other code in it."""

    def call(self, values: Any) -> Any:
        return values**2


def test_new_code_of_a_layer_is_exported_anew(third_party: Path, pixels: np.ndarray, opened: Any) -> None:
    photos = keras.Input((32, 32, 3))
    hidden = Doubling()(keras.layers.Dense(8)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(photos))))
    keras.Model(photos, keras.layers.Dense(3, activation="softmax")(hidden)).save(third_party / "model.keras")
    first = opened(third_party, LoadingConfig(custom_objects={"Doubling": Doubling}))
    written = (third_party / "model.onnx").stat().st_mtime_ns
    again = opened(third_party, LoadingConfig(custom_objects={"Doubling": Doubling}))
    without = opened(third_party)
    assert (third_party / "model.onnx").stat().st_mtime_ns == written
    assert first.fingerprint == again.fingerprint == without.fingerprint
    changed = opened(third_party, LoadingConfig(custom_objects={"Doubling": Otherwise}))
    assert changed.fingerprint != first.fingerprint
    assert np.abs(changed.engine.run(pixels)["embedding"] - first.engine.run(pixels)["embedding"]).max() > 0.01
