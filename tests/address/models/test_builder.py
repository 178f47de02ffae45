import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from wildtrack.address.models import backbones as model_module
from wildtrack.address.models.backbones import backbone_names, build_backbone, family_scaling
from wildtrack.address.models.builder import build_model, stem
from wildtrack.errors import UserError

REAL_WEIGHTS = (
    Path(os.path.abspath(__file__)).parents[4] / "shared/weights/mobilenet_v1_075_224_imagenet.weights.h5"  # noqa: PTH100
)
SMALL: dict[str, Any] = {"alpha": 0.25, "image_size": 32}


def build(name: str = "MobileNet", pooling: str = "average", **changes: Any) -> Any:
    backbone = build_backbone(name, **({**SMALL, "weights": "none"} | changes))
    return build_model(backbone, embed_dim=8, num_ids=3, pooling=pooling)


def mobilenet(**options: Any) -> Any:
    """A backbone whose every weight is unlike a new one's, as after training."""
    model = keras.applications.MobileNet(weights=None, **options)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    return model


def preprocess_input(backbone: str) -> Any:
    module = getattr(keras.applications, backbone).__module__
    return __import__(module, fromlist=["preprocess_input"]).preprocess_input


@pytest.mark.parametrize("backbone", backbone_names())
def test_scaling_is_the_family_s_own(backbone: str) -> None:
    photos = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3)).astype(np.float32)
    kernel, bias = family_scaling(backbone)
    np.testing.assert_allclose(photos @ kernel + bias, preprocess_input(backbone)(photos.copy()), atol=1e-4)


@pytest.mark.parametrize("backbone", ["MobileNet", "ResNet50", "DenseNet121", "EfficientNetV2B0"])
def test_the_built_model_scales_so_too(backbone: str) -> None:
    model = build(backbone)
    photos = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(model.get_layer("scaling")(photos), preprocess_input(backbone)(photos.copy()), atol=1e-3)
    probabilities = np.asarray(model(photos, training=False))
    assert probabilities.shape == (2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert {"backbone", "pooled", "embedding", "centres", "cosine"} <= {layer.name for layer in model.layers}


def test_every_centre_has_length_one() -> None:
    centres = np.asarray(build().get_layer("centres").kernel)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=0), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "changes", "reason"),
    [
        ("MobileNet9", {}, "MobileNet9.* choose one of: .*MobileNet"),
        ("", {}, "not in keras.applications"),
        ("keras", {}, "not in keras.applications"),
        ("MobileNet", {"image_size": 8}, "cannot be built at image_size 8"),
        ("InceptionV3", {}, "cannot be built at image_size 32"),
        ("MobileNet", {"weights": "nowhere.h5"}, "is no file; allowed are auto, imagenet, none"),
        ("MobileNet", {"weights": "."}, "is no file"),
    ],
)
def test_what_cannot_be_built(backbone: str, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        build(backbone, **changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("with_top", [True, False])
def test_weights_from_a_file(tmp_path: Path, with_top: bool) -> None:
    source = mobilenet(alpha=0.25, input_shape=None if with_top else (32, 32, 3), include_top=with_top)
    path = tmp_path / "some.weights.h5"
    source.save_weights(path)
    backbone = build_backbone("MobileNet", weights=str(path), **SMALL)
    assert backbone.origin == str(path)
    assert backbone.pretrained
    for mine, theirs in zip(backbone.network.get_weights(), source.get_weights(), strict=False):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("content", ["other alpha", "other backbone", "text", "empty"])
def test_weights_that_do_not_fit(tmp_path: Path, content: str) -> None:
    path = tmp_path / "some.weights.h5"
    if content == "other alpha":
        mobilenet(alpha=0.5, input_shape=(32, 32, 3), include_top=False).save_weights(path)
    elif content == "other backbone":
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(path)
    else:
        path.write_text("hello" if content == "text" else "")
    reason = "is not a weights file" if content in ("text", "empty") else "do not fit this backbone"
    with pytest.raises(UserError, match=reason) as error:
        build_backbone("MobileNet", weights=str(path), **SMALL)
    assert "\n" not in str(error.value)


def test_the_real_weights_file() -> None:
    if not REAL_WEIGHTS.is_file():
        pytest.skip(f"{REAL_WEIGHTS} is not on this machine")
    backbone = build_backbone("MobileNet", alpha=0.75, image_size=64, weights=str(REAL_WEIGHTS))
    assert np.isfinite(backbone.network(np.zeros((1, 64, 64, 3), np.float32))).all()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    real = model_module.backbone_builder("MobileNet")

    def builder(**options: Any) -> Any:
        if options.get("weights") == "imagenet":
            raise Exception("URL fetch failure on https://...: None -- no route\nto host")
        return real(**options)

    builder.__signature__ = __import__("inspect").signature(real)  # type: ignore[attr-defined]
    builder.__module__ = real.__module__
    monkeypatch.setattr(model_module, "backbone_builder", lambda name: builder)


@pytest.mark.usefixtures("offline")
def test_offline_auto_starts_from_random_weights(caplog: pytest.LogCaptureFixture) -> None:
    backbone = build_backbone("MobileNet", weights="auto", **SMALL)
    assert (backbone.origin, backbone.pretrained) == ("random", False)
    assert "random weights are used instead" in caplog.text


@pytest.mark.usefixtures("offline")
def test_offline_auto_has_the_weights_of_none() -> None:
    weights = []
    for name in ("auto", "none"):
        keras.utils.set_random_seed(3)
        weights.append(build_backbone("MobileNet", weights=name, **SMALL).network.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("offline")
def test_offline_imagenet_is_one_clear_line() -> None:
    with pytest.raises(UserError, match=r"cannot be downloaded .* --weights none") as error:
        build(weights="imagenet")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("pooling", "expected"), [("average", "average"), ("grid", "grid"), ("auto", "grid")])
def test_pooling(pooling: str, expected: str) -> None:
    model = build(image_size=64, pooling=pooling)
    pooled = model.get_layer("pooled").output.shape
    channels = model.get_layer("backbone").output.shape[-1]
    assert pooled == (None, channels if expected == "average" else 64 * channels)


def test_auto_pooling_is_average_for_weights_worth_keeping(tmp_path: Path) -> None:
    path = tmp_path / "some.weights.h5"
    mobilenet(alpha=0.25, input_shape=(32, 32, 3), include_top=False).save_weights(path)
    model = build(weights=str(path), pooling="auto")
    assert model.get_layer("pooled").output.shape == (None, 256)


def test_the_size_goes_with_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "some.weights.h5"
    mobilenet(alpha=0.25, input_shape=(32, 32, 3), include_top=False).save_weights(path)
    options: dict[str, Any] = {"alpha": 0.25, "image_size": None}
    assert build_backbone("MobileNet", weights=str(path), **options).image_size == (224, 224)
    assert build_backbone("MobileNet", weights="none", **options).image_size == (128, 128)


@pytest.mark.parametrize("size", [32, 100, 128])
@pytest.mark.parametrize("name", ["MobileNet", "ResNet50", "EfficientNetV2B0"])
def test_the_stem_ends_at_stride_8(name: str, size: int) -> None:
    network = build_backbone(name, alpha=0.25, image_size=size, weights="none").network
    layers = stem(network)
    side = -(-size // 8)
    assert layers == network.layers[: len(layers)]
    assert layers[-1].output.shape[1:3] == (side, side)
    assert all(layer.output.shape[1] != side for layer in network.layers[len(layers) :])


def test_no_stem() -> None:
    photo = keras.Input((32, 32, 3))
    assert stem(keras.Model(photo, keras.layers.Conv2D(2, 16, 16)(photo))) == []
