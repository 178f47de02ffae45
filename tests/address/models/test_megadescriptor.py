"""With a tiny Swin of MegaDescriptor's form, saved as the hub has it: its weights are too large for a test."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from wildtrack.address.models.megadescriptor import open_megadescriptor
from wildtrack.errors import UserError

reason = "needs the megadescriptor extra: pip install torch torchvision timm"
torch: Any = pytest.importorskip("torch", reason=reason)
timm: Any = pytest.importorskip("timm", reason=reason)
safetensors: Any = pytest.importorskip("safetensors.torch", reason=reason)

ARCHITECTURE = "swin_tiny_patch4_window7_224"
TINY = {"img_size": 56, "embed_dim": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2), "window_size": 7}
MEAN, STD = (0.5, 0.4, 0.3), (0.5, 0.25, 0.2)


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["pretrained_cfg"] |= changes
    config["num_classes"] = changes.get("num_classes", 0)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with config.json and the weights."""
    torch.manual_seed(0)
    model = timm.create_model(ARCHITECTURE, num_classes=0, pretrained=False, **TINY)
    timm.models.save_for_hf(model, tmp_path / "swin", safe_serialization="both")
    change_config(tmp_path / "swin", mean=MEAN, std=STD)
    return tmp_path / "swin"


def test_embeddings_are_those_of_timm(saved: Path) -> None:
    engine, photos = open_megadescriptor(str(saved)), np.random.default_rng(0).integers(0, 256, (3, 56, 56, 3))
    assert engine.image_size == (56, 56)
    model = timm.create_model(f"local-dir:{saved}", num_classes=0, pretrained=True).eval()
    scaled = (photos / 255 - np.array(MEAN)) / np.array(STD)
    with torch.inference_mode():
        expected = model(torch.tensor(scaled.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(engine.run(photos.astype(np.uint8))["embedding"], expected, atol=1e-5)
    assert open_megadescriptor(str(saved)).fingerprint == engine.fingerprint
    change_config(saved, mean=(0.1, 0.1, 0.1))
    assert open_megadescriptor(str(saved)).fingerprint != engine.fingerprint  # it covers the scaling of pixels


def incomplete(folder: Path) -> None:
    weights = safetensors.load_file(folder / "model.safetensors")
    del weights["patch_embed.proj.weight"]
    safetensors.save_file(weights, folder / "model.safetensors")
    change_config(folder, num_classes=10)  # for which timm does not look closely


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: [path.unlink() for path in folder.glob("*model.*")], "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"), "cannot be loaded"),
        (lambda folder: (folder / "config.json").unlink(), "cannot be loaded .*[Cc]onfig"),
        (incomplete, "do not fit its architecture: no patch_embed"),
    ],
)
def test_a_folder_that_cannot_be_loaded(saved: Path, spoil: Any, message: str) -> None:
    spoil(saved)
    with pytest.raises(UserError, match=message) as error:
        open_megadescriptor(str(saved))
    assert str(saved) in str(error.value) and "\n" not in str(error.value)


@dataclass
class Attack:
    """Unpickled, it would make a file."""

    canary: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f'echo x > "{self.canary}"',)


def test_weights_that_run_something(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (saved / "model.safetensors").unlink()
    torch.save({"patch_embed.proj.weight": Attack(tmp_path / "canary")}, saved / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be loaded"):
        open_megadescriptor(str(saved))
    assert not (tmp_path / "canary").exists()
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    torch.load(saved / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "canary").exists()  # the attack itself is a real one


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm, "create_model", Mock(side_effect=OSError("the hub cannot be reached")))
    message = r"hf-hub:BVRA/MegaDescriptor-T-224 cannot be loaded \(the hub cannot be.* megadescriptor:FOLDER"
    with pytest.raises(UserError, match=message):
        open_megadescriptor("")
