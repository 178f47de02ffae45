"""What a third-party Keras model may be made of: plain layers, and those that the user has named.

Keras' safe mode forbids some of what runs code from a model's configuration. A configuration can still call functions
of Keras that open files, and so load code; therefore only what is known to be harmless is allowed here.
"""

import inspect
import re
from collections.abc import Collection, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import keras

MODELS = {"Functional", "Model", "Sequential"}
VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
# layers that run code, or read files whose names are in the configuration
HARMFUL = {
    "FlaxLayer", "IntegerLookup", "JaxLayer", "Lambda", "StringLookup", "TFSMLayer", "TextVectorization",
    "TorchModuleWrapper",
}  # fmt: skip
NAMESPACES = ("layers", "initializers", "regularizers", "constraints", "dtype_policies")  # of keras
HOMES = ("keras.layers", "keras.src.layers", "keras.models", "keras.src.models", "keras.src.engine")
OPERATIONS = tuple(f"keras.src.ops.{name}" for name in ("numpy", "nn", "math", "linalg", "image"))
PLAIN_CORE_OPERATIONS = {"Cast", "Slice", "StopGradient"}  # the others of keras.src.ops.core call functions


class ForeignClassError(Exception):
    """A configuration names what is not allowed; the message is that name."""


def check_config(config: Any, custom_objects: Collection[str]) -> None:
    """Raise ForeignClassError for more than plain layers, those in `custom_objects` and those registered with Keras."""
    for node in _named(config):
        names = {str(node["class_name"]), str(node.get("registered_name") or node["class_name"])}
        names |= {name.rpartition(">")[2] for name in names}  # without the package of the one who registered it
        given = any(name in custom_objects or keras.saving.get_registered_object(name) for name in names)
        if not (given or _is_plain(str(node["class_name"]), node)):
            function = f" {node.get('config')}" if node["class_name"] == "function" else ""
            raise ForeignClassError(f"{node['class_name']}{function}"[:100])


def _named(node: Any) -> Iterator[dict[str, Any]]:
    """Every dict that names a class, all the way down."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        for value in node.values():
            yield from _named(value)
    elif isinstance(node, list):
        for item in node:
            yield from _named(item)


def _is_plain(name: str, node: dict[str, Any]) -> bool:
    module = str(node.get("module") or "")
    if name == "function":  # a name, whose object Keras looks up
        activation = getattr(keras.activations, str(node.get("config")), None)
        return module in ("", "builtins", "keras.activations") and inspect.isfunction(activation)
    if name in VALUES:
        return True
    if module in OPERATIONS:
        return _is_class(import_module(module), name, keras.Operation)
    if re.fullmatch(r"keras\.src\.applications\.[a-z0-9_]+", module) and find_spec(module):
        return _is_class(import_module(module), name, keras.layers.Layer)
    if module == "keras.src.ops.core":
        return name in PLAIN_CORE_OPERATIONS
    if module not in ("", "keras", *(f"keras.{space}" for space in NAMESPACES)) and not module.startswith(HOMES):
        return False
    plain = any(_is_class(getattr(keras, space), name, object) for space in NAMESPACES) or name in MODELS
    return plain and name not in HARMFUL


def _is_class(space: Any, name: str, kind: type) -> bool:
    found = getattr(space, name, None)
    return inspect.isclass(found) and issubclass(found, kind)
