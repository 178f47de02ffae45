"""What training leaves behind: saved as one sealed set, opened with every file checked."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from wildtrack.address.matching.learning import Matching
from wildtrack.address.matching.learnt_file import FILE as MATCHING
from wildtrack.address.matching.learnt_file import read_matching, write_matching
from wildtrack.address.models.preprocessor import Preprocessor, load_preprocessor, plain
from wildtrack.console import program
from wildtrack.errors import UserError
from wildtrack.storage.files import sha256, write_csv
from wildtrack.storage.sealed import SealedSet

log = logging.getLogger(__name__)

TRAIN_FIRST = f"train a model first: {program('train')}"
RESTORE = "restore the folder from a backup, or train again"
MAX_CONFIG_BYTES = 1_000_000
# what is read of model_config.yaml; it records more
CONFIG: dict[str, type | tuple[type, ...]] = {
    "data": str,
    "fingerprint": str,
    "backbone": str,
    "alpha": (int, float),
    "image_size": int,
    "embed_dim": int,
    "pooling": str,
    "starting_weights": str,
    "seed": int,
}
SPLIT_COLUMNS = ["image_id", "identity", "path", "split", "sha256"]


@dataclass(frozen=True)
class Artifacts:
    """An opened artifacts folder. Everything but the first two is missing from a stranger's set."""

    folder: Path
    preprocessor: Preprocessor
    config: dict[str, Any] | None = None  # model_config.yaml
    split: pd.DataFrame | None = None  # image_id, identity, path, split, sha256
    matching: Matching | None = None  # what validation taught about matching

    def photos(self, chosen: Path | None) -> Path:
        """The catalogue to use: the chosen one, else the one the model was trained on."""
        if chosen is not None:
            return chosen
        if self.config is None:
            raise UserError(f"the model in {self.folder} does not say which photos it knows; name them with --data")
        trained_on = Path(self.config["data"])
        if not trained_on.exists():
            raise UserError(
                f"the photos that the model in {self.folder} was trained on are no longer at {trained_on}; "
                "say where they are now: --data FOLDER"
            )
        return trained_on

    def learnt(self, digests: Sequence[str]) -> npt.NDArray[np.bool_] | None:
        """Which photos the model was trained on.

        Args:
            digests: From `photo_digests`, N.

        Returns:
            Bool (N,), or None for a stranger's model, which does not say.
        """
        if self.split is None:
            return None
        trained = self.split["sha256"][(self.split["split"] == "train") & (self.split["sha256"] != "")]
        return np.isin(digests, trained)

    def check_scaling(self, scaling: str) -> None:
        """Raise a UserError for a scaling that contradicts the one our own model was trained with."""
        trained = self.preprocessor.scaling
        if self.config is not None and scaling not in ("auto", trained):
            raise UserError(
                f"scaling {scaling} does not fit the model in {self.folder}, which was trained on pixels scaled to "
                f"{trained}; leave out --scaling, which is for models from elsewhere"
            )


def artifact_files(folder: Path) -> SealedSet:
    """The sealed set in an artifacts folder, the index not counted."""
    return SealedSet(folder, "manifest.json", ".staging", RESTORE)


def save_artifacts(
    folder: Path,
    model: Any,
    preprocessor: Preprocessor,
    config: dict[str, Any],
    split: pd.DataFrame,
    history: pd.DataFrame,
    matching: Matching | None,
) -> None:
    """Write every artifact of a training as one set.

    Args:
        folder: The artifacts folder; an older set in it is replaced as a whole.
        model: The trained Keras model.
        preprocessor: Its preprocessing and labels.
        config: For `model_config.yaml`.
        split: image_id, identity, path, split, sha256.
        history: One row an epoch.
        matching: What validation taught; None where nothing could be validated.
    """
    from wildtrack.address.models.export import export_onnx
    from wildtrack.address.models.network import network_fingerprint, open_network

    network = open_network(model)
    fingerprint = network_fingerprint(network, preprocessor.image_size, "0-255")

    def write(staging: Path) -> None:
        model.save(staging / "model.keras")
        model.save(staging / "model.h5")
        metadata = {"fingerprint": fingerprint, "embedding_from": network.embedding_from, "scaling": "0-255"}
        export_onnx(network.keras_model, staging / "model.onnx", metadata)
        preprocessor.save(staging / "preprocessor.pkl")
        (staging / "model_config.yaml").write_text(
            yaml.safe_dump(plain({**config, "fingerprint": fingerprint}), sort_keys=False, allow_unicode=True),
            encoding="utf-8",
        )
        write_csv(staging / "split.csv", split)
        write_csv(staging / "history.csv", history)
        write_matching(matching, staging / MATCHING)

    artifact_files(folder).replace(write, {"fingerprint": fingerprint, "matching": MATCHING})


def open_artifacts(folder: Path) -> Artifacts:
    """Open our own set, every file checked, or a stranger's model with its `preprocessor.pkl`.

    Raises:
        UserError: Nothing is there, or something is missing, damaged or altered.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(folder)!r} with a trained model; {TRAIN_FIRST}")
    about = artifact_files(folder).open()
    ours = about is not None
    if not any((folder / name).is_file() for name in ("model.keras", "model.h5", "model.onnx")):
        raise UserError(f"there is no model in {str(folder)!r}; {TRAIN_FIRST}")
    preprocessor = load_preprocessor(folder / "preprocessor.pkl")
    if not ours:
        log.info("%s has no manifest.json: a model from elsewhere, used as it is.", folder)
        return Artifacts(folder, preprocessor)
    for name in ("model_config.yaml", "split.csv", *([MATCHING] if "matching" in (about or {}) else [])):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} is missing; {RESTORE}")
    config, split = _read_config(folder / "model_config.yaml"), _read_split(folder / "split.csv")
    return Artifacts(folder, preprocessor, config, split, read_matching(folder / MATCHING))


def _read_config(path: Path) -> dict[str, Any]:
    """What `model_config.yaml` records: plain values only, and what is needed of them of the right kind."""
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError(f"it is larger than {MAX_CONFIG_BYTES // 1000} kB")
        text = path.read_text(encoding="utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ValueError("it has aliases, with which a few bytes can stand for any number")
        config = yaml.safe_load(text)
        if not isinstance(config, dict):
            raise ValueError("it is no table of names and values")
        for name, kind in CONFIG.items():
            if not isinstance(config.get(name), kind):
                raise ValueError(f"{name} is missing, or not of the right kind")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be used: {' '.join(str(error).split())[:200]}; {RESTORE}") from error
    return config


def _read_split(path: Path) -> pd.DataFrame:
    try:
        split = pd.read_csv(path, dtype=str, keep_default_na=False)
        if missing := set(SPLIT_COLUMNS) - set(split.columns):
            raise ValueError(f"it has no column {', '.join(sorted(missing))}")
        return split[SPLIT_COLUMNS]
    except ValueError as error:  # which is what pandas raises, too
        raise UserError(f"{path} cannot be used: {' '.join(str(error).split())[:200]}; {RESTORE}") from error


def onnx_is_current(artifacts: Artifacts, scaling: str = "auto") -> bool:
    """Whether `model.onnx` is there and, in a stranger's set, was made from the model and for the scaling of now."""
    path = artifacts.folder / "model.onnx"
    if not path.is_file():
        return False
    source = keras_file(artifacts.folder)
    if artifacts.config is not None or source is None:
        return True
    from wildtrack.address.models.engines import OnnxEngine

    try:
        made = OnnxEngine(path).metadata
        return made.get("source_sha256") == sha256(source) and scaling in ("auto", made.get("scaling"))
    except UserError:  # damaged, or not written by us: it is made anew
        return False


def keras_file(folder: Path) -> Path | None:
    """The Keras model that counts: `model.keras`, else `model.h5`, else None."""
    return next((folder / name for name in ("model.keras", "model.h5") if (folder / name).is_file()), None)
