"""Pixels -> embeddings, by one of two engines that give the same vectors."""

import os
import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wildtrack.console import progress_bar
from wildtrack.errors import UserError

FINGERPRINT = re.compile("[0-9a-f]{64}")  # it names files of the cache
BATCH = 16  # measured: larger batches fall out of the processor's cache and are slower

MAKE_ANEW = "delete it, and it is made anew from the model.keras or model.h5 that must lie beside it"


class Engine(Protocol):
    """Runs a network."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 (B, H, W, 3) -> "embedding" float32 (B, D) and "probabilities" float32 (B, identities)."""


class KerasEngine:
    """Runs a Keras network from `wildtrack.address.network`."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """See `Engine.run`."""
        return {name: np.asarray(values) for name, values in self.network.predict_on_batch(photos).items()}


class OnnxEngine:
    """Runs `model.onnx` with ONNX Runtime, without TensorFlow."""

    def __init__(self, path: Path) -> None:
        self.session = onnx_session(path, MAKE_ANEW)
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        shapes = {output.name: output.shape for output in self.session.get_outputs()}
        if not FINGERPRINT.fullmatch(self.metadata.get("fingerprint", "")) or len(shapes.get("embedding", ())) != 2:
            raise UserError(f"{path} was not written by WildTrack; {MAKE_ANEW}")
        self.names = list(shapes)
        self.embed_dim: int = shapes["embedding"][1]

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """See `Engine.run`."""
        return dict(zip(self.names, self.session.run(None, {"photos": photos}), strict=True))


def onnx_session(path: Path, advice: str) -> Any:
    """An ONNX Runtime session on the processor; UserError with the advice when the file cannot be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = os.cpu_count() or 1
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} cannot be loaded: {reason}; {advice}") from error


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, D) divided by their lengths, float32; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def run_all(
    engine: Engine, pixels: np.ndarray, description: str, rows: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Run an engine over any number of photos, behind a progress bar.

    Args:
        engine: Either engine.
        pixels: uint8 (M, H, W, 3); a memory map is read batch by batch.
        description: What the progress bar says.
        rows: int (N,), N >= 1: which photos; None for all.

    Returns:
        "embedding" float32 (N, D), length one, and "probabilities" float32 (N, identities).
    """
    rows = np.arange(len(pixels)) if rows is None else rows
    batches = []
    with progress_bar() as progress:
        task = progress.add_task(description, total=len(rows))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            batches.append(engine.run(np.asarray(pixels[batch])))
            progress.advance(task, len(batch))
    return {name: np.concatenate([batch[name] for batch in batches]).astype(np.float32) for name in batches[0]}
