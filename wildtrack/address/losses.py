"""Losses on the cosines between embeddings and class centres."""

from typing import Any

import keras
from keras import ops

LOSSES = ("arcface", "softmax")


class CosineMargin(keras.losses.Loss):  # type: ignore[misc]
    """Softmax cross-entropy over scaled cosines, with ArcFace's additive angular margin.

    The true class's cosine cos(t) becomes cos(t + margin) before the softmax, so an embedding has to come
    closer to its centre than the decision itself would need. Margin 0 is the plain cosine softmax. Where
    t + margin would pass pi, the cosine is lowered linearly instead, as in the reference implementation of
    Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019.

    `margin` is a variable: assign to it between epochs to ramp it up.

    Args:
        scale: Factor on the cosines; the inverse temperature of the softmax.
        margin: Starting margin in radians, 0 to pi / 2.

    Shapes:
        y_true: (batch,) integer class numbers. y_pred: (batch, classes) cosines in [-1, 1].
    """

    def __init__(self, scale: float, margin: float = 0.0) -> None:
        super().__init__(name="cosine_margin")
        self.scale = scale
        self.margin = keras.Variable(margin, trainable=False, dtype="float32")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Cross-entropy of each photo, shape (batch,)."""
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        cosine = ops.clip(y_pred, -1.0 + 1e-6, 1.0 - 1e-6)  # (batch, classes); the sine's gradient is infinite at 1
        sine = ops.sqrt(1.0 - ops.square(cosine))
        with_margin = cosine * ops.cos(self.margin) - sine * ops.sin(self.margin)
        past_pi = cosine < -ops.cos(self.margin)
        with_margin = ops.where(past_pi, cosine - self.margin * ops.sin(self.margin), with_margin)
        is_true_class = ops.one_hot(labels, ops.shape(cosine)[1], dtype="bool")
        logits = self.scale * ops.where(is_true_class, with_margin, cosine)
        return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
