"""Pixels -> embeddings, by one of two engines that give the same vectors."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from wildtrack.access.photos.pixels import Reader
from wildtrack.access.photos.reader import PhotoError
from wildtrack.address.models.fingerprint import current_fingerprint
from wildtrack.console import progress_bar
from wildtrack.errors import UserError
from wildtrack.storage.threads import cores, in_threads, pieces

INPUT = ("photos", "tensor(uint8)", 4)  # name, type and number of axes of what our models take
FINGERPRINT = re.compile("[0-9a-f]{64}")  # it names files of the cache
BATCH = 8  # photos; measured: larger ones are no faster, and every core holds one

Outputs = dict[str, np.ndarray]  # see `Engine.run`

MAKE_ANEW = "delete it, and it is made anew from the model.keras or model.h5 that must lie beside it"


class Engine(Protocol):
    """Runs a network."""

    def run(self, photos: np.ndarray) -> Outputs:
        """Thread-safe. uint8 (B, H, W, 3) -> "embedding" float32 (B, D) and "probabilities" float32 (B, identities)."""


class KerasEngine:
    """Runs a Keras network from `wildtrack.address.models.network`."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.turn = Lock()  # Keras does not promise that a network runs in several threads at once

    def run(self, photos: np.ndarray) -> Outputs:
        """See `Engine.run`."""
        with self.turn:
            outputs = self.network.predict_on_batch(photos)
        return {name: np.asarray(values) for name, values in outputs.items()}


class OnnxEngine:
    """Runs `model.onnx` with ONNX Runtime, without TensorFlow."""

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

    def run(self, photos: np.ndarray) -> Outputs:
        """See `Engine.run`.

        Raises:
            UserError: The model fails on the photos: they are of another size than it takes, or it is no sound one.
        """
        try:
            return dict(zip(self.names, self.session.run(None, {"photos": photos}), strict=True))
        except Exception as error:  # ONNX Runtime's own exceptions share no base class
            reason = " ".join(str(error).split())[:200]
            size = " x ".join(map(str, photos.shape[1:3]))
            raise UserError(f"{self.path} fails on photos of {size} pixels: {reason}; {MAKE_ANEW}") from error


def onnx_session(path: Path, advice: str) -> Any:
    """An ONNX Runtime session on the processor; UserError with the advice when the file cannot be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = cores()
    # Threads that wait for work would keep the decoding of the next photos off the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A file may say that its weights lie in another one; where nothing is, nothing can be read.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(Path(os.devnull).absolute() / "nowhere")
    )
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} cannot be loaded: {reason}; {advice}") from error


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, D) divided by their lengths, float32; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def run_all(engine: Engine, pixels: np.ndarray, description: str) -> Outputs:
    """Run an engine over any number of photos, behind a progress bar.

    Args:
        engine: Either engine.
        pixels: uint8 (N, H, W, 3), N >= 1; a memory map is read batch by batch.
        description: What the progress bar says.

    Returns:
        "embedding" float32 (N, D), length one, and "probabilities" float32 (N, identities).
    """
    return run_rows(engine, pixels.__getitem__, np.arange(len(pixels)), description)[0]


def run_rows(engine: Engine, read: Reader, rows: np.ndarray, description: str) -> tuple[Outputs, dict[int, str]]:
    """Run an engine over some photos of a catalogue, behind a progress bar.

    Every thread reads a batch and runs the engine on it: so no core waits, and memory holds a batch a core.

    Args:
        engine: Either engine.
        read: Gives a row's photo.
        rows: int (N,): which photos.
        description: What the progress bar says.

    Returns:
        "embedding" float32 (M, D), length one, and "probabilities" float32 (M, identities) of the rows that could be
        read, nothing where there are none; and {row: reason} of the others.
    """
    outputs: Outputs = {}
    reasons: dict[int, str] = {}
    done = 0

    def run(batch: Sequence[int]) -> tuple[int, Outputs]:
        photos = []
        for row in batch:
            try:
                photos.append(read(row))
            except PhotoError as error:
                reasons[row] = str(error)
        return len(photos), engine.run(np.stack(photos)) if photos else {}

    batches = pieces(rows.tolist(), BATCH)
    with progress_bar() as progress:
        task = progress.add_task(description, total=len(rows))
        for batch, (count, found) in zip(batches, in_threads(run, batches), strict=True):
            for name, values in found.items():
                whole = outputs.setdefault(name, np.empty((len(rows), *values.shape[1:]), np.float32))
                whole[done : done + count] = values
            done += count
            progress.advance(task, len(batch))
    return {name: values[:done] for name, values in outputs.items()}, reasons
