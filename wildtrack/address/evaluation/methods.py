"""The methods of a comparison: a word or the path of a model in, a `Method` out."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from wildtrack.access.photos.pixel_cache import Decoded
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.evaluation.method import Embedder, Method
from wildtrack.address.matching.fused import EMBEDDING, matcher_names
from wildtrack.address.matching.matcher import FUSIONS, matchers
from wildtrack.address.models.engines import KerasEngine, unit_length
from wildtrack.address.models.fingerprint import model_fingerprint
from wildtrack.address.models.loading.onnx_file import OnnxFile
from wildtrack.address.models.megadescriptor import LICENCE, check_packages, open_megadescriptor
from wildtrack.address.models.saved import LoadingConfig, open_engine
from wildtrack.address.models.scaling import unknown_scaling, with_scaling
from wildtrack.console import load_tensorflow
from wildtrack.errors import UserError
from wildtrack.storage.files import sha256

log = logging.getLogger(__name__)

WILDTRACK = "wildtrack"
MEGADESCRIPTOR = "megadescriptor"
MODEL_FILES = (".keras", ".h5", ".onnx")
RAW_SIDE = 32

Sample = Callable[[], Decoded]


class RawPixels:
    """An engine whose embeddings are the photos themselves: 32 x 32 pixels, their mean taken out."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """Photos uint8 (N, H, W, 3) -> "embedding" float32 (N, 3072), length one."""
        small = np.stack([cv2.resize(photo, (RAW_SIDE, RAW_SIDE), interpolation=cv2.INTER_AREA) for photo in photos])
        flat = small.reshape(len(small), -1).astype(np.float32)
        return {"embedding": unit_length(flat - flat.mean(axis=1, keepdims=True))}


def words() -> list[str]:
    """The methods that have a name: baselines, the trained model, every other matcher, MegaDescriptor."""
    return ["pixels", "backbone", "untrained", WILDTRACK, *_matchers(), MEGADESCRIPTOR]


def _matchers() -> list[str]:
    return [name for name in matcher_names() if name != EMBEDDING]  # which is the method `WILDTRACK`


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
        elif name in words():
            continue
        elif path.is_dir():
            raise UserError(f"method {name!r} is a folder; name the model file in it, such as {path / 'model.onnx'}")
        elif path.suffix not in MODEL_FILES:
            raise UserError(f"there is no method {name!r}; {_allowed()}")
        elif not path.is_file():
            raise UserError(f"there is no model file {name!r}; {_allowed()}")


def open_methods(names: Sequence[str], artifacts: Artifacts, loading: LoadingConfig, sample: Sample) -> list[Method]:
    """Open the methods that `check_methods` let pass, in the order given, before the first one has to work.

    A baseline that does not exist for this training, and a second name for the same network, are left out with a line
    that says why. `sample` gives labelled photos, to find out the scaling of a third-party model.
    """
    methods = [method for name in names if (method := _open(name, artifacts, loading, sample)) is not None]
    if not methods:
        raise UserError(f"there is none of the methods {', '.join(names)} for this training; {_allowed()}")
    kept: dict[str, Method] = {}
    for method in sorted(methods, key=lambda method: method.name != WILDTRACK):  # first, so that it stays
        same = kept.setdefault(method.fingerprint, method)
        if same is not method:
            log.info("Left out: %s, which is the same network as %s here.", method.name, same.name)
    return [method for method in methods if kept[method.fingerprint] is method]


def _open(name: str, artifacts: Artifacts, loading: LoadingConfig, sample: Sample) -> Method | None:
    size = artifacts.preprocessor.image_size
    if name == "pixels":
        fingerprint = model_fingerprint(f"raw pixels {RAW_SIDE}", [], size, "0-255")
        embedder = Embedder(RawPixels(), fingerprint, fingerprint, size, "NumPy", 0.0)
        return Method(name, embedder=embedder, minutes=0.0)
    if name in ("untrained", "backbone"):
        return _starting_network(name, artifacts)
    if name == WILDTRACK:
        minutes = None if artifacts.config is None else artifacts.config.training_minutes
        return Method(WILDTRACK, embedder=_trained_model(artifacts, loading, sample), minutes=minutes)
    if name in FUSIONS:
        if artifacts.matching is None or name not in artifacts.matching.matchers:
            log.info("Left out: %s, as the model in %s has learnt nothing for it.", name, artifacts.folder)
            return None
        note = f"{' and '.join(FUSIONS[name])} together, as validation photos taught what their scores mean"
        return Method(name, name, _trained_model(artifacts, loading, sample), artifacts.matching, note=note)
    if name in _matchers():
        kind = matchers()[name]
        trained = _trained_model(artifacts, loading, sample) if kind.uses_embeddings else None
        return Method(name, name, trained, minutes=None if trained else 0.0, note=kind.note)
    if name.split(":")[0] == MEGADESCRIPTOR:
        model = open_megadescriptor(name.removeprefix(MEGADESCRIPTOR).removeprefix(":"))
        fingerprint, size = model.fingerprint, model.image_size
        embedder = Embedder(model, fingerprint, fingerprint, size, "PyTorch", model.megabytes)
        note = f"trained on many public datasets, these photos perhaps among them; {LICENCE}"
        return Method(name, embedder=embedder, note=note)
    if Path(name).suffix == ".onnx":
        return _onnx_file(Path(name), size, loading.scaling)
    return _keras_file(Path(name), size, loading)


def _trained_model(artifacts: Artifacts, loading: LoadingConfig, sample: Sample) -> Embedder:
    """The model in artifacts, run as search runs it."""
    if artifacts.config is not None:
        loading = LoadingConfig(custom_objects=loading.custom_objects)  # --scaling is for models from elsewhere
    model, size = open_engine(artifacts, loading, sample), artifacts.preprocessor.image_size
    megabytes = _megabytes(model.file)
    return Embedder(model.engine, model.fingerprint, model.cache_name, size, model.runs_on, megabytes)


def _starting_network(name: str, artifacts: Artifacts) -> Method | None:
    """The network before training: the part of it that was trained, or the whole backbone."""
    config, size = artifacts.config, artifacts.preprocessor.image_size
    if config is None:
        log.info("Left out: %s, as the model in %s does not say what it started from.", name, artifacts.folder)
        return None
    start = config.starting_weights
    if name == "backbone" and start == "random":
        log.info("Left out: backbone, as the training started from random weights; untrained shows what those see.")
        return None
    load_tensorflow()  # quiet, where nobody has imported it yet
    import keras

    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model
    from wildtrack.address.models.layers import L2Normalize

    keras.utils.set_random_seed(config.seed)
    weights = "none" if start == "random" else start
    try:
        backbone = build_backbone(config.backbone, alpha=config.alpha, image_size=config.image_size, weights=weights)
    except UserError as error:  # the weights can no longer be had
        log.warning("No figure for the untrained network: %s.", error)
        return None
    pooling = "average" if name == "backbone" else config.pooling
    model = build_model(backbone, embed_dim=config.embed_dim, num_ids=2, pooling=pooling)
    network = keras.Model(model.input, {"embedding": L2Normalize()(model.get_layer("pooled").output)})
    arrays = network.get_weights()
    # without the layers' names, some of which Keras numbers anew for each network it builds
    architecture = f"{config.backbone} {config.alpha} {network.output_shape}"
    fingerprint = model_fingerprint(architecture, arrays, size, "0-255")
    megabytes = sum(array.nbytes for array in arrays) / 1e6
    embedder = Embedder(KerasEngine(network), fingerprint, fingerprint, size, "Keras", megabytes)
    return Method(name, embedder=embedder, minutes=0.0, note=f"starting weights: {Path(start).name}")


def _onnx_file(path: Path, free_size: tuple[int, int], scaling: str) -> Method:
    engine = OnnxFile(path, free_size, scaling)
    fingerprint = model_fingerprint(sha256(path), [], engine.image_size, engine.scaling)
    embedder = Embedder(engine, fingerprint, fingerprint, engine.image_size, "ONNX Runtime", _megabytes(path))
    note = f"embedding from the output {engine.output!r}; pixels {engine.scaling}"
    return Method(str(path), embedder=embedder, note=note)


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
    fingerprint = network_fingerprint(network, size, scaling, loading.code)
    engine = KerasEngine(with_scaling(network, scaling))
    embedder = Embedder(engine, fingerprint, fingerprint, size, "Keras", _megabytes(path))
    return Method(str(path), embedder=embedder, note=f"embedding from {network.embedding_from}; pixels {scaling}")


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6
