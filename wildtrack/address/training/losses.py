"""Losses on the cosines between embeddings and class centres, and on the embeddings of a batch themselves."""

from typing import Any

import keras
from keras import ops

FARTHEST = 4.0  # squared distance of opposite embeddings


class CosineMargin(keras.losses.Loss):  # type: ignore[misc]
    """Softmax cross-entropy over scaled cosines, with ArcFace's additive angular margin.

    The true class's cosine cos(t) becomes cos(t + margin) before the softmax, so an embedding has to come
    closer to its centre than the decision itself would need. Margin 0 is the plain cosine softmax. Where
    t + margin would pass pi, the cosine is lowered linearly instead, as in the reference implementation of
    Deng et al., "ArcFace", CVPR 2019. `margin` is a variable: assign to it between epochs to ramp it up.

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


class SemiHardTriplet(keras.losses.Loss):  # type: ignore[misc]
    """Triplet loss with semi-hard negatives, over all pairs of photos of one identity in a batch.

    For an anchor and another photo of its identity, the negative is the nearest photo of another identity that is
    farther from the anchor than the positive; where there is none, the farthest one (Schroff et al., "FaceNet", CVPR
    2015). Distances are squared Euclidean, for embeddings of length one 2 - 2 cos, 0 to 4.

    Args:
        margin: By how much a negative has to be farther than a positive, squared distance.

    Shapes:
        y_true: (batch,) integer class numbers. y_pred: (batch, D) embeddings of length one.
    """

    def __init__(self, margin: float = 0.2) -> None:
        super().__init__(name="semi_hard_triplet")
        self.margin = margin

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Mean over each anchor's positives, shape (batch,); 0 for an anchor without a positive or a negative."""
        labels = ops.reshape(y_true, (-1,))
        same = ops.equal(labels[:, None], labels[None, :])  # (B, B)
        distance = ops.maximum(2.0 - 2.0 * ops.matmul(y_pred, ops.transpose(y_pred)), 0.0)  # (B, B)
        positive = ops.logical_and(same, ops.logical_not(ops.eye(ops.shape(labels)[0], dtype="bool")))
        farther = ops.logical_and(distance[:, None, :] > distance[:, :, None], ops.logical_not(same)[:, None, :])
        semi_hard = ops.min(ops.where(farther, distance[:, None, :], FARTHEST), axis=2)  # (B anchors, B positives)
        farthest = ops.max(ops.where(same, 0.0, distance), axis=1, keepdims=True)  # (B, 1)
        negative = ops.where(ops.any(farther, axis=2), semi_hard, farthest)
        counted = ops.logical_and(positive, ops.logical_not(ops.all(same, axis=1, keepdims=True)))
        losses = ops.where(counted, ops.relu(distance - negative + self.margin), 0.0)
        return ops.sum(losses, axis=1) / ops.maximum(ops.sum(ops.cast(counted, losses.dtype), axis=1), 1.0)
