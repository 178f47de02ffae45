"""What a trained model has to beat: raw pixels, and its own network before training."""

import logging
from typing import Any

import cv2
import numpy as np

from wildtrack.address.embed import KerasEngine, run_all
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
    return _unit_length(flat - flat.mean(axis=1, keepdims=True))


def untrained_embeddings(config: dict[str, Any], pixels: np.ndarray) -> np.ndarray | None:
    """What the network saw before training: the pooled features of the backbone with its starting weights.

    Args:
        config: `model_config.yaml`.
        pixels: uint8 (N, H, W, 3).

    Returns:
        float32 (N, channels), length one; None when the starting weights are no longer to be had.
    """
    import keras

    from wildtrack.address.model import build_backbone, build_model

    keras.utils.set_random_seed(config["seed"])
    weights = {"random": "none"}.get(config["starting_weights"], config["starting_weights"])
    try:
        backbone = build_backbone(
            config["backbone"], alpha=config["alpha"], image_size=config["image_size"], weights=weights
        )
    except UserError as error:
        log.warning("No figure for the untrained network: %s.", error)
        return None
    model = build_model(backbone, embed_dim=config["embed_dim"], num_ids=2, pooling=config["pooling"])
    pooled = keras.Model(model.input, {"embedding": model.get_layer("pooled").output})
    return _unit_length(run_all(KerasEngine(pooled), pixels, "Untrained network")["embedding"])


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
