"""Models saved by Keras 2 (TensorFlow 2.15 and older), made readable by Keras 3."""

import json
import shutil
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py

from wildtrack.address.models.loading.containers import WEIGHTS, check_hdf5, check_keras
from wildtrack.address.models.loading.keras_config import check_config

MAX_CONFIG_BYTES = 100_000_000  # of JSON; a zip file may promise any size
NESTED = ("Functional", "Model", "Sequential")
UNKNOWN_TO_KERAS_3 = {
    "DepthwiseConv2D": ("groups",),  # always 1
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),  # never used
}
# arithmetic with a constant, as Keras 2 noted it -> scale and offset of a Rescaling layer
ARITHMETIC = {
    "math.truediv": lambda constant: (1.0 / constant, 0.0),
    "math.multiply": lambda constant: (constant, 0.0),
    "math.add": lambda constant: (1.0, constant),
    "math.subtract": lambda constant: (1.0, -constant),
    "__operators__.add": lambda constant: (1.0, constant),
}


@contextmanager
def readable_by_keras_3(path: Path, custom_objects: Collection[str]) -> Iterator[Path]:
    """The file itself, or a copy for as long as the context lasts, with a configuration that Keras 3 can load.

    `custom_objects` names the user's own layer classes. UnsafeFileError and ForeignClassError for what must not be
    opened; a damaged file raises other errors.
    """
    if path.suffix == ".keras":
        check_keras(path)
    else:
        check_hdf5(path)
    config = json.loads(_read_config(path))
    mended = mend(config)
    check_config(mended, custom_objects)
    if mended == config:
        yield path
        return
    with TemporaryDirectory(prefix="wildtrack-") as folder:
        _write_with_config(path, Path(folder) / path.name, json.dumps(mended))
        yield Path(folder) / path.name


def mend(node: Any) -> Any:
    """A model's configuration with everything replaced that Keras 3 cannot read; idempotent."""
    if isinstance(node, list):
        return [mend(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: mend(value) for key, value in node.items()}
    if node.get("compile_config"):  # how it was trained: not needed, and Keras would open it in nested models
        node["compile_config"] = None
    name, config = node.get("class_name"), node.get("config")
    if not isinstance(config, dict):
        return node
    for key in UNKNOWN_TO_KERAS_3.get(str(name), ()):
        config.pop(key, None)
    if name in NESTED and isinstance(config.get("layers"), list):
        _mend_graph(config)
    if name == "BatchNormalization" and isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        (config["axis"],) = config["axis"]
    elif name == "Functional" and node.get("module") == "keras.src.engine.functional":
        node["module"] = "keras.src.models.functional"
    elif name == "TFOpLambda":
        return _as_rescaling(node)
    return node


def _mend_graph(config: dict[str, Any]) -> None:
    """Unwrap single inputs and outputs, and count a nested model's calls from 0, not from its making; in place."""
    for key in ("input_layers", "output_layers"):
        if len(config.get(key) or ()) == 1:
            (config[key],) = config[key]
    layers = [layer for layer in config["layers"] if isinstance(layer, dict)]
    calls_of_all = [call for layer in layers for call in layer.get("inbound_nodes", []) if isinstance(call, list)]
    references = [reference for call in calls_of_all for reference in call]
    for nested in (layer for layer in layers if layer.get("class_name") in NESTED):
        calls = [reference for reference in references if reference[0] == nested.get("name")]
        if nested["class_name"] == "Sequential" and config.get("output_layers", [None])[0] == nested.get("name"):
            calls.append(config["output_layers"])  # Keras 3 handles the others
        first = min((reference[1] for reference in calls), default=0)
        for reference in calls:
            reference[1] -= first


def _as_rescaling(node: dict[str, Any]) -> dict[str, Any]:
    """Arithmetic with one constant, such as `x / 127.5`, as a layer; any other node stays as it is."""
    name, call = node["config"].get("name"), node.get("inbound_nodes")
    factors = ARITHMETIC.get(node["config"].get("function", ""))
    try:
        ((source, node_index, tensor_index, options),) = call  # type: ignore[misc]
        scale, offset = factors(float(options["y"]))  # type: ignore[misc]
    except (TypeError, ValueError, KeyError, ZeroDivisionError):
        return node
    return {
        "module": "keras.layers",
        "class_name": "Rescaling",
        "registered_name": None,
        "config": {"name": name, "dtype": "float32", "scale": scale, "offset": offset},
        "name": name,
        "inbound_nodes": [[[source, node_index, tensor_index, {}]]],
    }


def _read_config(path: Path) -> str:
    if path.suffix != ".keras":
        with h5py.File(path, "r") as file:
            text = file.attrs["model_config"]
            return text.decode() if isinstance(text, bytes) else str(text)
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > MAX_CONFIG_BYTES:
            raise ValueError("its config.json is too large")
        return archive.read("config.json").decode()


def _write_with_config(path: Path, copy: Path, text: str) -> None:
    if path.suffix != ".keras":
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = text
        return
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as target:
        target.writestr("config.json", text)
        for name in ("metadata.json", WEIGHTS):
            with archive.open(name) as source, target.open(name, "w", force_zip64=True) as sink:
                shutil.copyfileobj(source, sink)
