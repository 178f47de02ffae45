import errno
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.artifacts import artifact_files, open_artifacts
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.address.models.export import ExportError
from wildtrack.address.models.saved import LoadingConfig, OpenedModel, open_engine, open_network_of, open_onnx
from wildtrack.errors import UserError

AUTO = LoadingConfig()


class Doubling(layers.Layer):  # type: ignore[misc]
    def call(self, values: Any) -> Any:
        return 2 * values


class Squaring(layers.Layer):  # type: ignore[misc]
    def call(self, values: Any) -> Any:
        return values**2


def save_small(path: Path, *more: Any) -> None:
    """A network that is quickly loaded and exported."""
    parts = [layers.AveragePooling2D(8), layers.Flatten(), layers.Dense(8), *more, layers.Dense(3, "softmax")]
    keras.Sequential([keras.Input((32, 32, 3)), *parts]).save(path)


@pytest.fixture
def theirs(third_party: Path) -> Path:
    """A third-party set with a small network."""
    save_small(third_party / "model.keras")
    return third_party


@pytest.fixture
def opened(catalogue: pd.DataFrame, pixels: np.ndarray) -> Any:
    photos = Decoded(catalogue, [""] * len(catalogue), pixels, pixels, pd.DataFrame())

    def call(folder: Path, loading: LoadingConfig = AUTO) -> OpenedModel:
        return open_engine(open_artifacts(folder), loading, lambda: photos)

    return call


def never() -> Decoded:
    pytest.fail("no photos are needed")


def test_our_model_opens_as_it_is(saved_artifacts: Path, pixels: np.ndarray) -> None:
    ours = open_artifacts(saved_artifacts)
    found = open_engine(ours, AUTO, never)
    assert ours.config is not None
    assert (found.fingerprint, found.file.name) == (ours.config.fingerprint, "model.onnx")
    assert (found.runs_on, found.scaling) == ("ONNX Runtime", "0-255")
    assert found.embedding_from == "the L2Normalize layer 'embedding'"
    assert found.engine.run(pixels)["embedding"].shape == (len(pixels), 8)


def test_our_lost_export_is_made_again_with_the_saved_fingerprint(artifacts: Path, pixels: np.ndarray) -> None:
    artifact_files(artifacts).add("model.keras", save_small)
    (artifacts / "model.onnx").unlink()
    ours = open_artifacts(artifacts)
    assert open_onnx(ours, AUTO) is None and ours.config is not None
    made = open_engine(replace(ours, config=replace(ours.config, fingerprint="a" * 64)), AUTO, never)
    assert made.fingerprint == "a" * 64
    assert open_onnx(open_artifacts(artifacts), AUTO) is not None  # it belongs to the sealed set
    expected = open_network_of(ours, {}).keras_model(pixels.astype(np.float32), training=False)
    np.testing.assert_allclose(made.engine.run(pixels)["embedding"], expected["embedding"], atol=1e-5)


def test_keras_files_that_cannot_be_opened(saved_artifacts: Path, third_party: Path) -> None:
    shutil.copy(saved_artifacts / "model.h5", third_party)
    (third_party / "model.keras").write_bytes(b"hello")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):  # model.h5 is no substitute
        open_network_of(open_artifacts(third_party), {})
    (third_party / "model.h5").rename(third_party / "model.onnx")
    (third_party / "model.keras").unlink()
    with pytest.raises(UserError, match=r"no model\.keras or model\.h5 in"):
        open_network_of(open_artifacts(third_party), {})


def test_scaling_is_a_setting_for_third_party_models(saved_artifacts: Path, theirs: Path, opened: Any) -> None:
    assert opened(saved_artifacts, LoadingConfig("0-255")).scaling == "0-255"
    with pytest.raises(UserError, match=r"scaling 0-1 does not fit .* trained on pixels scaled to 0-255; leave out"):
        opened(saved_artifacts, LoadingConfig("0-1"))
    first = opened(theirs, LoadingConfig("0-1"))
    assert first.scaling == "0-1" and opened(theirs, LoadingConfig("0-255")).fingerprint != first.fingerprint


def test_a_third_party_model_is_exported_again_when_changed(theirs: Path, pixels: np.ndarray, opened: Any) -> None:
    def is_current(**changes: Any) -> bool:
        return open_onnx(open_artifacts(theirs), LoadingConfig(**changes)) is not None

    save_small(theirs / "model.keras", Doubling())
    mine = {"Doubling": Doubling}
    assert not is_current()
    first = opened(theirs, LoadingConfig(custom_objects=mine))
    assert OnnxEngine(theirs / "model.onnx").metadata["fingerprint"] == first.fingerprint and is_current()
    assert is_current(custom_objects=mine) and opened(theirs).fingerprint == first.fingerprint
    assert not is_current(scaling="0-1" if first.scaling == "0-255" else "0-255")
    assert not is_current(custom_objects={"Doubling": Squaring})
    changed = opened(theirs, LoadingConfig(custom_objects={"Doubling": Squaring}))
    assert changed.fingerprint != first.fingerprint
    assert np.abs(changed.engine.run(pixels)["embedding"] - first.engine.run(pixels)["embedding"]).max() > 0.01
    for name, content in (("model.keras", (theirs / "model.keras").read_bytes() + b"\0"), ("model.onnx", b"damaged")):
        (theirs / name).write_bytes(content)
        assert not is_current()


NO_ERF = ExportError("the model cannot be written as ONNX: no Erf")
READ_ONLY = OSError(errno.EROFS, "Read-only file system", "model.onnx")
FAILURES = {
    "export.export_onnx": (NO_ERF, "no Erf; search needs a model that can"),
    "saved.write_atomically": (READ_ONLY, "Read-only file system"),
}


@pytest.mark.parametrize("function", FAILURES)
def test_keras_runs_what_cannot_be_exported(
    theirs: Path, pixels: np.ndarray, opened: Any, caplog: pytest.LogCaptureFixture, function: str
) -> None:
    expected, (error, refused) = opened(theirs), FAILURES[function]
    (theirs / "model.onnx").unlink()
    with patch(f"wildtrack.address.models.{function}", side_effect=error):
        found = opened(theirs)
        with pytest.raises(type(error), match=refused):
            opened(theirs, LoadingConfig(onnx_only=True))
    assert f"{error}: Keras runs it instead, which is slower" in caplog.text
    assert (found.runs_on, found.file.name) == ("Keras", "model.keras")
    assert (found.fingerprint, found.embedding_from) == (expected.fingerprint, expected.embedding_from)
    assert found.cache_name != expected.cache_name
    ours, others = (each.engine.run(pixels)["embedding"] for each in (found, expected))
    np.testing.assert_allclose(ours, others, atol=1e-5)


def test_a_preprocessor_of_another_size_is_refused(theirs: Path) -> None:
    ours = open_artifacts(theirs)
    other = replace(ours, preprocessor=replace(ours.preprocessor, image_size=(64, 32)))
    with pytest.raises(UserError, match=r"takes photos of 32 x 32 pixels, and its preprocessor.pkl says 64 x 32"):
        open_network_of(other, {})
