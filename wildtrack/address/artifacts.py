"""What a training leaves: saved as one sealed set, opened with every file checked."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.reading import ReadConfig
from wildtrack.address.matching.matching import FILE as MATCHING
from wildtrack.address.matching.matching import Matching, read_matching, write_matching
from wildtrack.address.models.preprocessor import Preprocessor, load_preprocessor
from wildtrack.address.training.model_config import TrainingConfig, read_training_config
from wildtrack.console import program
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv
from wildtrack.storage.sealed import SealedSet

log = logging.getLogger(__name__)

TRAIN_FIRST = f"train a model first: {program('train')}"
RESTORE = "restore the folder from a backup, or train again"
SPLIT_COLUMNS = ["image_id", "identity", "path", "split", "sha256"]


@dataclass(frozen=True)
class Artifacts:
    """An opened artifacts folder; that of a third-party model has only the first two.

    Attributes:
        folder: Where the files are.
        preprocessor: What the model takes and gives: image size, length of the embedding, identities.
        config: The settings of the training (`model_config.yaml`).
        split: The photos with their subsets: image_id, identity, path, split, sha256.
        matching: Calibrations and thresholds learnt on the validation photos.
    """

    folder: Path
    preprocessor: Preprocessor
    config: TrainingConfig | None = None
    split: pd.DataFrame | None = None
    matching: Matching | None = None

    def catalogue_path(self, chosen: Path | None) -> Path:
        """The catalogue to use, a folder or a CSV: the chosen one, else that of the training."""
        if chosen is not None:
            return chosen
        if self.config is None:
            raise UserError(f"the model in {self.folder} does not say which photos it knows; name them with --data")
        if not self.config.data.exists():
            raise UserError(
                f"the photos that the model in {self.folder} was trained on are no longer at {self.config.data}; "
                "say where they are now: --data FOLDER"
            )
        return self.config.data

    def reading(self, config: ReadConfig) -> ReadConfig:
        """How to read a catalogue: as chosen, and where nothing was chosen as the training did."""
        return config if self.config is None else config.or_else(self.config.reading)

    def trained_on(self, digests: Sequence[str]) -> npt.NDArray[np.bool_] | None:
        """Which of N photos, by their digests, the model was trained on: bool (N,); None where that is not known."""
        if self.split is None:
            return None
        trained = self.split["sha256"][(self.split["split"] == "train") & (self.split["sha256"] != "")]
        return np.isin(digests, trained)


@dataclass(frozen=True)
class Trained:
    """What a training gives, without what is learnt on its validation photos about matching."""

    model: Any  # the trained Keras model
    onnx: Path  # the same, exported
    preprocessor: Preprocessor
    config: TrainingConfig  # with its fingerprint
    split: pd.DataFrame  # image_id, identity, path, split, sha256
    history: pd.DataFrame  # one row an epoch


def artifact_files(folder: Path) -> SealedSet:
    """The sealed set in an artifacts folder, without the index."""
    return SealedSet(folder, "manifest.json", ".staging", RESTORE)


def save_artifacts(folder: Path, trained: Trained, matching: Matching | None) -> None:
    """Write every artifact of a training as one set, in place of an older one."""

    def write(staging: Path) -> None:
        trained.model.save(staging / "model.keras")
        with TemporaryDirectory() as elsewhere:  # HDF5 crashes the process where the disk is full; a copy raises
            trained.model.save(Path(elsewhere) / "model.h5")
            shutil.copyfile(Path(elsewhere) / "model.h5", staging / "model.h5")
        shutil.copyfile(trained.onnx, staging / "model.onnx")
        trained.preprocessor.save(staging / "preprocessor.pkl")
        trained.config.write(staging / "model_config.yaml")
        write_csv(staging / "split.csv", trained.split)
        write_csv(staging / "history.csv", trained.history)
        write_matching(matching, staging / MATCHING)

    artifact_files(folder).replace(write, {"fingerprint": trained.config.fingerprint, "matching": MATCHING})


def keras_file(folder: Path) -> Path | None:
    """The Keras model that counts: `model.keras`, else `model.h5`, else None."""
    return next((folder / name for name in ("model.keras", "model.h5") if (folder / name).is_file()), None)


def holds_model(folder: Path) -> bool:
    """Whether there is a model in a folder."""
    return keras_file(folder) is not None or (folder / "model.onnx").is_file()


def open_artifacts(folder: Path) -> Artifacts:
    """Open WildTrack's set, every file checked, or a third-party model with `preprocessor.pkl`; else a UserError."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(folder)!r} with a trained model; {TRAIN_FIRST}")
    about = artifact_files(folder).open()
    if not holds_model(folder):
        raise UserError(f"there is no model in {str(folder)!r}; {TRAIN_FIRST}")
    preprocessor = load_preprocessor(folder / "preprocessor.pkl")
    if about is None:
        log.info("%s has no manifest.json: a third-party model, used as it is.", folder)
        return Artifacts(folder, preprocessor)
    for name in ("model_config.yaml", "split.csv", *([MATCHING] if "matching" in about else [])):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} is missing; {RESTORE}")
    config, path = read_training_config(folder / "model_config.yaml", RESTORE), folder / "split.csv"
    try:
        split = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=SPLIT_COLUMNS)[SPLIT_COLUMNS]
    except ValueError as error:
        raise UserError(f"{path} cannot be used: {' '.join(str(error).split())[:200]}; {RESTORE}") from error
    return Artifacts(folder, preprocessor, config, split, read_matching(folder / MATCHING))
