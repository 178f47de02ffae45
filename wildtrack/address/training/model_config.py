"""How a model was trained: `model_config.yaml`, written for people as a whole and read as far as anything needs it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

from wildtrack.access.reading import ReadConfig
from wildtrack.errors import UserError
from wildtrack.storage.json_files import plain

MAX_BYTES = 1_000_000
INDIFFERENT = ("cache_gb", "results", "verify", "training_minutes", "fingerprint")  # an interrupted training goes on


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training."""

    data: Path  # the catalogue: a folder or a CSV
    backbone: str
    alpha: float
    image_size: int  # pixels
    embed_dim: int
    pooling: str  # "average", "grid" or "auto"
    starting_weights: str  # "imagenet", "random" or the path of a file
    seed: int
    fingerprint: str = ""  # of the trained model
    training_minutes: float | None = None
    reading: ReadConfig = field(default_factory=ReadConfig)  # how the catalogue was read
    record: Mapping[str, Any] = field(default_factory=dict)  # all else that the file says; written and never read

    def write(self, path: Path) -> None:
        """Write `model_config.yaml`."""
        path.write_text(yaml.safe_dump(self._values(), sort_keys=False, allow_unicode=True), encoding="utf-8")

    def same_training(self) -> dict[str, Any]:
        """What must be equal, as plain values, for an interrupted training to go on."""
        return {name: value for name, value in self._values().items() if name not in INDIFFERENT}

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(asdict(self))
        return {**values.pop("record"), **values}


def read_training_config(path: Path, remedy: str) -> TrainingConfig:
    """The content of `model_config.yaml`; a UserError that ends with `remedy` where it is incomplete or hostile."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES // 1000} kB")
        text = path.read_text(encoding="utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ValueError("it has aliases, with which a few bytes can stand for any number")
        config = msgspec.convert(yaml.safe_load(text), TrainingConfig, dec_hook=lambda kind, value: kind(value))  # Path
        if not config.fingerprint:
            raise ValueError("fingerprint is missing")
        return config
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be used: {' '.join(str(error).split())[:200]}; {remedy}") from error
