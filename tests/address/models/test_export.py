import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.models.engines import Engine, KerasEngine, OnnxEngine
from wildtrack.address.models.export import export_onnx
from wildtrack.address.models.network import open_network
from wildtrack.address.models.saved import open_network_of
from wildtrack.errors import UserError

NAMED = {"fingerprint": "f" * 64}
FACTORS = np.diag([0.5, 2.0, -1.0])


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.onnx"])
def test_formats_give_the_same_answers(saved_artifacts: Path, third_party: Path, tiny_model: Any, name: str) -> None:
    (third_party / "model.keras").unlink()
    shutil.copy(saved_artifacts / name, third_party)
    if name == "model.onnx":
        engine: Engine = OnnxEngine(third_party / name)
    else:
        engine = KerasEngine(open_network_of(open_artifacts(third_party), {}).keras_model)
    network = open_network(tiny_model).keras_model
    for batch in (1, 17):
        photos = np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3), dtype=np.uint8)
        expected, found = network(photos, training=False), engine.run(photos)
        for output in ("embedding", "probabilities"):
            np.testing.assert_allclose(found[output], expected[output], atol=1e-3)
        np.testing.assert_allclose(np.linalg.norm(found["embedding"], axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, atol=1e-5)


def test_other_programs_find_these_inputs_outputs_and_metadata(saved_artifacts: Path) -> None:
    session = onnxruntime.InferenceSession(saved_artifacts / "model.onnx")
    (photos,) = session.get_inputs()
    assert (photos.name, photos.type, photos.shape[1:]) == ("photos", "tensor(uint8)", [32, 32, 3])
    assert not isinstance(photos.shape[0], int)
    outputs = {output.name: (output.type, output.shape[1:]) for output in session.get_outputs()}
    assert outputs == {"embedding": ("tensor(float)", [8]), "probabilities": ("tensor(float)", [3])}
    metadata = session.get_modelmeta().custom_metadata_map
    assert (len(metadata["fingerprint"]), metadata["scaling"]) == (64, "0-255")
    assert "L2Normalize" in metadata["embedding_from"]


@pytest.mark.parametrize(("side", "factor"), [(32, 0.0), (None, 1.0), (None, 0.0)])
def test_photos_of_any_size_and_a_dead_network(tmp_path: Path, side: int | None, factor: float) -> None:
    photos = keras.Input((side, side, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(photos))
    model = keras.Model(photos, keras.layers.Dense(2, activation="softmax")(pooled))
    model.set_weights([weight * factor for weight in model.get_weights()])
    export_onnx(open_network(model).keras_model, tmp_path / "m.onnx", NAMED)
    outputs = OnnxEngine(tmp_path / "m.onnx").run(np.full((2, 32, 32, 3), 200, np.uint8))
    np.testing.assert_allclose(np.linalg.norm(outputs["embedding"], axis=1), factor, atol=1e-5)


@pytest.mark.parametrize(
    ("mixing", "options", "by_element"),
    [
        (FACTORS, {"name": "scaling"}, True),
        (FACTORS, {"name": "theirs"}, False),
        (np.eye(3)[::-1], {"name": "scaling"}, False),  # RGB to BGR
        (FACTORS, {"name": "scaling", "strides": 2}, False),
        (FACTORS, {"name": "scaling", "activation": "tanh"}, False),
    ],
)
def test_scaling_by_element(tmp_path: Path, mixing: np.ndarray, options: dict[str, Any], by_element: bool) -> None:
    photos = keras.Input((32, 32, 3))
    scaling = keras.layers.Conv2D(3, 1, **options)
    pooled = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(scaling(photos)))
    scaling.set_weights([mixing[None, None].astype(np.float32), np.array([1.0, -127.5, 3.0], np.float32)])
    network = open_network(keras.Model(photos, keras.layers.Dense(2)(pooled))).keras_model
    export_onnx(network, tmp_path / "m.onnx", NAMED)
    assert ("Conv" not in [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node]) == by_element
    some = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    expected = network(some.astype(np.float32))["embedding"]
    np.testing.assert_allclose(OnnxEngine(tmp_path / "m.onnx").run(some)["embedding"], expected, atol=1e-6)


def test_a_layer_that_onnx_cannot_express(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Any) -> None:
    fail = Mock(side_effect=NotImplementedError("op Odd\nis not supported"))
    monkeypatch.setattr("tf2onnx.convert.from_function", fail)
    with pytest.raises(UserError, match="cannot be written as ONNX: op Odd is not supported"):
        export_onnx(open_network(tiny_model).keras_model, tmp_path / "m.onnx", {})


def test_files_and_photos_that_onnx_runtime_cannot_use(tmp_path: Path, saved_artifacts: Path) -> None:
    path = tmp_path / "model.onnx"
    for content in (b"", b"hello", b"\x08\x07"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"^[^\n]*model\.onnx cannot be loaded: [^\n]*; delete it[^\n]*$"):
            OnnxEngine(path)
    model = onnx.load(saved_artifacts / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, path)
    with pytest.raises(UserError, match="not written by WildTrack"):
        OnnxEngine(path)
    with pytest.raises(UserError, match=r"model\.onnx fails on photos of 16 x 24 pixels: "):
        OnnxEngine(saved_artifacts / "model.onnx").run(np.zeros((1, 16, 24, 3), np.uint8))
