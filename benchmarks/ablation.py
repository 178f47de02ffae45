"""What each piece of the training recipe adds, on validation photos: the test photos are never looked at.

python -m benchmarks.ablation                                           the demo, from random weights
python -m benchmarks.ablation --data my_photos --weights mobilenet.h5   other photos, from a weights file

Each row of the table is the recipe with one piece changed, trained with the same split, seed and number of photos
seen; its validation photos are the queries, its training photos the gallery. A finished training is not done again.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.children import start_python
from wildtrack.access.demo import DEMO, DEMO_NEW
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.labelled import labelled_photos
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.evaluation.metrics import paired_difference, retrieval_scores, summarise
from wildtrack.address.features.embeddings import run_engine
from wildtrack.address.matching.embedding import Cosines
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.console import console, run
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import write_csv

USUAL = "as it is"
PIECES = {
    USUAL: "",
    "softmax": "--loss softmax",
    "3 sub-centres": "--sub-centres 3",
    "balanced batches": "--batches balanced",
    "confused batches": "--batches confused",
    "circle": "--loss circle --batches balanced",
    "triplets at the end": "--batches balanced --triplet-epochs {quarter}",
    "confused, triplets at the end": "--batches confused --triplet-epochs {quarter}",
}
FIGURES = ("R@1", "mAP")
COLUMNS = ("R@1", "R@5", "R@10", "AP", "mINP")  # of `retrieval_scores`


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: Path = DEMO
    weights: str = "none"
    image_size: int = 128  # pixels; the same for all rows, so that they take the same time
    epochs: int = 16
    seeds: tuple[int, ...] = (0, 1, 2)
    pieces: tuple[str, ...] = tuple(PIECES)  # rows to train; the first is compared with the others
    results: Path = Path("results/ablation")  # the finished trainings' scores


def main(config: Config) -> None:
    """Train what is not there yet, seed by seed; then the table."""
    if unknown := [piece for piece in config.pieces if piece not in PIECES]:
        raise UserError(f"--pieces {unknown[0]!r} is not known; allowed: {', '.join(PIECES)}")
    if config.data == DEMO and not any(DEMO.glob("*")):
        make_demo(DEMO, DEMO_NEW)
    scores = []
    for seed in config.seeds:
        for piece in config.pieces:
            path = config.results / f"{name_of(config)}_{piece.replace(' ', '_')}_{seed}.csv"
            if not path.is_file():
                write_csv(path, validation_scores(train(config, piece, seed)))
            scores.append(read_scores(path).assign(piece=piece, seed=seed))
    table = table_of(pd.concat(scores), config.pieces)
    lines: list[list[Any]] = [list(table), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    for cells in lines:
        words = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells]
        console.print(f"| {' | '.join(words)} |")


def name_of(config: Config) -> str:
    """Which trainings belong into one table."""
    weights = "random" if config.weights == "none" else "imagenet"
    return f"{config.data.resolve().name}_{weights}_{config.image_size}px_{config.epochs}epochs_{_version(config)}"


def _version(config: Config) -> str:
    """Names the photos, the weights and the code, so that no table mixes rows of several."""
    digest = hashlib.sha256(f"{config.data.resolve()} {config.weights}".encode())
    for path in (Path("train_classifier_reid.py"), *sorted(Path("wildtrack/address").glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def train(config: Config, piece: str, seed: int) -> Path:
    """Run the training script as a user does; returns the artifacts' folder."""
    artifacts = config.results / "training"
    flags = ["--data", config.data, "--artifacts", artifacts, "--weights", config.weights, "--seed", seed]
    flags += ["--image-size", config.image_size, "--epochs", config.epochs]
    flags += PIECES[piece].format(quarter=max(1, config.epochs // 4)).split()
    console.print(f"{name_of(config)}: {piece}, seed {seed}")
    with start_python("train_classifier_reid.py", *flags) as training:
        training.wait()
    if training.returncode:
        raise UserError(f"train_classifier_reid.py ended with {training.returncode}; it says why above")
    return artifacts


def validation_scores(folder: Path) -> pd.DataFrame:
    """Ask about the validation photos: a row a query, with what `retrieval_scores` says and the minutes of training."""
    artifacts = open_artifacts(folder)
    if artifacts.split is None:
        raise UserError(f"{folder} has no split.csv, which every training leaves; remove the folder")
    catalogue = load_catalogue(artifacts.catalogue_path(None))
    photos = labelled_photos(catalogue, artifacts.preprocessor.image_size, CacheConfig(), folder / "problems.csv")
    engine, rows = OnnxEngine(folder / "model.onnx"), np.arange(len(photos.pixels))
    outputs, _ = run_engine(engine, photos.pixels.__getitem__, rows, "Embedding photos")
    sides = photos.table["image_id"].map(artifacts.split.set_index("image_id")["split"])
    valid, train = (sides == "valid").to_numpy(), (sides == "train").to_numpy()
    identities = photos.table["identity"].to_numpy(dtype=object)
    embeddings = outputs["embedding"]
    scores = retrieval_scores(Cosines(embeddings[valid], embeddings[train]), identities[valid], identities[train])
    history = pd.read_csv(folder / "history.csv")
    minutes = len(history) * int(train.sum()) / history["photos_per_second"].mean() / 60
    return scores.assign(identity=identities[valid], minutes=minutes)


def read_scores(path: Path) -> pd.DataFrame:
    """What `validation_scores` gave; an animal may be called "NA"."""
    missing = {column: [""] for column in COLUMNS}
    return pd.read_csv(path, dtype={"identity": str}, keep_default_na=False, na_values=missing)


def table_of(scores: pd.DataFrame, pieces: tuple[str, ...]) -> pd.DataFrame:
    """A row a piece: its figures over all seeds, and the paired difference to the first with its 95% interval."""
    columns = ["answerable", *COLUMNS]
    by_piece = {piece: scores[scores["piece"] == piece] for piece in pieces}
    usual = by_piece[pieces[0]]
    rows: list[dict[str, Any]] = []
    for piece, found in by_piece.items():
        identities = found["identity"].to_numpy(dtype=object)
        summary = summarise(found[columns], identities)
        row: dict[str, Any] = {"piece": piece, **{name: summary[name] for name in FIGURES}}
        if piece != pieces[0]:
            difference = paired_difference(found[columns], usual[columns], identities)
            for name in FIGURES:
                low, high = difference[name]["low"], difference[name]["high"]
                row[f"{name} gained"] = f"{difference[name]['difference']:+.2f} [{low:+.2f}, {high:+.2f}]"
        rows.append(
            row
            | {"minutes": found.groupby("seed")["minutes"].first().mean(), "queries": int(found["answerable"].sum())}
        )
    return pd.DataFrame(rows).fillna("")


if __name__ == "__main__":
    run(main, Config(), __doc__)
