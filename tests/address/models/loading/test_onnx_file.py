from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from wildtrack.address.models.loading.onnx_file import OnnxFile
from wildtrack.errors import UserError

FIRST, LAST = ("N", 3, "H", "W"), ("N", "H", "W", 3)
FLOAT, HALF, WHOLE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8


def save_model(
    path: Path, shape: tuple[Any, ...], dtype: int = FLOAT, outputs: tuple[str, ...] = ("out",), spatial: bool = False
) -> Path:
    """A model whose answer to a photo is the mean of each colour."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3] if shape[1] == 3 else [1, 2])
    cast = helper.make_node("Cast", ["photo"], ["cast"], to=FLOAT)
    means = [helper.make_node("ReduceMean", ["cast", "axes"], [name], keepdims=int(spatial)) for name in outputs]
    given = helper.make_tensor_value_info("photo", dtype, shape)
    answer = ["N", 3, 1, 1] if spatial else ["N", 3]
    answers = [helper.make_tensor_value_info(name, FLOAT, answer) for name in outputs]
    graph = helper.make_graph([cast, *means], "means", [given], answers, [axes])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def photos() -> np.ndarray:
    """Three photos, uint8 (3, 6, 4, 3), each of one colour."""
    colours = np.array([[255, 0, 0], [0, 255, 0], [30, 40, 0]], np.uint8)
    return np.broadcast_to(colours[:, None, None], (3, 6, 4, 3)).copy()


@pytest.mark.parametrize(
    ("shape", "dtype", "scaling"),
    [
        (FIRST, FLOAT, "0-255"),
        (FIRST, FLOAT, "0-1"),
        (LAST, FLOAT, "0-1"),
        (LAST, HALF, "0-1"),
        (LAST, WHOLE, "auto"),
        ((1, 3, 6, 4), FLOAT, "0-255"),  # one photo at a time
        ((None, 6, 4, 3), FLOAT, "0-1"),
    ],
)
def test_photos_have_the_form_of_the_input(tmp_path: Path, shape: tuple[Any, ...], dtype: int, scaling: str) -> None:
    engine = OnnxFile(save_model(tmp_path / "m.onnx", shape, dtype), (6, 4), scaling)
    assert engine.image_size == (6, 4)
    embeddings = engine.run(photos())["embedding"]
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0]], atol=2e-3)


def test_scaling_sizes_and_outputs(tmp_path: Path) -> None:
    around_zero = OnnxFile(save_model(tmp_path / "m.onnx", FIRST), (6, 4), "-1-1")
    np.testing.assert_allclose(around_zero.run(photos())["embedding"][0], np.array([1, -1, -1]) / 3**0.5, atol=1e-5)
    fixed = OnnxFile(save_model(tmp_path / "a.onnx", (1, 3, 20, 30)), (6, 4), "0-1")
    assert fixed.image_size == (20, 30)
    with pytest.raises(UserError, match=r"a\.onnx fails on photos of \(20, 30\) pixels"):
        fixed.run(photos())
    assert OnnxFile(save_model(tmp_path / "b.onnx", (1, "H", 30, 3)), (6, 4), "0-1").image_size == (6, 30)
    several = save_model(tmp_path / "m.onnx", FIRST, outputs=("logits", "embedding"))
    assert OnnxFile(several, (6, 4), "0-1").output == "embedding"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": ("N", 4, 6, 4)}, r"takes photo tensor\(float\) .*, not photos"),
        ({"shape": FIRST, "dtype": TensorProto.INT64}, "not photos"),
        ({"shape": (8, 3, 6, 4)}, "takes exactly 8 photos at once"),
        ({"shape": FIRST, "outputs": ("a", "b")}, r"gives a .*, b .*; one output \(batch, length\) must be called"),
        ({"shape": FIRST, "spatial": True}, "must be called embedding"),
    ],
)
def test_a_model_that_does_not_fit(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        OnnxFile(save_model(tmp_path / "their.onnx", **options), (6, 4), "0-1")
    assert "their.onnx" in str(error.value)


def test_files_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"m\.onnx does not say how it wants its pixels scaled; set --scaling to"):
        OnnxFile(save_model(tmp_path / "m.onnx", FIRST), (6, 4), "auto")
    (tmp_path / "m.onnx").write_text("hello")
    with pytest.raises(UserError, match=r"m\.onnx cannot be loaded: .* is it an ONNX model"):
        OnnxFile(tmp_path / "m.onnx", (6, 4), "0-1")
