"""What a trained model has to beat: raw pixels, and its own network before training."""

import logging
from typing import Any

import cv2
import numpy as np

from wildtrack.address.models.engines import unit_length
from wildtrack.address.training.model_config import TrainingConfig
from wildtrack.console import load_tensorflow
from wildtrack.errors import UserError

log = logging.getLogger(__name__)

RAW_SIDE = 32


class RawPixels:
    """An engine whose embeddings are the photos themselves: 32 x 32 pixels, their mean taken out."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """Photos uint8 (N, H, W, 3) -> "embedding" float32 (N, 3072), length one."""
        small = np.stack([cv2.resize(photo, (RAW_SIDE, RAW_SIDE), interpolation=cv2.INTER_AREA) for photo in photos])
        flat = small.reshape(len(small), -1).astype(np.float32)
        return {"embedding": unit_length(flat - flat.mean(axis=1, keepdims=True))}


def starting_network(config: TrainingConfig, pooling: str) -> Any | None:
    """The Keras network as training found it, from photos to pooled features "embedding" of length one.

    The weights are the same each time; None, with a warning, where they can no longer be had. `pooling` is "average",
    "grid" or "auto", as for `build_model`.
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
