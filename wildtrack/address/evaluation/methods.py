"""The methods of a comparison: a word or the path of a model in, something that ranks photos out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.access.photos.pixels import Decoded, photo_reader
from wildtrack.access.problems import gone_bad
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.evaluation.baselines import RAW_SIDE, raw_pixel_embeddings, starting_network
from wildtrack.address.evaluation.matchers import fused_method, local_method
from wildtrack.address.evaluation.method import Asked, Method, Ranked
from wildtrack.address.evaluation.report import cosines
from wildtrack.address.evaluation.speed import embedding_speed
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.models.engines import BATCH, Engine, KerasEngine
from wildtrack.address.models.fingerprint import model_fingerprint
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
WORDS = ("pixels", "backbone", "untrained", OURS, "local", "fused", MEGADESCRIPTOR)
MODEL_FILES = (".keras", ".h5", ".onnx")
ALLOWED = f"allowed are {', '.join(WORDS)}, or the path of a model file ({', '.join(MODEL_FILES)})"


class RawPixels:
    """The photos themselves as embeddings."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """See `Engine.run`."""
        return {"embedding": raw_pixel_embeddings(photos)}


def check_methods(words: Sequence[str]) -> None:
    """Raise a UserError for the first word that names no method, or one whose packages are missing."""
    if not words:
        raise UserError(f"--methods names no method; {ALLOWED}")
    for word in words:
        path = Path(word)
        if word.split(":")[0] == MEGADESCRIPTOR:
            check_packages()
            continue
        if word in WORDS:
            continue
        if path.is_dir():
            raise UserError(f"method {word!r} is a folder; name the model file in it, such as {path / 'model.onnx'}")
        if path.suffix not in MODEL_FILES:
            raise UserError(f"there is no method {word!r}; {ALLOWED}")
        if not path.is_file():
            raise UserError(f"there is no model file {word!r}; {ALLOWED}")


def open_methods(
    words: Sequence[str],
    artifacts: Artifacts,
    photos: Decoded,
    loading: LoadingConfig,
) -> list[Method]:
    """Open methods, in the order given, all before the first one has to work.

    A baseline that does not exist for this training, and a method that another name stands for already, are left out
    with a line that says why.

    Args:
        words: What `check_methods` let pass.
        artifacts: The trained model, which also says what it started from.
        photos: Labelled photos at that model's size, to find out the scaling of a third-party model.
        loading: How to open models.

    Raises:
        UserError: A model or a package cannot be loaded, or does not say what pixels it takes; or none is left.
    """
    opened = [_open(word, artifacts, photos, loading) for word in words]
    methods = [method for method in opened if method is not None]
    if not methods:
        raise UserError(f"there is none of the methods {', '.join(words)} for this training; {ALLOWED}")
    kept: dict[str, Method] = {}
    for method in sorted(methods, key=lambda method: method.name != OURS):  # the one that others are held against stays
        same = kept.setdefault(method.fingerprint, method)
        if same is not method:
            log.info("Left out: %s, which is the same network as %s here.", method.name, same.name)
    return [method for method in methods if kept[method.fingerprint] is method]


def _open(word: str, artifacts: Artifacts, photos: Decoded, loading: LoadingConfig) -> Method | None:
    size = artifacts.preprocessor.image_size
    if word == "pixels":
        fingerprint = model_fingerprint(f"raw pixels {RAW_SIDE}", [], size, "0-255")
        return by_embeddings(word, RawPixels(), fingerprint, size, runs_on="NumPy", megabytes=0.0, minutes=0.0)
    if word in ("untrained", "backbone"):
        return _starting_weights(word, artifacts)
    if word == OURS:
        return _our_model(artifacts, photos, loading)
    if word == "local":
        return local_method()
    if word == "fused":
        if artifacts.matching is None:
            log.info("Left out: fused, as the model in %s has learnt nothing from validation photos.", artifacts.folder)
            return None
        return fused_method(_our_model(artifacts, photos, loading), artifacts.matching)
    if word.split(":")[0] == MEGADESCRIPTOR:
        return _megadescriptor(word)
    if Path(word).suffix == ".onnx":
        return _onnx_file(Path(word), size, loading.scaling)
    return _keras_file(Path(word), size, loading.scaling, loading.custom_objects)


def by_embeddings(
    name: str,
    engine: Engine,
    fingerprint: str,
    size: tuple[int, int],
    *,
    runs_on: str,
    megabytes: float,
    minutes: float | None,
    note: str = "",
    kept_as: str | None = None,
) -> Method:
    """A method that ranks by the cosine of embeddings, which are kept in the cache.

    Args:
        name: Of the method.
        engine: Makes the embeddings.
        fingerprint: Of its model.
        size: (height, width) in pixels of the photos that it takes.
        runs_on: See `Method`, as are the others.
        megabytes: See there.
        minutes: See there.
        note: See there.
        kept_as: What the embeddings are kept under; None: the fingerprint, which was worked out from the model itself.
    """
    kept_as = kept_as or fingerprint

    def rank(asked: Asked) -> Ranked:
        read = photo_reader(asked.table, asked.root, asked.digests, size, asked.cache)
        embedded = cached_outputs(engine, kept_as, asked.table, asked.digests, read, asked.cache)
        if len(embedded.problems):
            path, reason = embedded.problems[["path", "reason"]].iloc[0]
            raise gone_bad(path, reason)
        embeddings = embedded.outputs["embedding"]
        if not np.isfinite(embeddings).all():
            raise UserError(f"{name} gives embeddings that are no numbers; is --scaling what it was trained with?")
        speed = embedding_speed(engine, read, min(BATCH, len(asked.table)))
        return Ranked(cosines(embeddings, asked.protocol), embed_dim=embeddings.shape[1], photos_per_second=speed)

    return Method(name, fingerprint, rank, runs_on, megabytes, minutes, note)


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
    return by_embeddings(
        name,
        KerasEngine(network),
        fingerprint,
        size,
        runs_on="Keras",
        megabytes=sum(array.nbytes for array in weights) / 1e6,
        minutes=0.0,
        note=f"starting weights: {Path(start).name}",
    )


def _our_model(artifacts: Artifacts, photos: Decoded, loading: LoadingConfig) -> Method:
    """The model in artifacts, as search runs it."""
    if artifacts.config is not None:
        loading = replace(loading, scaling="auto")  # the setting is for models from elsewhere
    model = open_engine(artifacts, loading, lambda: photos)
    return by_embeddings(
        OURS,
        model.engine,
        model.fingerprint,
        artifacts.preprocessor.image_size,
        runs_on=model.runs_on,
        megabytes=_megabytes(model.file),
        minutes=artifacts.config.training_minutes if artifacts.config else None,
        kept_as=model.cache_name,
    )


def _megadescriptor(word: str) -> Method:
    engine = open_megadescriptor(word.removeprefix(MEGADESCRIPTOR).removeprefix(":"))
    return by_embeddings(
        word,
        engine,
        engine.fingerprint,
        engine.image_size,
        runs_on="PyTorch",
        megabytes=engine.megabytes,
        minutes=None,
        note=f"trained on many public datasets, these photos perhaps among them; {LICENCE}",
    )


def _onnx_file(path: Path, free_size: tuple[int, int], scaling: str) -> Method:
    engine = OnnxFile(path, free_size, scaling)
    return by_embeddings(
        str(path),
        engine,
        model_fingerprint(sha256(path), [], engine.image_size, engine.scaling),
        engine.image_size,
        runs_on="ONNX Runtime",
        megabytes=_megabytes(path),
        minutes=None,
        note=f"embedding from the output {engine.output!r}; pixels {engine.scaling}",
    )


def _keras_file(path: Path, free_size: tuple[int, int], scaling: str, custom_objects: Mapping[str, Any]) -> Method:
    load_tensorflow()
    from wildtrack.address.models.network import load_keras_file, network_fingerprint, open_network

    network = open_network(load_keras_file(path, custom_objects))
    if scaling == "auto":
        if not network.scales_itself:
            raise unknown_scaling(path)
        scaling = "0-255"
    height, width = network.keras_model.inputs[0].shape[1:3]
    size = height or free_size[0], width or free_size[1]
    return by_embeddings(
        str(path),
        KerasEngine(with_scaling(network, scaling)),
        network_fingerprint(network, size, scaling),
        size,
        runs_on="Keras",
        megabytes=_megabytes(path),
        minutes=None,
        note=f"embedding from {network.embedding_from}; pixels {scaling}",
    )


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6
