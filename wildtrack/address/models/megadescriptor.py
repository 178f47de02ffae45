"""MegaDescriptor (Čermák et al. 2024), a Swin transformer of many animal species, by PyTorch and timm, if installed."""

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from wildtrack.address.models.engines import Outputs, unit_length
from wildtrack.address.models.fingerprint import model_fingerprint
from wildtrack.errors import UserError, in_one_line

log = logging.getLogger(__name__)

SEED = 977_231_405  # one that no training starts from by chance
PACKAGES = ("torch", "torchvision", "timm")
DEFAULT = "BVRA/MegaDescriptor-T-224"
LICENCE = "weights CC BY-NC 4.0: not for commercial use"


class TimmEngine:
    """Runs a timm model with the pixel scaling of its own data configuration."""

    def __init__(self, model: Any) -> None:
        import timm

        self.model = model
        self.turn = Lock()  # each call takes all cores
        data = timm.data.resolve_model_data_config(model)
        self.mean, self.std = np.float32(data["mean"]), np.float32(data["std"])  # (3,), of pixels 0-1
        self.image_size: tuple[int, int] = tuple(data["input_size"][1:])
        weights = [value.numpy() for value in model.state_dict().values()]
        self.megabytes = sum(array.nbytes for array in weights) / 1e6
        scaling = f"mean {self.mean.tolist()} std {self.std.tolist()}"
        self.fingerprint = model_fingerprint(model.pretrained_cfg["architecture"], weights, self.image_size, scaling)

    def run(self, photos: np.ndarray) -> Outputs:
        """See `Engine.run`; "embedding" only, of length one."""
        import torch

        scaled = (photos / np.float32(255) - self.mean) / self.std
        with self.turn, torch.inference_mode():
            embeddings = self.model(torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))))
        return {"embedding": unit_length(embeddings.numpy())}


def check_packages() -> None:
    """Raise a UserError that names the packages to install, where one is missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(f"megadescriptor needs {', '.join(missing)}: pip install {' '.join(PACKAGES)} (5.5 GB)")


def open_megadescriptor(source: str) -> TimmEngine:
    """The timm model in a folder with `config.json` and weights, else of that name on the hub ("": DEFAULT)."""
    name = f"local-dir:{source}" if source and Path(source).is_dir() else f"hf-hub:{source or DEFAULT}"
    log.info("Looking for %s, on this disk or to download.", name)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # no code from a pickled file, whatever an older timm allows
    try:
        import timm
        import torch

        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it warns of each attempt; the error says it once
        models = []
        for pretrained in (False, True):
            torch.manual_seed(SEED)  # so that what the file lacks has the same random weights in both
            models.append(timm.create_model(name, num_classes=0, pretrained=pretrained).eval())
    except Exception as error:  # timm, the hub and PyTorch raise whatever went wrong in them
        reason = in_one_line(error)
        raise UserError(
            f"{name} cannot be loaded ({reason}); without a network, download its files elsewhere and name their "
            "folder: megadescriptor:FOLDER"
        ) from error
    random, trained = (dict(model.named_parameters()) for model in models)
    missing = [key for key, value in trained.items() if value.ndim > 1 and torch.equal(value, random[key])]
    if missing:  # timm does not report it
        raise UserError(f"the weights of {name} do not fit its architecture: no {missing[0]} among them")
    return TimmEngine(models[1])
