"""The embedding head's own layer."""

from typing import Any

import keras
from keras import ops


class L2Normalize(keras.layers.Layer):  # type: ignore[misc]
    """Scale vectors to length one, so that a dot product is the cosine similarity.

    A vector shorter than `epsilon` is divided by `epsilon` instead, so zero stays zero.

    Examples:
        >>> float(keras.ops.norm(L2Normalize()(keras.ops.array([[3.0, 4.0]]))))
        1.0

    Args:
        axis: The axis along which the length is taken.
        epsilon: The smallest length divided by.

    Shapes:
        Input and output are the same, usually (batch, D), floating point.
    """

    def __init__(self, axis: int = -1, epsilon: float = 1e-12, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def call(self, inputs: Any) -> Any:
        """Divide by the Euclidean length along `axis`."""
        # the epsilon stands inside the root, where the gradient of a zero vector stays finite
        squared_length = ops.sum(ops.square(inputs), axis=self.axis, keepdims=True)
        return inputs * ops.rsqrt(ops.maximum(squared_length, self.epsilon**2))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape that went in."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


# Under its plain name, not a package's: a program without WildTrack loads our models with a class of its own,
# custom_objects={"L2Normalize": ...}, which Keras would not find behind "WildTrack>L2Normalize".
keras.saving.get_custom_objects()["L2Normalize"] = L2Normalize
