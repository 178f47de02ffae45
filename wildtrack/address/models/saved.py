"""The model in an artifacts folder, our own or a third-party one, opened to run: by ONNX Runtime wherever that can be.

`model.onnx` is made from the Keras file beside it where it is missing or outdated, which takes TensorFlow; a model that
cannot be written as ONNX runs with Keras.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.artifacts import TRAIN_FIRST, Artifacts, artifact_files, keras_file
from wildtrack.address.models.engines import MAKE_ANEW, Engine, KerasEngine, OnnxEngine
from wildtrack.address.models.fingerprint import cache_name, code_digest, current_fingerprint
from wildtrack.address.models.preprocessor import Preprocessor
from wildtrack.address.models.scaling import SCALINGS, check_scaling, find_scaling, with_scaling
from wildtrack.console import load_tensorflow
from wildtrack.errors import UserError
from wildtrack.storage.files import sha256, write_atomically

if TYPE_CHECKING:
    from wildtrack.address.models.network import Network

log = logging.getLogger(__name__)

ONNX = "model.onnx"

Sample = Callable[[], Decoded]  # labelled photos at the model's size


@dataclass(frozen=True)
class LoadingConfig:
    """How to open a model."""

    scaling: str = "auto"  # "auto", or one of SCALINGS for a third-party model
    custom_objects: Mapping[str, Any] = field(default_factory=dict)  # layer classes of the user's own, by name
    onnx_only: bool = False  # refuse what only Keras can run


@dataclass(frozen=True)
class OpenedModel:
    """A model that is ready to run, and what to say of it."""

    engine: Engine
    fingerprint: str  # names the model and its preprocessing
    cache_name: str  # what its outputs are kept under
    file: Path
    runs_on: str  # "ONNX Runtime" or "Keras"
    embedding_from: str  # in words
    scaling: str  # one of SCALINGS: what the network expects


def open_engine(artifacts: Artifacts, loading: LoadingConfig, sample: Sample) -> OpenedModel:
    """The model of an artifacts folder, ready to run; `model.onnx` is made first where it is missing or outdated.

    Args:
        artifacts: The opened set.
        loading: How to open it.
        sample: Gives labelled photos; only called where a third-party model's scaling has to be found out.

    Raises:
        UserError: There is no model, it cannot be used, or does not fit `preprocessor.pkl` or the scaling.
        ExportError: It cannot be expressed in ONNX, and nothing else is allowed.
        OSError: `model.onnx` cannot be written into the folder, and nothing else is allowed.
    """
    onnx = open_onnx(artifacts, loading)
    if onnx is not None:
        return _opened_onnx(onnx)
    load_tensorflow()
    from wildtrack.address.models.export import ExportError

    saved = load_saved(artifacts, loading, sample)
    try:
        _export_saved(artifacts, saved)
    except (ExportError, OSError) as error:  # ONNX cannot express it, or the folder cannot be written to
        if loading.onnx_only and isinstance(error, ExportError):
            raise ExportError(f"{error}; search needs a model that can") from error
        if loading.onnx_only:
            raise
        log.warning("%s: Keras runs it instead, which is slower.", error)
        engine, about = KerasEngine(with_scaling(saved.network, saved.scaling)), saved.metadata
        name = cache_name(about["fingerprint"], saved.source)
        return OpenedModel(
            engine, about["fingerprint"], name, saved.source, "Keras", about["embedding_from"], saved.scaling
        )
    return _opened_onnx(OnnxEngine(artifacts.folder / ONNX))


def open_onnx(artifacts: Artifacts, loading: LoadingConfig) -> OnnxEngine | None:
    """The engine of the `model.onnx` that is there, without TensorFlow.

    Returns:
        None where that file is missing or, in a third-party set, was not made from the model and settings of now.

    Raises:
        UserError: It is damaged and cannot be made anew, or the scaling does not fit.
    """
    path, source, ours = artifacts.folder / ONNX, keras_file(artifacts.folder), artifacts.config is not None
    if ours:
        check_scaling(loading.scaling, artifacts.preprocessor.scaling, artifacts.folder)
    if not path.is_file():
        return None
    try:
        engine = OnnxEngine(path)
    except UserError:
        if ours or source is None:
            raise
        return None
    if ours or source is None:
        return engine
    made, code = engine.metadata, loading.custom_objects
    current = made.get("source_sha256") == sha256(source) and loading.scaling in ("auto", made.get("scaling"))
    return engine if current and (not code or made.get("custom_objects") == code_digest(code)) else None


def _opened_onnx(engine: OnnxEngine) -> OpenedModel:
    path, scaling, origin = engine.path, engine.metadata.get("scaling"), engine.metadata.get("embedding_from")
    if scaling not in SCALINGS or origin is None:
        raise UserError(f"{path} was not written by WildTrack; {MAKE_ANEW}")
    return OpenedModel(engine, engine.fingerprint, engine.cache_name, path, "ONNX Runtime", origin, scaling)


@dataclass(frozen=True)
class SavedModel:
    """The Keras model of an artifacts folder."""

    source: Path
    network: "Network"
    scaling: str  # one of SCALINGS
    metadata: Mapping[str, str]  # for `model.onnx`


def load_saved(artifacts: Artifacts, loading: LoadingConfig, sample: Sample) -> SavedModel:
    """Load the Keras model; arguments and errors as `open_engine` has them.

    Our own model keeps the fingerprint it was saved with; a third-party model's is computed.
    """
    from wildtrack.address.models.network import network_fingerprint

    source, network = _keras_source(artifacts), open_network_of(artifacts, loading.custom_objects)
    known = artifacts.preprocessor
    scaling = loading.scaling
    if scaling == "auto":
        scaling = known.scaling or find_scaling(network, known.identities, sample)
    about = {"source_sha256": sha256(source), "embedding_from": network.embedding_from, "scaling": scaling}
    if artifacts.config is not None:
        fingerprint = current_fingerprint(artifacts.config.fingerprint, known.reader_version)
    else:
        code = code_digest(loading.custom_objects) if loading.custom_objects else ""
        fingerprint = network_fingerprint(network, known.image_size, scaling, code)
        about["custom_objects"] = code
    return SavedModel(source, network, scaling, {**about, "fingerprint": fingerprint})


def open_network_of(artifacts: Artifacts, custom_objects: Mapping[str, Any]) -> "Network":
    """The Keras network in `model.keras`, or in `model.h5` where the former is missing; takes TensorFlow.

    Raises:
        UserError: There is none, or it cannot be used or does not fit `preprocessor.pkl`.
    """
    from wildtrack.address.models.network import load_keras_file, open_network

    network = open_network(load_keras_file(_keras_source(artifacts), custom_objects))
    _check_image_size(network, artifacts.preprocessor)
    return network


def _keras_source(artifacts: Artifacts) -> Path:
    source = keras_file(artifacts.folder)
    if source is None:
        raise UserError(f"no model.keras or model.h5 in {artifacts.folder}; {TRAIN_FIRST}")
    return source


def _export_saved(artifacts: Artifacts, saved: SavedModel) -> None:
    """Make `model.onnx` from the Keras model of the same folder: a third-party one, or ours when that file was lost."""
    from wildtrack.address.models.export import export_onnx

    def write(path: Path) -> None:
        export_onnx(with_scaling(saved.network, saved.scaling), path, saved.metadata)

    if artifacts.config is None:
        write_atomically(artifacts.folder / ONNX, write)
    else:
        artifact_files(artifacts.folder).add(ONNX, write)
    log.info(
        "Made model.onnx from %s: pixels scaled to %s; embedding from %s.",
        saved.source.name,
        saved.scaling,
        saved.network.embedding_from,
    )


def export_trained(model: Any, preprocessor: Preprocessor, path: Path) -> OpenedModel:
    """Write a network that has just been trained as ONNX, and open that.

    Args:
        model: From `build_model`, trained.
        preprocessor: What goes with it.
        path: Where to.

    Raises:
        ExportError: It cannot be written as ONNX.
    """
    from wildtrack.address.models.export import export_onnx
    from wildtrack.address.models.network import network_fingerprint, open_network

    network, scaling = open_network(model), "0-255"
    fingerprint = network_fingerprint(network, preprocessor.image_size, scaling)
    about = {"fingerprint": fingerprint, "embedding_from": network.embedding_from, "scaling": scaling}
    write_atomically(path, lambda part: export_onnx(network.keras_model, part, about))
    return _opened_onnx(OnnxEngine(path))


def _check_image_size(network: "Network", preprocessor: Preprocessor) -> None:
    """Raise a UserError when `preprocessor.pkl` names another photo size than the network takes."""
    takes = tuple(network.keras_model.inputs[0].shape[1:3]) if isinstance(network.keras_model.inputs, list) else ()
    if any(side not in (None, given) for side, given in zip(takes, preprocessor.image_size, strict=False)):
        raise UserError(
            f"the model takes photos of {takes[0]} x {takes[1]} pixels, and its preprocessor.pkl says "
            f"{preprocessor.image_size[0]} x {preprocessor.image_size[1]}; put two that belong together into one folder"
        )
