"""The Keras model in an artifacts folder, ours or a stranger's: opened for use, or written as `model.onnx`."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.address.artifacts import TRAIN_FIRST, Artifacts, artifact_files, keras_file
from wildtrack.address.models.export import export_onnx
from wildtrack.address.models.network import (
    Network,
    check_image_size,
    find_scaling,
    load_keras_file,
    network_fingerprint,
    open_network,
    with_scaling,
)
from wildtrack.address.models.preprocessor import current_fingerprint
from wildtrack.errors import UserError
from wildtrack.storage.files import sha256, write_atomically

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedModel:
    """A model that is ready to run."""

    source: Path  # the file it came from
    network: Network
    scaling: str  # one of SCALINGS: what the network expects
    fingerprint: str  # names the model and its preprocessing


def open_saved_model(
    artifacts: Artifacts,
    table: pd.DataFrame,
    pixels: np.ndarray,
    scaling: str,
    custom_objects: Mapping[str, Any],
) -> SavedModel:
    """Load `model.keras`, or `model.h5` where the former is missing.

    Our own model keeps the fingerprint it was saved with; a stranger's is computed.

    Args:
        artifacts: The opened set.
        table: Labelled photos, N rows, to find out the input scaling where nothing says it.
        pixels: uint8 (N, H, W, 3).
        scaling: "auto", or one of SCALINGS for a model from elsewhere.
        custom_objects: Layer classes of the user's own, by name.

    Raises:
        UserError: There is no such file, it cannot be used, or does not fit `preprocessor.pkl` or `scaling`.
    """
    artifacts.check_scaling(scaling)
    source = keras_file(artifacts.folder)
    if source is None:
        raise UserError(f"no model.keras or model.h5 in {artifacts.folder}; {TRAIN_FIRST}")
    network = open_network(load_keras_file(source, custom_objects))
    check_image_size(network, artifacts.preprocessor)
    if scaling == "auto":
        scaling = find_scaling(network, artifacts.preprocessor, table, pixels)
    if artifacts.config is not None:
        fingerprint = current_fingerprint(artifacts.config["fingerprint"], artifacts.preprocessor.reader_version)
    else:
        fingerprint = network_fingerprint(network, artifacts.preprocessor.image_size, scaling)
    return SavedModel(source, network, scaling, fingerprint)


def export_saved_model(artifacts: Artifacts, saved: SavedModel) -> None:
    """Make `model.onnx` from the Keras model of the same folder: a stranger's, or ours when that file was lost."""
    metadata = {
        "fingerprint": saved.fingerprint,
        "source_sha256": sha256(saved.source),
        "embedding_from": saved.network.embedding_from,
        "scaling": saved.scaling,
    }

    def write(path: Path) -> None:
        export_onnx(with_scaling(saved.network, saved.scaling), path, metadata)

    if artifacts.config is None:
        write_atomically(artifacts.folder / "model.onnx", write)
    else:
        artifact_files(artifacts.folder).add("model.onnx", write)
    log.info(
        "Made model.onnx from %s: pixels scaled to %s; embedding from %s.",
        saved.source.name,
        saved.scaling,
        saved.network.embedding_from,
    )
