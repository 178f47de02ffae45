"""The methods of a comparison: a word or the path of a model in, a `Method` out."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.evaluation.baselines import RAW_SIDE, RawPixels, starting_network
from wildtrack.address.evaluation.method import Embedder, Method
from wildtrack.address.matching.fused import EMBEDDING, matcher_names
from wildtrack.address.matching.matcher import FUSIONS, matchers
from wildtrack.address.models.engines import KerasEngine
from wildtrack.address.models.fingerprint import code_digest, model_fingerprint
from wildtrack.address.models.loading.onnx_file import OnnxFile
from wildtrack.address.models.megadescriptor import LICENCE, check_packages, open_megadescriptor
from wildtrack.address.models.saved import LoadingConfig, open_engine
from wildtrack.address.models.scaling import unknown_scaling, with_scaling
from wildtrack.console import load_tensorflow
from wildtrack.errors import UserError
from wildtrack.storage.files import sha256

log = logging.getLogger(__name__)

OURS = "wildtrack"
MEGADESCRIPTOR = "megadescriptor"
MODEL_FILES = (".keras", ".h5", ".onnx")


def words() -> list[str]:
    """The methods that have a name: baselines, our model, every matcher, MegaDescriptor."""
    return ["pixels", "backbone", "untrained", OURS, *_matchers(), MEGADESCRIPTOR]


def _matchers() -> list[str]:
    """All but the embedding's, which is our model's method itself."""
    return [name for name in matcher_names() if name != EMBEDDING]


def _allowed() -> str:
    return f"allowed are {', '.join(words())}, or the path of a model file ({', '.join(MODEL_FILES)})"


def check_methods(names: Sequence[str]) -> None:
    """Raise a UserError for the first name of no method, or of one whose packages are missing."""
    if not names:
        raise UserError(f"--methods names no method; {_allowed()}")
    for name in names:
        path = Path(name)
        if name.split(":")[0] == MEGADESCRIPTOR:
            check_packages()
            continue
        if name in words():
            continue
        if path.is_dir():
            raise UserError(f"method {name!r} is a folder; name the model file in it, such as {path / 'model.onnx'}")
        if path.suffix not in MODEL_FILES:
            raise UserError(f"there is no method {name!r}; {_allowed()}")
        if not path.is_file():
            raise UserError(f"there is no model file {name!r}; {_allowed()}")


def open_methods(
    names: Sequence[str], artifacts: Artifacts, loading: LoadingConfig, sample: Callable[[], Decoded]
) -> list[Method]:
    """Open the methods that `check_methods` let pass, in the order given, before the first one has to work.

    A baseline that does not exist for this training, and a second name for the same network, are left out with a line
    that says why. `sample` gives labelled photos at the trained model's size, to find out the scaling of a third-party
    model. A UserError says that a model or a package cannot be loaded, or that no method is left.
    """
    opened = [_open(name, artifacts, loading, sample) for name in names]
    methods = [method for method in opened if method is not None]
    if not methods:
        raise UserError(f"there is none of the methods {', '.join(names)} for this training; {_allowed()}")
    kept: dict[str, Method] = {}
    for method in sorted(methods, key=lambda method: method.name != OURS):  # the one that others are held against stays
        same = kept.setdefault(method.fingerprint, method)
        if same is not method:
            log.info("Left out: %s, which is the same network as %s here.", method.name, same.name)
    return [method for method in methods if kept[method.fingerprint] is method]


def _open(name: str, artifacts: Artifacts, loading: LoadingConfig, sample: Callable[[], Decoded]) -> Method | None:
    size = artifacts.preprocessor.image_size
    if name == "pixels":
        fingerprint = model_fingerprint(f"raw pixels {RAW_SIDE}", [], size, "0-255")
        embedder = Embedder(RawPixels(), fingerprint, fingerprint, size, "NumPy", 0.0)
        return Method(name, embedder=embedder, minutes=0.0)
    if name in ("untrained", "backbone"):
        return _starting_weights(name, artifacts)
    if name == OURS:
        return _our_model(artifacts, loading, sample)
    if name in _matchers():
        return _matcher(name, artifacts, loading, sample)
    if name.split(":")[0] == MEGADESCRIPTOR:
        return _megadescriptor(name)
    if Path(name).suffix == ".onnx":
        return _onnx_file(Path(name), size, loading.scaling)
    return _keras_file(Path(name), size, loading)


def _matcher(name: str, artifacts: Artifacts, loading: LoadingConfig, sample: Callable[[], Decoded]) -> Method | None:
    """A matcher of its own, on our model's embeddings where it compares them."""
    if name in FUSIONS:
        if artifacts.matching is None or name not in artifacts.matching.matchers:
            log.info("Left out: %s, as the model in %s has learnt nothing for it.", name, artifacts.folder)
            return None
        ours = _our_model(artifacts, loading, sample)
        parts = " and ".join(FUSIONS[name])
        note = f"{parts} together, as validation photos taught what their scores mean"
        return Method(name, name, ours.embedder, artifacts.matching, note=note)
    kind = matchers()[name]
    embedder = _our_model(artifacts, loading, sample).embedder if kind.uses_embeddings else None
    return Method(name, name, embedder, minutes=None if embedder else 0.0, note=kind.note)


def _our_model(artifacts: Artifacts, loading: LoadingConfig, sample: Callable[[], Decoded]) -> Method:
    """The model in artifacts, run as search runs it."""
    if artifacts.config is not None:
        loading = LoadingConfig(custom_objects=loading.custom_objects)  # --scaling is for models from elsewhere
    model = open_engine(artifacts, loading, sample)
    size, megabytes = artifacts.preprocessor.image_size, _megabytes(model.file)
    embedder = Embedder(model.engine, model.fingerprint, model.cache_name, size, model.runs_on, megabytes)
    minutes = None if artifacts.config is None else artifacts.config.training_minutes
    return Method(OURS, embedder=embedder, minutes=minutes)


def _starting_weights(name: str, artifacts: Artifacts) -> Method | None:
    """The network before training: the part of it that was trained, or the whole backbone."""
    config = artifacts.config
    if config is None:
        log.info("Left out: %s, as the model in %s does not say what it started from.", name, artifacts.folder)
        return None
    start = config.starting_weights
    if name == "backbone" and start == "random":
        log.info("Left out: backbone, as the training started from random weights; untrained shows what those see.")
        return None
    load_tensorflow()
    network = starting_network(config, "average" if name == "backbone" else config.pooling)
    if network is None:
        return None
    weights = network.get_weights()
    size = artifacts.preprocessor.image_size
    # without the layers' names, some of which Keras numbers anew for each network it builds
    architecture = f"{config.backbone} {config.alpha} {network.output_shape}"
    fingerprint = model_fingerprint(architecture, weights, size, "0-255")
    megabytes = sum(array.nbytes for array in weights) / 1e6
    embedder = Embedder(KerasEngine(network), fingerprint, fingerprint, size, "Keras", megabytes)
    return Method(name, embedder=embedder, minutes=0.0, note=f"starting weights: {Path(start).name}")


def _megadescriptor(name: str) -> Method:
    engine = open_megadescriptor(name.removeprefix(MEGADESCRIPTOR).removeprefix(":"))
    fingerprint = engine.fingerprint
    embedder = Embedder(engine, fingerprint, fingerprint, engine.image_size, "PyTorch", engine.megabytes)
    note = f"trained on many public datasets, these photos perhaps among them; {LICENCE}"
    return Method(name, embedder=embedder, note=note)


def _onnx_file(path: Path, free_size: tuple[int, int], scaling: str) -> Method:
    engine = OnnxFile(path, free_size, scaling)
    fingerprint = model_fingerprint(sha256(path), [], engine.image_size, engine.scaling)
    embedder = Embedder(engine, fingerprint, fingerprint, engine.image_size, "ONNX Runtime", _megabytes(path))
    return Method(
        str(path), embedder=embedder, note=f"embedding from the output {engine.output!r}; pixels {engine.scaling}"
    )


def _keras_file(path: Path, free_size: tuple[int, int], loading: LoadingConfig) -> Method:
    load_tensorflow()
    from wildtrack.address.models.network import load_keras_file, network_fingerprint, open_network

    network = open_network(load_keras_file(path, loading.custom_objects))
    scaling = loading.scaling
    if scaling == "auto":
        if not network.scales_itself:
            raise unknown_scaling(path)
        scaling = "0-255"
    height, width = network.keras_model.inputs[0].shape[1:3]
    size = height or free_size[0], width or free_size[1]
    code = code_digest(loading.custom_objects) if loading.custom_objects else ""
    fingerprint = network_fingerprint(network, size, scaling, code)
    engine = KerasEngine(with_scaling(network, scaling))
    embedder = Embedder(engine, fingerprint, fingerprint, size, "Keras", _megabytes(path))
    return Method(str(path), embedder=embedder, note=f"embedding from {network.embedding_from}; pixels {scaling}")


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6
