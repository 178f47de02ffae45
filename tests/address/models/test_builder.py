import functools
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from wildtrack.address.models import backbones
from wildtrack.address.models.backbones import backbone_names, build_backbone, family_scaling
from wildtrack.address.models.builder import build_model, stem
from wildtrack.errors import UserError

HERE = Path(os.path.abspath(__file__))  # noqa: PTH100
REAL_WEIGHTS = HERE.parents[4] / "shared/weights/mobilenet_v1_075_224_imagenet.weights.h5"
SMALL: dict[str, Any] = {"alpha": 0.25, "image_size": 32}
SMALLEST: dict[str, Any] = {"alpha": 0.25, "input_shape": (32, 32, 3), "include_top": False}  # the same, for Keras


def build(name: str = "MobileNet", pooling: str = "average", **changes: Any) -> Any:
    backbone = build_backbone(name, **({**SMALL, "weights": "none"} | changes))
    return build_model(backbone, embed_dim=8, num_ids=3, pooling=pooling)


def mobilenet(**options: Any) -> Any:
    """A backbone whose every weight is unlike a new one's, as after training."""
    model = keras.applications.MobileNet(weights=None, **options)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def test_scaling_is_the_family_s_own() -> None:
    photos = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3)).astype(np.float32)
    for name in backbone_names():
        kernel, bias = family_scaling(name)
        family = import_module(getattr(keras.applications, name).__module__)
        expected = family.preprocess_input(photos.copy())
        np.testing.assert_allclose(photos @ kernel + bias, expected, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("backbone", ["MobileNet", "ResNet50"])
def test_the_built_model(backbone: str) -> None:
    model = build(backbone)
    photos = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    probabilities = np.asarray(model(photos, training=False))
    assert probabilities.shape == (2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert {"backbone", "pooled", "embedding", "centres", "cosine"} <= {layer.name for layer in model.layers}
    centres = np.asarray(model.get_layer("centres").kernel)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=0), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "changes", "reason"),
    [
        ("MobileNet9", {}, "MobileNet9.* choose one of: .*MobileNet"),
        ("", {}, "not in keras.applications"),
        ("keras", {}, "not in keras.applications"),
        ("MobileNet", {"image_size": 8}, "cannot be built with --image-size 8"),
        ("InceptionV3", {}, "cannot be built with --image-size 32"),
        ("MobileNet", {"weights": "nowhere.h5"}, "--weights nowhere.h5 is not a file; allowed are auto"),
        ("MobileNet", {"weights": "."}, "--weights . is not a file; allowed are auto"),
    ],
)
def test_settings_that_cannot_be_built(backbone: str, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        build(backbone, **changes)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "some.weights.h5"
    mobilenet(**SMALLEST).save_weights(path)
    return path


def test_weights_without_and_with_a_classifier(tmp_path: Path, weights_file: Path) -> None:
    source, path = mobilenet(alpha=0.25), tmp_path / "whole.weights.h5"
    source.save_weights(path)
    for file, expected in ((weights_file, mobilenet(**SMALLEST)), (path, source)):
        backbone = build_backbone("MobileNet", weights=str(file), **SMALL)
        assert (backbone.origin, backbone.pretrained) == (str(file), True)
        for mine, theirs in zip(backbone.network.get_weights(), expected.get_weights(), strict=False):
            np.testing.assert_array_equal(mine, theirs)
    model = build_model(backbone, embed_dim=8, num_ids=3, pooling="auto")
    assert model.get_layer("pooled").output.shape == (None, 256)  # "average"
    options: dict[str, Any] = {"alpha": 0.25, "image_size": None}
    assert build_backbone("MobileNet", weights=str(weights_file), **options).image_size == (224, 224)
    assert build_backbone("MobileNet", weights="none", **options).image_size == (128, 128)


def test_weights_that_do_not_fit(tmp_path: Path, weights_file: Path) -> None:
    other, text, empty = (tmp_path / f"{name}.weights.h5" for name in ("other", "text", "empty"))
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(other)
    text.write_text("hello")
    empty.touch()
    for path, alpha in ((weights_file, 0.5), (other, 0.25), (text, 0.25), (empty, 0.25)):
        reason = "is not a weights file" if path in (text, empty) else "do not fit this backbone"
        with pytest.raises(UserError, match=reason) as error:
            build_backbone("MobileNet", alpha=alpha, image_size=32, weights=str(path))
        assert "\n" not in str(error.value)


def test_the_real_weights_file() -> None:
    if not REAL_WEIGHTS.is_file():
        pytest.skip(f"{REAL_WEIGHTS} is not on this machine")
    backbone = build_backbone("MobileNet", alpha=0.75, image_size=64, weights=str(REAL_WEIGHTS))
    assert np.isfinite(backbone.network(np.zeros((1, 64, 64, 3), np.float32))).all()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    real = backbones.backbone_builder("MobileNet")

    @functools.wraps(real)
    def builder(**options: Any) -> Any:
        if options.get("weights") == "imagenet":
            raise Exception("URL fetch failure on https://...: None -- no route\nto host")
        return real(**options)

    monkeypatch.setattr(backbones, "backbone_builder", lambda name: builder)


@pytest.mark.usefixtures("offline")
def test_offline_imagenet_is_refused_and_auto_gives_random_weights(caplog: pytest.LogCaptureFixture) -> None:
    found = []
    for name in ("auto", "none"):
        keras.utils.set_random_seed(3)
        found.append(build_backbone("MobileNet", weights=name, **SMALL))
    assert (found[0].origin, found[0].pretrained) == ("random", False)
    assert "random weights are used instead" in caplog.text
    for one, other in zip(*(each.network.get_weights() for each in found), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(UserError, match=r"cannot be downloaded .* --weights none") as error:
        build(weights="imagenet")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("pooling", "cells"), [("average", 1), ("grid", 64), ("auto", 64)])
def test_pooling(pooling: str, cells: int) -> None:
    model = build(image_size=64, pooling=pooling)
    assert model.get_layer("pooled").output.shape == (None, cells * model.get_layer("backbone").output.shape[-1])


@pytest.mark.parametrize(("name", "size"), [("MobileNet", 32), ("MobileNet", 100), ("ResNet50", 128)])
def test_the_stem_ends_at_stride_8(name: str, size: int) -> None:
    network = build_backbone(name, alpha=0.25, image_size=size, weights="none").network
    layers = stem(network)
    side = -(-size // 8)
    assert layers == network.layers[: len(layers)] and layers[-1].output.shape[1:3] == (side, side)
    assert all(layer.output.shape[1] != side for layer in network.layers[len(layers) :])
    photo = keras.Input((32, 32, 3))
    assert stem(keras.Model(photo, keras.layers.Conv2D(2, 16, 16)(photo))) == []  # none
