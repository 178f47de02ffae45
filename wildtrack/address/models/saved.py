"""The model in an artifacts folder, opened by ONNX Runtime, else by Keras."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.artifacts import TRAIN_FIRST, Artifacts, artifact_files, keras_file
from wildtrack.address.models.engines import MAKE_ANEW, Engine, KerasEngine, OnnxEngine
from wildtrack.address.models.fingerprint import cache_name, code_digest, current_fingerprint
from wildtrack.address.models.preprocessor import Preprocessor
from wildtrack.address.models.scaling import SCALINGS, find_scaling, with_scaling
from wildtrack.console import load_tensorflow
from wildtrack.errors import UserError
from wildtrack.storage.files import sha256, write_atomically

if TYPE_CHECKING:
    from wildtrack.address.models.network import Network

log = logging.getLogger(__name__)

ONNX = "model.onnx"
Sample = Callable[[], Decoded]  # loads labelled photos at the model's size, to find a third-party model's scaling


@dataclass(frozen=True)
class LoadingConfig:
    """How to open a model."""

    scaling: str = "auto"  # "auto", or one of SCALINGS for a third-party model
    custom_objects: Mapping[str, Any] = field(default_factory=dict)  # layer classes of the user's own, by name
    onnx_only: bool = False  # refuse what only Keras can run

    @property
    def code(self) -> str:
        """The `code_digest` of the custom objects; "" without any."""
        return code_digest(self.custom_objects) if self.custom_objects else ""


@dataclass(frozen=True)
class OpenedModel:
    """A model that is ready to run, and what reports say of it."""

    engine: Engine
    fingerprint: str  # names the model and its preprocessing
    cache_name: str  # the cache key of its outputs
    file: Path
    runs_on: str  # "ONNX Runtime" or "Keras"
    embedding_from: str  # in words
    scaling: str  # one of SCALINGS: what the network expects


def open_engine(artifacts: Artifacts, loading: LoadingConfig, sample: Sample) -> OpenedModel:
    """The model of an artifacts folder; `model.onnx` is made first where it is missing or outdated, with TensorFlow.

    UserError where there is none that can be used. With `loading.onnx_only` also ExportError and OSError, where
    `model.onnx` cannot be made or written.
    """
    if (onnx := open_onnx(artifacts, loading)) is not None:
        return _opened_onnx(onnx)
    load_tensorflow()
    from wildtrack.address.models.export import ExportError, export_onnx
    from wildtrack.address.models.network import network_fingerprint

    network, path = open_network_of(artifacts, loading.custom_objects), artifacts.folder / ONNX
    source, known, scaling = _keras_source(artifacts), artifacts.preprocessor, loading.scaling
    if scaling == "auto":
        scaling = known.scaling or find_scaling(network, known.identities, sample)
    model = with_scaling(network, scaling)
    about = {"source_sha256": sha256(source), "embedding_from": network.embedding_from, "scaling": scaling}
    if artifacts.config is not None:
        about["fingerprint"] = current_fingerprint(artifacts.config.fingerprint, known.reader_version)
    else:
        about["custom_objects"] = loading.code
        about["fingerprint"] = network_fingerprint(network, known.image_size, scaling, about["custom_objects"])
    write = partial(export_onnx, model, metadata=about)
    try:
        if artifacts.config is None:
            write_atomically(path, write)
        else:
            artifact_files(artifacts.folder).add(ONNX, write)
    except (ExportError, OSError) as error:  # ONNX cannot express it, or the folder cannot be written to
        if loading.onnx_only and isinstance(error, ExportError):
            raise ExportError(f"{error}; search needs a model that can be written as ONNX") from error
        if loading.onnx_only:
            raise
        log.warning("%s: Keras runs it instead, which is slower.", error)
        names = about["fingerprint"], cache_name(about["fingerprint"], source)
        return OpenedModel(KerasEngine(model), *names, source, "Keras", network.embedding_from, scaling)
    made = source.name, scaling, network.embedding_from
    log.info("Made model.onnx from %s: pixels scaled to %s; embedding from %s.", *made)
    return _opened_onnx(OnnxEngine(path))


def open_onnx(artifacts: Artifacts, loading: LoadingConfig) -> OnnxEngine | None:
    """The engine of `model.onnx`, without TensorFlow; None where it is missing or a third-party one's is outdated.

    UserError where it is damaged and cannot be made anew, or the scaling does not fit.
    """
    path, source, ours = artifacts.folder / ONNX, keras_file(artifacts.folder), artifacts.config is not None
    if ours and loading.scaling not in ("auto", artifacts.preprocessor.scaling):
        raise UserError(
            f"scaling {loading.scaling} does not fit the model in {artifacts.folder}, which was trained on pixels "
            f"scaled to {artifacts.preprocessor.scaling}; leave out --scaling, which is for third-party models"
        )
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
    made = engine.metadata
    current = made.get("source_sha256") == sha256(source) and loading.scaling in ("auto", made.get("scaling"))
    return engine if current and loading.code in ("", made.get("custom_objects")) else None


def _opened_onnx(engine: OnnxEngine) -> OpenedModel:
    scaling, origin = engine.metadata.get("scaling"), engine.metadata.get("embedding_from")
    if scaling not in SCALINGS or origin is None:
        raise UserError(f"{engine.path} was not written by WildTrack; {MAKE_ANEW}")
    return OpenedModel(engine, engine.fingerprint, engine.cache_name, engine.path, "ONNX Runtime", origin, scaling)


def open_network_of(artifacts: Artifacts, custom_objects: Mapping[str, Any]) -> "Network":
    """The network in `model.keras`, else in `model.h5`; UserError where it cannot be used with such photos."""
    from wildtrack.address.models.network import load_keras_file, open_network

    network = open_network(load_keras_file(_keras_source(artifacts), custom_objects))
    takes, given = network.keras_model.inputs[0].shape[1:3], artifacts.preprocessor.image_size
    if any(side not in (None, known) for side, known in zip(takes, given, strict=True)):
        raise UserError(
            f"the model takes photos of {takes[0]} x {takes[1]} pixels, and its preprocessor.pkl says "
            f"{given[0]} x {given[1]}; use the two files of one model"
        )
    return network


def _keras_source(artifacts: Artifacts) -> Path:
    source = keras_file(artifacts.folder)
    if source is None:
        raise UserError(f"no model.keras or model.h5 in {artifacts.folder}; {TRAIN_FIRST}")
    return source


def export_trained(model: Any, preprocessor: Preprocessor, path: Path) -> OpenedModel:
    """Write a trained network from `build_model` as ONNX to `path`, and open that; ExportError where it cannot be."""
    from wildtrack.address.models.export import export_onnx
    from wildtrack.address.models.network import network_fingerprint, open_network

    network = open_network(model)
    fingerprint = network_fingerprint(network, preprocessor.image_size, "0-255")
    about = {"fingerprint": fingerprint, "embedding_from": network.embedding_from, "scaling": "0-255"}
    write_atomically(path, lambda part: export_onnx(network.keras_model, part, about))
    return _opened_onnx(OnnxEngine(path))
