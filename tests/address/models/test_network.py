import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from wildtrack.address.models.layers import L2Normalize
from wildtrack.address.models.loading.legacy import mend, readable_by_keras_3
from wildtrack.address.models.network import (
    load_keras_file,
    network_fingerprint,
    open_network,
)
from wildtrack.errors import UserError

SIDE = 32


def mobilenet(**options: Any) -> Any:
    return keras.applications.MobileNet(
        input_shape=(SIDE, SIDE, 3), alpha=0.25, weights=None, **{"include_top": False, **options}
    )


def sequential() -> tuple[Any, Any]:
    backbone = mobilenet(pooling="avg")
    model = keras.Sequential([backbone, layers.Dense(4, activation="softmax")])
    return model, keras.Model(backbone.inputs, backbone.output)


def functional() -> tuple[Any, Any]:
    photos = keras.Input((SIDE, SIDE, 3))
    backbone = mobilenet()
    pooled = layers.GlobalAveragePooling2D()(backbone(photos / 127.5 - 1.0, training=False))
    classes = layers.Dense(4)(layers.Dropout(0.5)(pooled))
    return keras.Model(photos, layers.Activation("softmax")(classes)), keras.Model(photos, pooled)


def wrapped() -> tuple[Any, Any]:
    inner, expected = functional()
    photos = keras.Input((SIDE, SIDE, 3))
    return keras.Model(photos, inner(layers.Resizing(SIDE, SIDE)(photos))), expected


def list_in_list_out() -> tuple[Any, Any]:
    photos = keras.Input((SIDE, SIDE, 3))
    flat = layers.Flatten()(layers.Conv2D(2, 5, strides=5)(photos))
    return keras.Model([photos], [layers.Dense(4, activation="softmax")(flat)]), keras.Model(photos, flat)


def perceptron() -> tuple[Any, Any]:
    photos = keras.Input((SIDE, SIDE, 3))
    hidden = layers.Dense(8, activation="tanh")(layers.Flatten()(layers.Rescaling(1 / 255)(photos)))
    return keras.Model(photos, layers.Dense(4, activation="softmax")(hidden)), keras.Model(photos, hidden)


def flat_application() -> tuple[Any, Any]:
    model = mobilenet(include_top=True, classes=4)
    return model, keras.Model(model.input, model.get_layer("dropout").output)


def normalising_head() -> tuple[Any, Any]:
    photos = keras.Input((SIDE, SIDE, 3))
    pooled = layers.GlobalMaxPooling2D()(layers.Conv2D(6, 3)(photos))
    embedding = L2Normalize()(layers.Dense(5)(pooled))
    hidden = layers.Dense(7)(embedding)  # not the embedding, though it feeds the classifier
    return keras.Model(photos, layers.Dense(4, activation="softmax")(hidden)), keras.Model(photos, embedding)


def with_a_split() -> tuple[Any, Any]:
    photos = keras.Input((SIDE, SIDE, 3))
    one, other = keras.ops.split(layers.Conv2D(4, 3)(photos), 2, axis=-1)
    pooled = layers.GlobalAveragePooling2D()(one * other)
    return keras.Model(photos, layers.Dense(4, activation="softmax")(pooled)), keras.Model(photos, pooled)


def of_any_size() -> tuple[Any, Any]:
    photos = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(photos))
    return keras.Model(photos, layers.Dense(4, activation="softmax")(pooled)), keras.Model(photos, pooled)


BUILDERS = (
    sequential, functional, wrapped, list_in_list_out, perceptron, flat_application, normalising_head, with_a_split,
    of_any_size,
)  # fmt: skip


def shake(model: Any) -> None:
    """Weights and statistics under which no layer is nearly the identity."""
    rng = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])


def photos(count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("build", BUILDERS)
def test_the_opened_network_is_the_same_network(build: Callable[[], tuple[Any, Any]]) -> None:
    keras.utils.set_random_seed(0)
    model, expected = build()
    shake(model)
    network = open_network(model)
    outputs = network.keras_model(photos(), training=False)
    probabilities = model(photos(), training=False)
    np.testing.assert_allclose(
        outputs["probabilities"], probabilities[0] if isinstance(probabilities, list) else probabilities, atol=1e-5
    )
    embedding = np.array(expected(photos(), training=False)).reshape(3, -1)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    np.testing.assert_allclose(outputs["embedding"], embedding, atol=1e-5)
    assert (network.features is None) == (build is perceptron)
    assert network.scales_itself == (build is perceptron)
    assert ("L2Normalize" in network.embedding_from) == (build is normalising_head)


def test_our_own_network(tiny_model: Any) -> None:
    network = open_network(tiny_model)
    outputs = network.keras_model(photos(), training=False)
    np.testing.assert_allclose(outputs["probabilities"], tiny_model(photos(), training=False), atol=1e-6)
    assert outputs["embedding"].shape == (3, 8)
    assert "'embedding'" in network.embedding_from
    assert network.scales_itself


def head(activation: str = "relu", deeper: bool = False, normalised: str = "") -> Any:
    """A small classifier; other arguments change the network and not one of its weights."""
    keras.utils.set_random_seed(0)
    photo = keras.Input((SIDE, SIDE, 3))
    pooled = layers.GlobalMaxPooling2D(name="pooled")(layers.Conv2D(4, 3, activation=activation, name="conv")(photo))
    first = L2Normalize(name="one")(pooled) if normalised == "first" else pooled
    hidden = layers.Dense(4, name="hidden")(first)
    last = L2Normalize(name="one")(hidden) if normalised == "last" else hidden
    outputs = layers.Activation("softmax", name="answer")(layers.Dense(4, name="classes")(last))
    return keras.Model(photo, layers.ReLU(name="more")(outputs) if deeper else outputs)


def fingerprint(model: Any) -> str:
    return network_fingerprint(open_network(model), (SIDE, SIDE), "0-255")


@pytest.mark.parametrize(
    "changes", [{"activation": "tanh"}, {"deeper": True}, {"normalised": "first"}, {"normalised": "last"}], ids=str
)
def test_the_fingerprint_covers_the_network_and_where_the_embedding_is_taken(changes: dict[str, Any]) -> None:
    plain, changed = head(), head(**changes)
    for one, other in zip(plain.get_weights(), changed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert fingerprint(plain) == fingerprint(head())
    assert fingerprint(plain) != fingerprint(changed)


def test_the_fingerprint_tells_one_embedding_from_another() -> None:
    one, other = head(normalised="first"), head(normalised="last")
    assert open_network(one).embedding_from == open_network(other).embedding_from
    assert fingerprint(one) != fingerprint(other)


FINGERPRINT = """
import sys, keras
from pathlib import Path
from wildtrack.address.models.network import load_keras_file, network_fingerprint, open_network
keras.layers.Flatten(), keras.layers.Dropout(0.5)  # so that Keras numbers its names otherwise than elsewhere
for path in sys.argv[1:]:
    print(network_fingerprint(open_network(load_keras_file(Path(path), {})), (32, 32), "0-255"))
"""


def test_the_fingerprint_of_a_file_is_the_same_in_every_process(tmp_path: Path) -> None:
    paths = []
    for build in BUILDERS:
        paths.append(tmp_path / f"{build.__name__}.keras")
        build()[0].save(paths[-1])
    paths.append(tmp_path / "random.h5")
    photo = keras.Input((SIDE, SIDE, 3))
    flat = layers.Dropout(0.5)(layers.Conv2D(2, SIDE)(layers.GaussianNoise(0.1)(photo)))
    keras.Model(photo, layers.Dense(4)(flat)).save(paths[-1])
    command = [sys.executable, "-c", FINGERPRINT, *map(str, paths)]
    elsewhere = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.split()
    assert elsewhere == [fingerprint(load_keras_file(path, {})) for path in paths]
    assert len(set(elsewhere)) == len(paths)


def test_a_class_that_moves_makes_no_other_network(tiny_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(tiny_model)
    monkeypatch.setattr(L2Normalize, "__module__", "wildtrack.elsewhere")
    assert fingerprint(tiny_model) == before


def two_inputs() -> Any:
    one, other = keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))
    return keras.Model([one, other], layers.Dense(2)(layers.Flatten()(one + other)))


def two_outputs() -> Any:
    photo = keras.Input((SIDE, SIDE, 3))
    flat = layers.Flatten()(photo)
    return keras.Model(photo, [layers.Dense(2)(flat), layers.Dense(3)(flat)])


class Subclassed(keras.Model):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return inputs


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (two_inputs, "one input and one output"),
        (two_outputs, "one input and one output"),
        (Subclassed, "Functional or Sequential"),
        (lambda: keras.Sequential([layers.Dense(2)]), "Functional or Sequential"),
        (lambda: keras.Sequential([keras.Input((5,)), layers.Dense(2)]), "not photos"),
        (lambda: keras.Sequential([keras.Input((SIDE, SIDE, 1)), layers.Dense(2)]), "not photos"),
        (lambda: keras.Sequential([keras.Input((SIDE, SIDE, 3)), layers.Flatten()]), "no layer with weights"),
    ],
)
def test_what_cannot_be_opened(model: Callable[[], Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        open_network(model())


def test_a_temperature_is_no_input_scaling() -> None:
    photo = keras.Input((SIDE, SIDE, 3))
    logits = layers.Rescaling(16.0)(layers.Dense(4)(layers.Flatten()(photo)))
    assert not open_network(keras.Model(photo, layers.Softmax()(logits))).scales_itself


def test_scaling_inside_the_network_is_no_input_scaling() -> None:
    photo = keras.Input((SIDE, SIDE, 3))
    deep = layers.Rescaling(0.2)(layers.Normalization()(layers.Conv2D(4, 3)(photo)))
    named = layers.Conv2D(4, 1, name="scaling")(deep)
    assert not open_network(keras.Model(photo, layers.Dense(4)(layers.Flatten()(named)))).scales_itself


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetV2B0", "MobileNetV3Small", "ConvNeXtTiny"])
def test_applications_that_scale_their_input(name: str) -> None:
    model = getattr(keras.applications, name)(weights=None, input_shape=(SIDE, SIDE, 3), classes=4)
    assert open_network(model).scales_itself


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        load_keras_file(path, {})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_damaged_model_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    perceptron()[0].save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"hello"}[damage])
    assert re.search(f"{name} (cannot be loaded|was not loaded: it is damaged)", refused(tmp_path / name))


class Unknown(layers.Layer):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return inputs * 2


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_an_unknown_layer_is_asked_for_and_taken(tmp_path: Path, name: str) -> None:
    photo = keras.Input((SIDE, SIDE, 3))
    keras.Model(photo, layers.Dense(4)(layers.Flatten()(Unknown()(photo)))).save(tmp_path / name)
    if name == "model.keras":  # else Keras would import this very module
        edit_keras(tmp_path / name, lambda config: json.loads(json.dumps(config).replace(__name__, "gone_module")))
    message = refused(tmp_path / name)
    assert "CUSTOM_OBJECTS" in message
    assert "it is made with 'Unknown'" in message or "Custom>Unknown" in message
    loaded = load_keras_file(tmp_path / name, {"Unknown": Unknown})
    assert open_network(loaded).keras_model.output["probabilities"].shape == (None, 4)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_lambda_layer_is_refused_and_never_runs(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    photo = keras.Input((SIDE, SIDE, 3))
    trap = layers.Lambda(lambda x: x * float(__import__("os").open("canary", 64) >= 0))  # 64: create
    keras.Model(photo, layers.Dense(4)(layers.Flatten()(trap(photo)))).save(tmp_path / name)
    canary.unlink()
    keras.saving.load_model(tmp_path / name, compile=False, safe_mode=False)
    assert canary.exists()  # the trap works where nobody is careful
    canary.unlink()
    assert "cannot be loaded" in refused(tmp_path / name)
    assert not canary.exists()


def edit_h5(path: Path, edit: Callable[[Any], Any]) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(edit(json.loads(file.attrs["model_config"])))


def edit_keras(path: Path, edit: Callable[[Any], Any]) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["config.json"] = json.dumps(edit(json.loads(content["config.json"]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def as_keras_2(node: Any) -> Any:
    """What Keras 2.15 wrote in these places."""
    if isinstance(node, list):
        return [as_keras_2(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: as_keras_2(value) for key, value in node.items()}
    config = node.get("config")
    if node.get("class_name") == "DepthwiseConv2D":
        config["groups"] = 1
    if node.get("class_name") == "BatchNormalization":
        config["axis"] = [3]
    if node.get("class_name") == "SeparableConv2D":
        config |= {"groups": 1, "kernel_initializer": None, "kernel_regularizer": None, "kernel_constraint": None}
    if node.get("class_name") == "Functional":
        node |= {"module": "keras.src.engine.functional"}
        for key in ("input_layers", "output_layers"):
            config[key] = [config[key]] if isinstance(config[key][0], str) else config[key]
    return node


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_what_tensorflow_2_15_saved_is_read(tmp_path: Path, name: str) -> None:
    backbone = mobilenet()
    separable = layers.SeparableConv2D(6, 1)(backbone.output)
    model = keras.Sequential(
        [keras.Model(backbone.input, separable), layers.Flatten(), layers.Dense(4, activation="softmax")]
    )
    model.build((None, SIDE, SIDE, 3))
    shake(model)
    model.save(tmp_path / name)
    (edit_keras if name == "model.keras" else edit_h5)(tmp_path / name, as_keras_2)
    before = (tmp_path / name).read_bytes()
    loaded = load_keras_file(tmp_path / name, {})
    np.testing.assert_allclose(
        open_network(loaded).keras_model(photos(), training=False)["probabilities"], model(photos()), atol=1e-5
    )
    assert (tmp_path / name).read_bytes() == before


def keras_2_layer(name: str, kind: str, inbound: list[Any], **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": inbound}


def test_a_graph_as_keras_2_wrote_it() -> None:
    """Arithmetic on the photo, then a nested model, whose first call Keras 2 counts as number one."""
    inner = keras_2_layer("inner", "Functional", [[["sub", 0, 0, {"training": False}]]], layers=[
        keras_2_layer("in", "InputLayer", [], batch_input_shape=[None, SIDE, SIDE, 3]),
        keras_2_layer("conv", "DepthwiseConv2D", [[["in", 0, 0, {}]]], kernel_size=[3, 3], groups=1),
    ], input_layers=[["in", 0, 0]], output_layers=[["conv", 0, 0]])  # fmt: skip
    graph = {"name": "outer", "layers": [
        keras_2_layer("photo", "InputLayer", [], batch_input_shape=[None, SIDE, SIDE, 3]),
        keras_2_layer("div", "TFOpLambda", [["photo", 0, 0, {"y": 127.5, "name": None}]], function="math.truediv"),
        keras_2_layer("sub", "TFOpLambda", [["div", 0, 0, {"y": 1, "name": None}]], function="math.subtract"),
        inner,
        keras_2_layer("flat", "Flatten", [[["inner", 1, 0, {}]]]),
        keras_2_layer("dense", "Dense", [[["flat", 0, 0, {}]]], units=4, activation="softmax"),
    ], "input_layers": [["photo", 0, 0]], "output_layers": [["dense", 0, 0]]}  # fmt: skip
    config = mend({"class_name": "Functional", "config": graph})
    assert mend(config) == config
    model = keras.Model.from_config(config["config"])
    network = open_network(model)
    assert network.scales_itself
    assert model.get_layer("inner").output.shape == (None, SIDE - 2, SIDE - 2, 3)
    scaled = model.get_layer("sub")(model.get_layer("div")(photos()))
    np.testing.assert_allclose(scaled, photos() / 127.5 - 1, atol=1e-5)


@pytest.mark.parametrize(
    ("function", "options"),
    [("math.truediv", {"y": 0}), ("math.truediv", {"y": ["other", 0, 0]}), ("math.truediv", {}), ("reshape", {"y": 1})],
)
def test_operations_that_are_no_scaling_stay_as_they_are(function: str, options: dict[str, Any]) -> None:
    node = keras_2_layer("op", "TFOpLambda", [["photo", 0, 0, options]], function=function)
    assert mend(node) == node


def test_a_file_that_needs_no_mending_is_not_copied(tmp_path: Path) -> None:
    for name in ("model.keras", "model.h5"):
        perceptron()[0].save(tmp_path / name)
        with readable_by_keras_3(tmp_path / name, ()) as path:
            assert path == tmp_path / name
