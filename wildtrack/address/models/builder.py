"""Build the network: photo -> backbone -> embedding -> probabilities.

    pixels 0..255 (B, H, W, 3)
      -> scaling, as the backbone's own family requires
      -> backbone from keras.applications, without its top
      -> pooling -> Dense(embed_dim) -> BatchNorm
      -> L2Normalize                    "embedding"      (B, embed_dim), length one
      -> Dense, unit-norm centres       "centres"        (B, identities x sub-centres)
      -> the best of the sub-centres    "cosine"         (B, identities)
      -> x SCALE -> softmax             "probabilities"  (B, identities)

Pooling "average" is the mean of the backbone's last map. "grid", for random weights, ends at the stem (the backbone up
to its last map of one cell per 8 pixels), which a few hundred photos can train, and keeps a coarse grid of its map.
"""

import math

import keras

from wildtrack.address.models.backbones import Backbone, family_scaling
from wildtrack.address.models.layers import L2Normalize
from wildtrack.errors import UserError

SCALE = 16.0  # inverse temperature of the softmax over cosines
STEM_STRIDE = 8  # pixels of the photo per cell of the stem's last map
GRID = 8  # cells a side that grid pooling leaves of that map, roughly


def build_model(backbone: Backbone, *, embed_dim: int, num_ids: int, pooling: str, sub_centres: int = 1) -> keras.Model:
    """The whole network, around a backbone; `pooling` "auto" is "grid" for random weights, else "average".

    Of an identity's `sub_centres` the nearest one counts (Deng et al., "Sub-center ArcFace", ECCV 2020).
    """
    if pooling == "auto":
        pooling = "average" if backbone.pretrained else "grid"
    network = backbone.network
    if pooling == "grid":
        layers = stem(network)
        if not layers:
            size = backbone.image_size[0]
            raise UserError(
                f"grid pooling does not work with this backbone with --image-size {size}; use --pooling average"
            )
        network = keras.Model(network.input, layers[-1].output, name="backbone")
    photos = keras.Input((*backbone.image_size, 3), name="photos")
    kernel, bias = family_scaling(backbone.name)
    scaling = keras.layers.Conv2D(3, 1, trainable=False, name="scaling")
    features = network(scaling(photos))  # (B, h, w, channels)
    scaling.set_weights([kernel[None, None], bias])
    if pooling == "grid":  # the mean of each cell, in place, standardised: (B, about GRID * GRID * channels)
        cells = keras.layers.AveragePooling2D(max(1, features.shape[1] // GRID), name="grid")(features)
        pooled = keras.layers.BatchNormalization(name="pooled_norm")(keras.layers.Flatten(name="pooled")(cells))
    else:
        pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(features)
    projected = keras.layers.Dense(embed_dim, use_bias=False, name="projection")(pooled)
    centred = keras.layers.BatchNormalization(name="projection_norm")(projected)
    embedding = L2Normalize(name="embedding")(centred)  # (B, embed_dim)
    unit_norm = keras.constraints.UnitNorm()
    centres = keras.layers.Dense(num_ids * sub_centres, use_bias=False, kernel_constraint=unit_norm, name="centres")
    cosines = keras.layers.Reshape((num_ids, sub_centres))(centres(embedding))  # (B, num_ids, sub_centres)
    cosine = keras.layers.GlobalMaxPooling1D("channels_first", name="cosine")(cosines)  # (B, num_ids)
    centres.kernel.assign(unit_norm(centres.kernel))
    probabilities = keras.layers.Softmax(name="probabilities")(keras.layers.Rescaling(SCALE, name="logits")(cosine))
    return keras.Model(photos, probabilities, name="wildtrack")


def stem(backbone: keras.Model) -> list[keras.layers.Layer]:
    """The backbone's first layers, up to its last map of one cell per STEM_STRIDE pixels; [] when it has none such."""
    side = math.ceil(backbone.input_shape[1] / STEM_STRIDE)
    ends = [place for place, layer in enumerate(backbone.layers) if tuple(layer.output.shape[1:-1]) == (side, side)]
    return list(backbone.layers[: ends[-1] + 1]) if ends else []
