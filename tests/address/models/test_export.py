from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from wildtrack.address.models import export
from wildtrack.address.models.engines import KerasEngine, OnnxEngine
from wildtrack.address.models.export import export_onnx
from wildtrack.address.models.network import open_network
from wildtrack.errors import UserError


@pytest.fixture(scope="module")
def reference(tiny_model: Any) -> KerasEngine:
    return KerasEngine(open_network(tiny_model).keras_model)


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.onnx"])
@pytest.mark.parametrize("batch", [1, 17])
def test_every_format_gives_the_same_answers(
    saved_artifacts: Path, reference: KerasEngine, name: str, batch: int
) -> None:
    photos = np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3), dtype=np.uint8)
    path = saved_artifacts / name
    engine = (
        OnnxEngine(path)
        if name == "model.onnx"
        else KerasEngine(open_network(keras.saving.load_model(path, compile=False)).keras_model)
    )
    expected, found = reference.run(photos), engine.run(photos)
    assert (expected["embedding"] * found["embedding"]).sum(axis=1).min() >= 0.9999
    np.testing.assert_allclose(np.linalg.norm(found["embedding"], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-3)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, atol=1e-5)


def test_what_other_programs_rely_on(saved_artifacts: Path) -> None:
    session = onnxruntime.InferenceSession(saved_artifacts / "model.onnx")
    (photos,) = session.get_inputs()
    assert (photos.name, photos.type, photos.shape[1:]) == ("photos", "tensor(uint8)", [32, 32, 3])
    assert not isinstance(photos.shape[0], int)
    outputs = {output.name: (output.type, output.shape[1:]) for output in session.get_outputs()}
    assert outputs == {"embedding": ("tensor(float)", [8]), "probabilities": ("tensor(float)", [3])}
    metadata = session.get_modelmeta().custom_metadata_map
    assert len(metadata["fingerprint"]) == 64
    assert metadata["scaling"] == "0-255"
    assert "L2Normalize" in metadata["embedding_from"]


@pytest.mark.parametrize("side", [32, None])
@pytest.mark.parametrize("factor", [1.0, 0.0])
def test_photos_of_any_size_and_a_dead_network(tmp_path: Path, side: int | None, factor: float) -> None:
    photos = keras.Input((side, side, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(photos))
    model = keras.Model(photos, keras.layers.Dense(2, activation="softmax")(pooled))
    model.set_weights([weight * factor for weight in model.get_weights()])
    export_onnx(open_network(model).keras_model, tmp_path / "m.onnx", {"fingerprint": "f" * 64})
    outputs = OnnxEngine(tmp_path / "m.onnx").run(np.full((2, 32, 32, 3), 200, np.uint8))
    np.testing.assert_allclose(np.linalg.norm(outputs["embedding"], axis=1), factor, atol=1e-5)


@pytest.mark.parametrize(
    ("mixing", "options", "by_element"),
    [
        (np.diag([0.5, 2.0, -1.0]), {}, True),
        (np.eye(3)[::-1], {}, False),  # RGB to BGR
        (np.diag([0.5, 2.0, -1.0]), {"strides": 2}, False),
    ],
)
def test_scaling_by_element_gives_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mixing: np.ndarray, options: dict[str, Any], by_element: bool
) -> None:
    photos = keras.Input((32, 32, 3))
    scaling = keras.layers.Conv2D(3, 1, **options)
    features = keras.layers.Conv2D(4, 3, padding="same", strides=2)(scaling(photos))
    pooled = keras.layers.Flatten()(features)
    scaling.set_weights([mixing[None, None].astype(np.float32), np.array([1.0, -127.5, 3.0], np.float32)])
    network = open_network(keras.Model(photos, keras.layers.Dense(2, activation="softmax")(pooled))).keras_model
    export_onnx(network, tmp_path / "new.onnx", {"fingerprint": "f" * 64})
    monkeypatch.setattr(export, "_scale_by_element", lambda graph: None)
    export_onnx(network, tmp_path / "old.onnx", {"fingerprint": "f" * 64})
    new, old = (
        [node.op_type for node in onnx.load(tmp_path / name).graph.node].count("Conv")
        for name in ("new.onnx", "old.onnx")
    )
    assert old - new == by_element
    some = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    expected, found = (OnnxEngine(tmp_path / name).run(some) for name in ("old.onnx", "new.onnx"))
    np.testing.assert_array_equal(found["embedding"], expected["embedding"])


def test_what_onnx_cannot_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Any) -> None:
    import tf2onnx

    def fail(*args: Any, **options: Any) -> None:
        raise NotImplementedError("op Odd\nis not supported")

    monkeypatch.setattr(tf2onnx.convert, "from_function", fail)
    with pytest.raises(UserError, match="cannot be written as ONNX: op Odd is not supported"):
        export_onnx(open_network(tiny_model).keras_model, tmp_path / "m.onnx", {})
