import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.helpers.keras_files import edit_config
from wildtrack.address.models.layers import L2Normalize
from wildtrack.address.models.loading.legacy import mend, readable_by_keras_3
from wildtrack.address.models.network import load_keras_file, network_fingerprint, open_network
from wildtrack.errors import UserError

SIDE = 32


def photo_input(side: int | None = SIDE) -> Any:
    return keras.Input((side, side, 3))


def classes(features: Any) -> Any:
    return layers.Dense(4, activation="softmax")(features)


def mobilenet(include_top: bool = False, **options: Any) -> Any:
    small: dict[str, Any] = {"input_shape": (SIDE, SIDE, 3), "alpha": 0.25, "weights": None}
    return keras.applications.MobileNet(include_top=include_top, **small, **options)


# each gives a model of another form, and the model that gives its embedding before it is normalised
def sequential() -> tuple[Any, Any]:
    backbone = mobilenet(pooling="avg")
    return keras.Sequential([backbone, layers.Dense(4, "softmax")]), keras.Model(backbone.inputs, backbone.output)


def nested() -> tuple[Any, Any]:
    photos, outer = photo_input(), photo_input()
    pooled = layers.GlobalAveragePooling2D()(mobilenet()(photos / 127.5 - 1.0, training=False))
    logits = layers.Dense(4)(layers.Dropout(0.5)(pooled))
    inner = keras.Model(photos, layers.Activation("softmax")(logits))
    return keras.Model(outer, inner(layers.Resizing(SIDE, SIDE)(outer))), keras.Model(photos, pooled)


def perceptron() -> tuple[Any, Any]:
    photos = photo_input()
    hidden = layers.Dense(8, activation="tanh")(layers.Flatten()(layers.Rescaling(1 / 255)(photos)))
    return keras.Model(photos, classes(hidden)), keras.Model(photos, hidden)


def flat_application() -> tuple[Any, Any]:
    model = mobilenet(include_top=True, classes=4)
    return model, keras.Model(model.input, model.get_layer("dropout").output)


def normalising_head() -> tuple[Any, Any]:
    photos = photo_input()
    embedding = L2Normalize()(layers.Dense(5)(layers.GlobalMaxPooling2D()(layers.Conv2D(6, 3)(photos))))
    hidden = layers.Dense(7)(embedding)  # not the embedding, though it feeds the classifier
    return keras.Model(photos, classes(hidden)), keras.Model(photos, embedding)


def of_any_size_with_lists_and_a_split() -> tuple[Any, Any]:
    photos = photo_input(None)
    one, other = keras.ops.split(layers.Conv2D(4, 3)(photos), 2, axis=-1)
    pooled = layers.GlobalAveragePooling2D()(one * other)
    return keras.Model([photos], [classes(pooled)]), keras.Model(photos, pooled)


BUILDERS = (sequential, nested, perceptron, flat_application, normalising_head, of_any_size_with_lists_and_a_split)


def shake(model: Any) -> None:
    """Weights and statistics under which no layer is nearly the identity."""
    rng = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])


PHOTOS = np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.float32)


@pytest.mark.parametrize("build", BUILDERS)
def test_the_opened_network_is_the_same_network(build: Callable[[], tuple[Any, Any]]) -> None:
    keras.utils.set_random_seed(0)
    model, expected = build()
    shake(model)
    network = open_network(model)
    outputs = network.keras_model(PHOTOS, training=False)
    (probabilities,) = keras.tree.flatten(model(PHOTOS, training=False))
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-5)
    embedding = np.array(expected(PHOTOS, training=False)).reshape(3, -1)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    np.testing.assert_allclose(outputs["embedding"], embedding, atol=1e-5)
    assert (network.features is None) == (build is perceptron)
    assert network.scales_itself == (build is perceptron)
    assert ("L2Normalize" in network.embedding_from) == (build is normalising_head)


def test_our_own_network(tiny_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network = open_network(tiny_model)
    outputs = network.keras_model(PHOTOS, training=False)
    np.testing.assert_allclose(outputs["probabilities"], tiny_model(PHOTOS, training=False), atol=1e-6)
    assert outputs["embedding"].shape == (3, 8) and "'embedding'" in network.embedding_from
    assert network.scales_itself
    before = fingerprint(tiny_model)
    monkeypatch.setattr(L2Normalize, "__module__", "wildtrack.elsewhere")
    assert fingerprint(tiny_model) == before


def fingerprint(model: Any) -> str:
    return network_fingerprint(open_network(model), (SIDE, SIDE), "0-255")


def head(activation: str = "relu", deeper: bool = False, normalised: str = "") -> Any:
    """A small classifier; other arguments change the network and none of its weights."""
    keras.utils.set_random_seed(0)
    photo = photo_input()
    pooled = layers.GlobalMaxPooling2D(name="pooled")(layers.Conv2D(4, 3, activation=activation, name="conv")(photo))
    first = L2Normalize(name="one")(pooled) if normalised == "first" else pooled
    hidden = layers.Dense(4, name="hidden")(first)
    last = L2Normalize(name="one")(hidden) if normalised == "last" else hidden
    outputs = layers.Activation("softmax", name="answer")(layers.Dense(4, name="classes")(last))
    return keras.Model(photo, layers.ReLU(name="more")(outputs) if deeper else outputs)


def test_the_fingerprint_covers_the_network_and_where_the_embedding_is_taken() -> None:
    models = [head(), head("tanh"), head(deeper=True), head(normalised="first"), head(normalised="last")]
    for model in models[1:]:
        for one, other in zip(models[0].get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert open_network(models[-2]).embedding_from == open_network(models[-1]).embedding_from
    assert len(set(map(fingerprint, models))) == len(models) and fingerprint(models[0]) == fingerprint(head())


FINGERPRINT = """
import sys, keras
from pathlib import Path
from wildtrack.address.models.network import load_keras_file, network_fingerprint, open_network
keras.layers.Flatten(), keras.layers.Dropout(0.5)  # so that Keras numbers its names otherwise than elsewhere
for path in sys.argv[1:]:
    print(network_fingerprint(open_network(load_keras_file(Path(path), {})), (32, 32), "0-255"))
"""


@pytest.mark.slow
def test_the_fingerprint_of_a_file_is_the_same_in_every_process(tmp_path: Path) -> None:
    paths = [tmp_path / f"{build.__name__}.keras" for build in BUILDERS]
    for build, path in zip(BUILDERS, paths, strict=True):
        build()[0].save(path)
    paths.append(tmp_path / "random.h5")
    photo = photo_input()
    flat = layers.Dropout(0.5)(layers.Conv2D(2, SIDE)(layers.GaussianNoise(0.1)(photo)))
    keras.Model(photo, layers.Dense(4)(flat)).save(paths[-1])
    command = [sys.executable, "-c", FINGERPRINT, *map(str, paths)]
    elsewhere = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.split()
    assert elsewhere == [fingerprint(load_keras_file(path, {})) for path in paths]
    assert len(set(elsewhere)) == len(paths)


class Subclassed(keras.Model):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return inputs


def several(inputs: int, outputs: int) -> Any:
    photos = [photo_input() for _ in range(inputs)]
    flat = layers.Flatten()(sum(photos))
    return keras.Model(photos, [layers.Dense(2)(flat) for _ in range(outputs)])


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (lambda: several(2, 1), "one input and one output"),
        (lambda: several(1, 2), "one input and one output"),
        (Subclassed, "Functional or Sequential"),
        (lambda: keras.Sequential([layers.Dense(2)]), "Functional or Sequential"),
        (lambda: keras.Sequential([keras.Input((5,)), layers.Dense(2)]), "not photos"),
        (lambda: keras.Sequential([keras.Input((SIDE, SIDE, 1)), layers.Dense(2)]), "not photos"),
        (lambda: keras.Sequential([photo_input(), layers.Flatten()]), "no layer with weights"),
    ],
)
def test_models_that_cannot_be_opened(model: Callable[[], Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        open_network(model())


@pytest.mark.parametrize(
    ("parts", "scales"),
    [
        ([layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(4)], True),
        ([layers.Conv2D(3, 1, name="scaling"), layers.Flatten(), layers.Dense(4)], True),  # as our builder has it
        ([layers.Flatten(), layers.Dense(4), layers.Rescaling(16.0), layers.Softmax()], False),  # a temperature
        ([layers.Conv2D(4, 3), layers.Normalization(), layers.Rescaling(0.2), layers.Conv2D(4, 1, name="scaling"),
          layers.Flatten(), layers.Dense(4)], False),
    ],
)  # fmt: skip
def test_only_scaling_of_the_photos_counts_as_input_scaling(parts: list[Any], scales: bool) -> None:
    assert open_network(keras.Sequential([photo_input(), *parts])).scales_itself == scales


def test_applications_that_scale_their_input() -> None:
    for name in ("EfficientNetB0", "MobileNetV3Small", "ConvNeXtTiny"):  # Rescaling, Normalization, or both
        model = getattr(keras.applications, name)(weights=None, input_shape=(SIDE, SIDE, 3), classes=4)
        assert open_network(model).scales_itself, name


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        load_keras_file(path, {})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_damaged_model_is_refused(tmp_path: Path, name: str) -> None:
    perceptron()[0].save(tmp_path / name)
    with readable_by_keras_3(tmp_path / name, ()) as path:
        assert path == tmp_path / name  # a file of Keras 3 is not copied
    whole = (tmp_path / name).read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"hello"):
        (tmp_path / name).write_bytes(content)
        assert re.search(f"{name} (cannot be loaded|was not loaded: it is damaged)", refused(tmp_path / name))


class Unknown(layers.Layer):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return inputs * 2


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_an_unknown_layer_is_loaded_only_with_its_class(tmp_path: Path, name: str) -> None:
    photo, path = photo_input(), tmp_path / name
    keras.Model(photo, layers.Dense(4)(layers.Flatten()(Unknown()(photo)))).save(path)
    if name == "model.keras":  # else Keras would import this very module
        edit_config(path, lambda config: config.update(json.loads(json.dumps(config).replace(__name__, "gone"))))
    assert re.search("it is made with '(Custom>)?Unknown'.* CUSTOM_OBJECTS", refused(path))
    loaded = load_keras_file(path, {"Unknown": Unknown})
    assert open_network(loaded).keras_model.output["probabilities"].shape == (None, 4)


KERAS_2 = {
    "DepthwiseConv2D": {"groups": 1},
    "BatchNormalization": {"axis": [3]},
    "SeparableConv2D": {"groups": 1}
    | dict.fromkeys(f"kernel_{n}" for n in ("initializer", "regularizer", "constraint")),
}


def as_keras_2(node: Any) -> Any:
    """What Keras 2.15 wrote in these places."""
    if isinstance(node, list):
        return [as_keras_2(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: as_keras_2(value) for key, value in node.items()}
    config = node.get("config")
    if node.get("class_name") in KERAS_2:
        config |= KERAS_2[node["class_name"]]
    if node.get("class_name") == "Functional":
        node |= {"module": "keras.src.engine.functional"}
        for key in ("input_layers", "output_layers"):
            config[key] = [config[key]] if isinstance(config[key][0], str) else config[key]
    return node


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_model_saved_by_tensorflow_2_15_is_read(tmp_path: Path, name: str) -> None:
    photo = photo_input()
    normalised = layers.BatchNormalization()(layers.DepthwiseConv2D(5, strides=4)(photo))
    separable = layers.SeparableConv2D(6, 1)(normalised)
    model = keras.Sequential([keras.Model(photo, separable), layers.Flatten(), layers.Dense(4, "softmax")])
    model.build((None, SIDE, SIDE, 3))
    shake(model)
    model.save(tmp_path / name)
    edit_config(tmp_path / name, lambda config: config.update(as_keras_2(config)))
    before = (tmp_path / name).read_bytes()
    outputs = open_network(load_keras_file(tmp_path / name, {})).keras_model(PHOTOS, training=False)
    np.testing.assert_allclose(outputs["probabilities"], model(PHOTOS), atol=1e-5)
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
    assert open_network(model).scales_itself
    assert model.get_layer("inner").output.shape == (None, SIDE - 2, SIDE - 2, 3)
    scaled = model.get_layer("sub")(model.get_layer("div")(PHOTOS))
    np.testing.assert_allclose(scaled, PHOTOS / 127.5 - 1, atol=1e-5)
    divisions: list[dict[str, Any]] = [{"y": 0}, {"y": ["other", 0, 0]}, {}]
    for function, options in (*(("math.truediv", each) for each in divisions), ("reshape", {"y": 1})):
        node = keras_2_layer("op", "TFOpLambda", [["photo", 0, 0, options]], function=function)
        assert mend(node) == node, "no scaling: it stays as it is"
