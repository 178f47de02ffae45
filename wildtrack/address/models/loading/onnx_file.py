"""An ONNX model of any program as an engine, in one file, whose input's shape and type tell how photos are given to it.

It takes whole numbers 0-255, or floats in one of SCALINGS; another mean and spread must be part of the model.
"""

from pathlib import Path

import numpy as np

from wildtrack.address.models.engines import onnx_errors, onnx_session, unit_length
from wildtrack.address.models.scaling import scaled, unknown_scaling
from wildtrack.errors import UserError

DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxFile:
    """Runs an ONNX model; the embedding is its output "embedding", or the only output of shape (batch, D).

    `free_size` (height, width) is for a model that takes photos of any size; `scaling` is one of SCALINGS, or "auto"
    for a model that takes whole numbers. UserError where the file cannot be loaded or has other inputs or outputs.
    """

    def __init__(self, path: Path, free_size: tuple[int, int], scaling: str) -> None:
        self.path = path
        self.session = onnx_session(path, "is it an ONNX model, in one file?")
        inputs = self.session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or inputs[0].type not in DTYPES or 3 not in (shape[1], shape[3]):
            takes = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise UserError(
                f"{path} takes {takes}, not photos: one input, uint8 or float, (batch, 3, height, width) or "
                "(batch, height, width, 3)"
            )
        self.input_name, self.dtype = inputs[0].name, DTYPES[inputs[0].type]
        self.channels_first = shape[1] == 3
        sides = shape[2:] if self.channels_first else shape[1:3]
        height, width = (side if isinstance(side, int) else free for side, free in zip(sides, free_size, strict=True))
        self.image_size = (height, width)
        self.batch = shape[0] if isinstance(shape[0], int) else None  # photos at once; None: any number
        if self.batch not in (None, 1):
            raise UserError(f"{path} takes exactly {self.batch} photos at once; export it for any number, or for 1")
        outputs = self.session.get_outputs()
        vectors = [output.name for output in outputs if len(output.shape) == 2]
        if "embedding" not in vectors and len(vectors) != 1:
            gives = ", ".join(f"{output.name} {output.shape}" for output in outputs)
            raise UserError(f"{self.path} gives {gives}; one output (batch, length) must be called embedding")
        self.output = "embedding" if "embedding" in vectors else vectors[0]
        if scaling == "auto" and self.dtype != np.uint8:
            raise unknown_scaling(path)
        self.scaling = "0-255" if self.dtype == np.uint8 else scaling

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """See `Engine.run`; "embedding" only, of length one."""
        values = photos if self.dtype == np.uint8 else scaled(photos, self.scaling).astype(self.dtype)
        fed = values.transpose(0, 3, 1, 2) if self.channels_first else values
        batches = [fed] if self.batch is None else fed[:, None]
        with onnx_errors(f"{self.path} fails on photos of {self.image_size} pixels", "is the model intact?"):
            inputs = ({self.input_name: np.ascontiguousarray(batch)} for batch in batches)
            answers = [self.session.run([self.output], each)[0] for each in inputs]
        return {"embedding": unit_length(np.concatenate(answers).astype(np.float32))}
