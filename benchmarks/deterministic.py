"""What `--deterministic` costs and what it gives: the same training with it and without, taking turns.

python -m benchmarks.deterministic
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd

from benchmarks.children import start_python
from wildtrack import versions
from wildtrack.access.demo import DEMO, DEMO_NEW
from wildtrack.access.demo.dataset import make_demo
from wildtrack.address.artifacts import open_artifacts
from wildtrack.console import console, run
from wildtrack.errors import UserError

TRAIN = Path(__file__).resolve().parents[1] / "train_classifier_reid.py"
NAMES = {"as it is": (), "--deterministic": ("--deterministic",)}


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: Path = DEMO
    epochs: int = 5  # of each training; the first one is not timed
    repeats: int = 3  # trainings of each kind
    alpha: float = 0.75  # width of the backbone
    image_size: int = 128  # pixels


def main(config: Config) -> None:
    """Train in turns; compare the speed of the epochs, and the models by their fingerprints."""
    if config.epochs < 2:
        raise UserError(f"epochs = {config.epochs}: the first is not timed, so there must be 2 or more")
    if config.data == DEMO and not any(DEMO.glob("*")):
        make_demo(DEMO, DEMO_NEW)
    speeds: dict[str, list[float]] = {name: [] for name in NAMES}
    models: dict[str, set[str]] = {name: set() for name in NAMES}
    for _ in range(config.repeats):
        for name, options in NAMES.items():
            speed, fingerprint = trained(config, options)
            speeds[name].append(speed)
            models[name].add(fingerprint)
    console.print(f"medians of {config.repeats} trainings of {config.epochs} epochs; {versions()}")
    for name, found in speeds.items():
        ratio = median(found) / median(speeds["as it is"])
        different = len(models[name])
        console.print(f"{name:16s} {median(found):6.1f} photos/s, {ratio:4.2f} x; {different} different models")


def trained(config: Config, options: tuple[str, ...]) -> tuple[float, str]:
    """Photos per second of the epochs after the first, and the model's fingerprint."""
    with tempfile.TemporaryDirectory() as folder:
        size = ("--weights", "none", "--alpha", config.alpha, "--image-size", config.image_size)
        places = ("--data", config.data, "--artifacts", folder, "--results", folder)
        if start_python(TRAIN, *places, *size, "--epochs", config.epochs, *options).wait():
            raise UserError("the training failed; what it says stands above")
        history = pd.read_csv(Path(folder) / "history.csv")
        saved = open_artifacts(Path(folder)).config
    return float(history["photos_per_second"].iloc[1:].median()), saved.fingerprint if saved else ""


if __name__ == "__main__":
    run(main, Config(), __doc__)
