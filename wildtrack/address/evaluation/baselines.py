"""What a trained model has to beat: raw pixels, and its own network before training."""

import logging
from typing import Any

import cv2
import numpy as np

from wildtrack.address.features.embeddings import run_engine
from wildtrack.address.models.engines import KerasEngine, unit_length
from wildtrack.address.training.model_config import TrainingConfig
from wildtrack.console import load_tensorflow
from wildtrack.errors import UserError

log = logging.getLogger(__name__)

RAW_SIDE = 32


def raw_pixel_embeddings(pixels: np.ndarray) -> np.ndarray:
    """What matching without any learning sees: photos of 32 x 32 pixels, their mean taken out.

    Args:
        pixels: uint8 (N, H, W, 3).

    Returns:
        float32 (N, 3072), length one.
    """
    small = np.stack([cv2.resize(photo, (RAW_SIDE, RAW_SIDE), interpolation=cv2.INTER_AREA) for photo in pixels])
    flat = small.reshape(len(small), -1).astype(np.float32)
    return unit_length(flat - flat.mean(axis=1, keepdims=True))


def untrained_embeddings(config: TrainingConfig, pixels: np.ndarray) -> np.ndarray | None:
    """What the network saw before training: the pooled features of the backbone with its starting weights.

    Args:
        config: How the model was trained.
        pixels: uint8 (N, H, W, 3).

    Returns:
        float32 (N, channels), length one; None when the starting weights are no longer to be had.
    """
    network = starting_network(config, config.pooling)
    if network is None:
        return None
    rows = np.arange(len(pixels))
    return run_engine(KerasEngine(network), pixels.__getitem__, rows, "Untrained network")[0]["embedding"]


def starting_network(config: TrainingConfig, pooling: str) -> Any | None:
    """The network as training found it, up to its pooled features; the same weights each time.

    Args:
        config: How the model was trained.
        pooling: "average", "grid" or "auto", see `build_model`.

    Returns:
        A Keras model from photos to "embedding", length one; None when the starting weights are no longer to be had.
    """
    load_tensorflow()  # quiet, where nobody has imported it yet
    import keras

    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model
    from wildtrack.address.models.layers import L2Normalize

    keras.utils.set_random_seed(config.seed)
    weights = {"random": "none"}.get(config.starting_weights, config.starting_weights)
    try:
        backbone = build_backbone(config.backbone, alpha=config.alpha, image_size=config.image_size, weights=weights)
    except UserError as error:
        log.warning("No figure for the untrained network: %s.", error)
        return None
    model = build_model(backbone, embed_dim=config.embed_dim, num_ids=2, pooling=pooling)
    return keras.Model(model.input, {"embedding": L2Normalize()(model.get_layer("pooled").output)})
