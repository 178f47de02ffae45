"""Engines run a network on photos: uint8 pixels in, embeddings and probabilities out."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from wildtrack.address.models.fingerprint import cache_name, current_fingerprint
from wildtrack.errors import UserError, in_one_line
from wildtrack.storage.threads import cores

INPUT = ("photos", "tensor(uint8)", 4)  # name, type and number of axes of our models' only input
FINGERPRINT = re.compile("[0-9a-f]{64}")  # it names files of the cache
BATCH = 8  # photos; measured: larger ones are no faster, and every core holds one
KERAS_BATCH = 16  # photos; Keras takes one batch at a time, and each costs it some milliseconds

Outputs = dict[str, np.ndarray]  # see `Engine.run`
MAKE_ANEW = "delete it, and it is made anew from the model.keras or model.h5 in its folder"


class Engine(Protocol):
    """Runs a network."""

    def run(self, photos: np.ndarray) -> Outputs:
        """uint8 (B, H, W, 3) RGB -> float32 "embedding" (B, D) and perhaps "probabilities" (B, C); thread-safe."""


class KerasEngine:
    """Runs a Keras network, which gives a dict like `Engine.run`, one batch at a time."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.turn = Lock()  # Keras does not promise that a network runs in several threads at once

    def run(self, photos: np.ndarray) -> Outputs:
        """See `Engine.run`. Batches are filled up to a power of two, because Keras compiles each size anew."""
        count = len(photos)
        filled = np.resize(photos, (1 << (count - 1).bit_length(), *photos.shape[1:]))
        with self.turn:
            outputs = self.network.predict_on_batch(filled)
        return {name: np.asarray(values)[:count] for name, values in outputs.items()}


class OnnxEngine:
    """Runs a `model.onnx` that WildTrack has written, without TensorFlow; UserError for a damaged or another file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.session = onnx_session(path, MAKE_ANEW)
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        shapes = {output.name: output.shape for output in self.session.get_outputs()}
        inputs = [(each.name, each.type, len(each.shape)) for each in self.session.get_inputs()]
        saved, reader = self.metadata.get("fingerprint", ""), self.metadata.get("reader_version", "1")
        embedding = shapes.get("embedding", ())
        ours = FINGERPRINT.fullmatch(saved) and re.fullmatch("[0-9]{1,9}", reader) and inputs == [INPUT]
        if not ours or len(embedding) != 2 or not isinstance(embedding[1], int):
            raise UserError(f"{path} was not written by WildTrack; {MAKE_ANEW}")
        self.fingerprint = current_fingerprint(saved, int(reader))
        self.names = list(shapes)
        self.embed_dim: int = embedding[1]

    @cached_property
    def cache_name(self) -> str:
        """The cache key of its outputs."""
        return cache_name(self.fingerprint, self.path)

    def run(self, photos: np.ndarray) -> Outputs:
        """See `Engine.run`; UserError where the photos have another size than the model takes."""
        height, width = photos.shape[1:3]
        with onnx_errors(f"{self.path} fails on photos of {height} x {width} pixels", MAKE_ANEW):
            return dict(zip(self.names, self.session.run(None, {"photos": photos}), strict=True))


@contextmanager
def onnx_errors(what: str, advice: str) -> Iterator[None]:
    """Raise an error of ONNX Runtime, whose exceptions share no base class, as a UserError of one line."""
    try:
        yield
    except Exception as error:
        raise UserError(f"{what}: {in_one_line(error)}; {advice}") from error


def onnx_session(path: Path, advice: str) -> Any:
    """An ONNX Runtime session on the processor; UserError with the advice when the file cannot be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, cores()
    # waiting threads would take the cores from the decoding of the next photos
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # a file may name another one for its weights: with this, it can only be in a folder that does not exist
    nowhere = str(Path(os.devnull).absolute() / "nowhere")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", nowhere)
    with onnx_errors(f"{path} cannot be loaded", advice):
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, D) divided by their lengths, float32; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
