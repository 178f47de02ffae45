from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wildtrack.access.photos.pixel_cache import Decoded, decode_catalogue
from wildtrack.address.artifacts import Artifacts, open_artifacts
from wildtrack.address.evaluation.data import EvaluationData
from wildtrack.address.evaluation.method import Comparison, Method
from wildtrack.address.evaluation.methods import check_methods, open_methods, words
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.matching.matching import Matching
from wildtrack.address.models.saved import LoadingConfig
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig


@pytest.fixture
def photos(catalogue: pd.DataFrame, photo_folder: Path, tmp_path: Path) -> Decoded:
    return decode_catalogue(catalogue, photo_folder, (32, 32), CacheConfig(root=tmp_path / "cache"))


@pytest.fixture
def comparison(photos: Decoded, photo_folder: Path, tmp_path: Path) -> Comparison:
    protocol = Protocol(np.array([0, 4, 8]), np.array([1, 2, 3, 5, 6, 7, 9, 10, 11]), "by hand", 0)
    data = EvaluationData(photo_folder, photos, protocol, np.zeros((3, 9), np.bool_))
    return Comparison(data, CacheConfig(root=tmp_path / "cache"))


@pytest.fixture
def ours(saved_artifacts: Path) -> Artifacts:
    """Our model, with what its training would have noted."""
    opened = open_artifacts(saved_artifacts)
    assert opened.config is not None
    return replace(opened, config=replace(opened.config, pooling="auto"))


def opened(names: list[str], artifacts: Artifacts, photos: Decoded, scaling: str = "auto") -> list[Method]:
    return open_methods(names, artifacts, LoadingConfig(scaling), lambda: photos)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("pixel", "there is no method 'pixel'; allowed are pixels, backbone"),
        ("Wildtrack", "there is no method 'Wildtrack'"),
        ("", "there is no method ''|'' is a folder"),
        ("folder", r"method 'folder' is a folder; name the model file in it, such as folder.model\.onnx"),
        ("folder.onnx", r"'folder\.onnx' is a folder"),
        ("gone.onnx", r"there is no model file 'gone\.onnx'"),
        ("weights.pt", r"there is no method 'weights\.pt'.*\.keras, \.h5, \.onnx"),
        ("megadescriptors", "there is no method"),
    ],
)
def test_what_is_no_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "folder.onnx"):
        (tmp_path / name).mkdir()
    for name in ("weights.pt", "model.h5"):
        (tmp_path / name).touch()
    assert words() == ["pixels", "backbone", "untrained", "wildtrack", "local", "fused", "megadescriptor"]
    check_methods([*words()[:-1], "model.h5"])
    with pytest.raises(UserError, match=message):
        check_methods(["pixels", word])
    with pytest.raises(UserError, match="--methods names no method; allowed are"):
        check_methods([])


def test_nothing_is_fused_unvalidated(ours: Artifacts, photos: Decoded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert [method.name for method in opened(["pixels", "local", "fused"], ours, photos)] == ["pixels", "local"]
    assert "Left out: fused, as the model in" in caplog.text and "has learnt nothing for it" in caplog.text


def test_local_and_fused_methods(ours: Artifacts, photos: Decoded, matching: Matching) -> None:
    assert ours.config is not None
    timed = replace(ours, config=replace(ours.config, training_minutes=3.5), matching=matching)
    found = opened(["wildtrack", "local", "fused"], timed, photos)
    assert [method.matcher for method in found] == ["embedding", "local", "fused"]
    embedding, local, fused = found
    assert (local.embedder, local.matching, local.minutes, embedding.minutes) == (None, None, 0.0, 3.5)
    assert (fused.matching, fused.minutes) == (matching, None)
    assert fused.embedder is not None and embedding.embedder is not None
    assert fused.embedder.fingerprint == embedding.embedder.fingerprint
    together = "embedding and local together, as validation photos taught what their scores mean"
    assert [method.note for method in found] == ["", "RootSIFT, LNBNN, affine MAGSAC", together]
    assert len({method.fingerprint for method in found}) == 3


@pytest.mark.parametrize("word", ["megadescriptor", "megadescriptor:folder"])
def test_megadescriptor_without_its_packages(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr("wildtrack.address.models.megadescriptor.find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs torch, torchvision, timm: pip install torch torchvision timm"):
        check_methods([word])


def test_methods_score(ours: Artifacts, photos: Decoded, comparison: Comparison, saved_artifacts: Path) -> None:
    found = opened(["pixels", "untrained", "wildtrack", str(saved_artifacts / "model.onnx")], ours, photos)
    answers = [comparison.score(method) for method in found]
    assert [answer.embed_dim for answer in answers] == [3072, 4 * 4 * 64, 8, 8]
    for answer in answers:
        assert answer.scores.shape == (3, 9) and np.abs(answer.scores).max() <= 1 + 1e-5
    np.testing.assert_allclose(answers[2].scores, answers[3].scores, atol=1e-6)
    assert [method.runs_on for method in found] == ["NumPy", "Keras", "ONNX Runtime", "ONNX Runtime"]
    (keras,) = opened([str(saved_artifacts / "model.h5")], ours, photos)
    assert keras.fingerprint == found[2].fingerprint  # the same network; its embeddings are kept by themselves
    again = Comparison(comparison.data, comparison.cache).score(keras)
    np.testing.assert_allclose(again.scores, answers[2].scores, atol=1e-6)


def test_random_weights_have_no_backbone(ours: Artifacts, photos: Decoded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert [method.name for method in opened(["backbone", "untrained"], ours, photos)] == ["untrained"]
    assert "Left out: backbone, as the training started from random weights" in caplog.text
    with pytest.raises(UserError, match="none of the methods backbone for this training"):
        opened(["backbone"], ours, photos)


@pytest.mark.parametrize(("pooling", "left"), [("auto", ["backbone"]), ("grid", ["backbone", "untrained"])])
def test_the_pretrained_backbone(
    ours: Artifacts, photos: Decoded, tmp_path: Path, pooling: str, left: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """As if the training had started from a weights file."""
    from wildtrack.address.models.backbones import build_backbone

    caplog.set_level("INFO")
    start = str(tmp_path / "start.weights.h5")
    build_backbone("MobileNet", alpha=0.25, image_size=32, weights="none").network.save_weights(start)
    assert ours.config is not None
    artifacts = replace(ours, config=replace(ours.config, starting_weights=start, pooling=pooling))
    found = opened(["backbone", "untrained"], artifacts, photos)
    assert [method.name for method in found] == left
    assert ("untrained, which is the same network as backbone here" in caplog.text) == (len(left) == 1)
    assert "start.weights.h5" in found[0].note
    again = opened(["backbone"], artifacts, photos)
    assert again[0].fingerprint == found[0].fingerprint


def test_what_the_others_are_held_against_is_never_left_out(
    ours: Artifacts, photos: Decoded, saved_artifacts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    found = opened([str(saved_artifacts / "model.keras"), "pixels", "wildtrack"], ours, photos)
    assert [method.name for method in found] == ["pixels", "wildtrack"]
    assert "which is the same network as wildtrack here" in caplog.text


def test_third_party(
    third_party: Path, photos: Decoded, comparison: Comparison, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    found = opened(["backbone", "untrained", "wildtrack"], open_artifacts(third_party), photos)
    assert [(method.name, method.runs_on) for method in found] == [("wildtrack", "ONNX Runtime")]
    assert caplog.text.count("does not say what it started from") == 2
    assert comparison.score(found[0]).embed_dim == 8
    assert (third_party / "model.onnx").is_file()  # as search will run it


def test_keras_without_scaling(ours: Artifacts, photos: Decoded, comparison: Comparison, tmp_path: Path) -> None:
    import keras

    layers: list[Any] = [keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    path = tmp_path / "plain.keras"
    keras.Sequential([keras.Input((None, None, 3)), *layers, keras.layers.Softmax()]).save(path)
    with pytest.raises(UserError, match=r"plain\.keras does not say how it wants its pixels scaled; set --scaling"):
        opened([str(path)], ours, photos)
    (method,) = opened([str(path)], ours, photos, "0-1")
    assert comparison.score(method).embed_dim == 4 and "pixels 0-1" in method.note
    assert method.fingerprint != opened([str(path)], ours, photos, "-1-1")[0].fingerprint
