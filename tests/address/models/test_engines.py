import subprocess
import sys
from pathlib import Path

import pytest

from wildtrack.address.models.engines import OnnxEngine
from wildtrack.errors import UserError


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\x07"])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.onnx") as error:
        OnnxEngine(tmp_path / "model.onnx")
    assert "\n" not in str(error.value)


def test_a_model_of_another_program(tmp_path: Path, saved_artifacts: Path) -> None:
    import onnx

    model = onnx.load(saved_artifacts / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(UserError, match="not written by WildTrack"):
        OnnxEngine(tmp_path / "model.onnx")


def test_searching_needs_no_tensorflow() -> None:
    code = (
        "import sys, wildtrack.address.models.engines, wildtrack.address.gallery.index, wildtrack.address.artifacts; "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
