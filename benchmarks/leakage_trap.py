"""What a careless split promises: the demo trained twice, on the same photos split by encounter and split at random.

python -m benchmarks.leakage_trap                       the demo as it is
python -m benchmarks.leakage_trap --bursts --epochs 20  the same, each photo being two frames of a burst

The random split deals out the sides of the first one anew among the photos of each animal, so that every animal has as
many training, validation and test photos in both. All test photos are asked. A finished training is not done again.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance

from benchmarks.children import start_python
from wildtrack.access.demo import DEMO, DEMO_NEW
from wildtrack.access.demo.dataset import make_demo
from wildtrack.console import console, run
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv

SCRIPTS = Path(__file__).resolve().parents[1]
MOVED = 6  # pixels that the camera moves within a burst, at most
SPLITS = ("encounter", "random")
NAMES = {"fused": "both fused", "local": "local features", "trained": "trained", "untrained": "untrained"}
NAMES["raw_pixels"] = "raw pixels"


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: Path = DEMO  # a folder with metadata.csv, whose photos have dates
    epochs: int = 40
    image_size: int = 128  # pixels
    alpha: float = 0.75  # width of the backbone
    seeds: tuple[int, ...] = (0,)
    bursts: bool = False  # each photo gets a second frame, a second later: moved a little, and lit a little otherwise
    results: Path = Path("results/leakage_trap")


def main(config: Config) -> None:
    """For each seed: train by encounter, deal the sides out anew, train again; then the tables."""
    if config.data == DEMO and not any(DEMO.glob("*")):
        make_demo(DEMO, DEMO_NEW)
    photos = config.results / "photos"
    if not photos.is_dir():
        shutil.copytree(config.data, photos)
        if config.bursts:
            add_frames(photos)
    for seed in config.seeds:
        by_encounter = measure(config, photos / "metadata.csv", "encounter", seed)
        shuffled = photos / f"random_{seed}.csv"
        split = pd.read_csv(config.results / f"encounter_{seed}" / "artifacts" / "split.csv")
        write_csv(shuffled, dealt_anew(pd.read_csv(photos / "metadata.csv"), split, seed))
        trap = measure(config, shuffled, "random", seed)
        for name, metrics in zip(SPLITS, (by_encounter, trap), strict=True):
            console.print(f"\nSeed {seed}, split {name}: {in_words(metrics)}\n")
            for line in table_of(metrics):
                console.print(line)


def add_frames(folder: Path) -> None:
    """Save a second frame beside each photo of `folder`, and name it in metadata.csv."""
    table = pd.read_csv(folder / "metadata.csv")
    rng = np.random.default_rng(0)
    for path in table["path"]:
        with Image.open(folder / path) as photo:
            width, height = photo.size
            left, top = rng.integers(0, MOVED, 2, endpoint=True)
            box = (int(left), int(top), int(left) + width - MOVED, int(top) + height - MOVED)
            frame = photo.crop(box).resize((width, height), Image.Resampling.BICUBIC)
        frame = ImageEnhance.Brightness(frame).enhance(rng.uniform(0.95, 1.05))
        frame.save(folder / second(path), quality=90)
    later = (pd.to_datetime(table["date"]) + pd.Timedelta(seconds=1)).map(pd.Timestamp.isoformat)
    frames = table.assign(image_id=table["image_id"] + "_b", path=table["path"].map(second), date=later)
    write_csv(folder / "metadata.csv", pd.concat([table, frames], ignore_index=True))


def second(path: str) -> str:
    """What the second frame of a photo is called."""
    return path.removesuffix(".jpg") + "b.jpg"


def dealt_anew(table: pd.DataFrame, split: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The catalogue with the sides of `split` shuffled among the photos of each animal, in the column `split`.

    Args:
        table: with `image_id` and `identity`, a row a photo.
        split: with `image_id` and `split`.
        seed: names the shuffle.
    """
    rng = np.random.default_rng(seed)
    sides = table.merge(split[["image_id", "split"]], on="image_id", validate="one_to_one")
    sides["split"] = sides.groupby("identity")["split"].transform(lambda group: rng.permutation(group.to_numpy()))
    return sides


def measure(config: Config, data: Path, name: str, seed: int) -> dict[str, Any]:
    """Train and evaluate as a user does, unless that is done; returns what metrics.json says."""
    folder = config.results / f"{name}_{seed}"
    artifacts, metrics = folder / "artifacts", folder / "metrics.json"
    places = ("--artifacts", artifacts, "--results", folder)
    if not (artifacts / "manifest.json").is_file():
        rule = "encounter" if name == "encounter" else "catalogue"
        size = ("--weights", "none", "--image-size", config.image_size, "--alpha", config.alpha)
        more = ("--data", data, "--split", rule, "--epochs", config.epochs, "--seed", seed)
        script("train_classifier_reid.py", *places, *size, *more)
    if not metrics.is_file():
        asked = ("--queries-per-identity", 0, "--examples", 0, "--tsne-max", 0)
        script("evaluate_reid_and_visualize.py", *places, *asked)
    found: dict[str, Any] = json.loads(metrics.read_text("utf-8"))
    return found


def script(name: str, *options: object) -> None:
    """Run a script to its end."""
    if start_python(SCRIPTS / name, *options).wait():
        raise UserError(f"{name} failed; what it says stands above")


def in_words(metrics: dict[str, Any]) -> str:
    """How many ask, and how many of them find a photo that gives the answer away."""
    leaky = metrics["leakage"]["share_of_queries_with_a_leaky_gallery_photo"]
    return (
        f"{metrics['num_queries']} queries of {metrics['num_ids']} animals, {metrics['num_gallery']} gallery photos, "
        f"{leaky:.0%} of the queries with a leaky one."
    )


def table_of(metrics: dict[str, Any]) -> list[str]:
    """R@1 and mAP of each method with their intervals, and both without leaky gallery photos, as Markdown."""
    lines = ["| | R@1 | mAP | R@1 without leaky | mAP without leaky |", "|---|---|---|---|---|"]
    for name, figures in metrics["methods"].items():
        both = (figures, figures["leak_free"])
        cells = [cell(those, figure) for those in both for figure in ("R@1", "mAP")]
        lines.append(f"| {NAMES.get(name, name)} | {' | '.join(cells)} |")
    return lines


def cell(figures: dict[str, Any], name: str) -> str:
    """A figure with its interval."""
    if figures[name] is None:
        return "no query"
    low, high = figures["confidence_intervals"][name]
    return f"{figures[name]:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    run(main, Config(), __doc__)
