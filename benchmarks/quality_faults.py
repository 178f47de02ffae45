"""How well the default thresholds find faults planted in good photos: recall, false alarms and precision of each.

python -m benchmarks.quality_faults ../shared/data/zebras      a folder or CSV of photos without such faults
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro

from wildtrack.access.photos.reader import read_photo
from wildtrack.access.readers.load import load_catalogue
from wildtrack.assess.quality.flags import ISSUES, Thresholds, measure_file
from wildtrack.assess.quality.measures import Photo, measure
from wildtrack.assess.quality.rotation import describe, suspected_turns
from wildtrack.console import console, run, track


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: tyro.conf.Positional[Path] = Path("data/demo-turtles")  # the photos
    share: float = 0.05  # of the photos are faulty; precision depends on it
    draws: int = 10  # of the photos that are turned


def main(config: Config) -> None:
    """Plant each fault in every photo, and quarter turns in a share of them."""
    catalogue = load_catalogue(config.data)
    sound: list[dict[str, float]] = []
    faulty: dict[str, list[dict[str, float]]] = {name: [] for name in FAULTS}
    described: list[list[np.ndarray]] = []  # of each photo at each quarter turn
    for path in track(catalogue.table["path"], "Planting faults", len(catalogue.table)):
        photo = read_photo(catalogue.root / path)
        sound.append(measure(photo))
        for name, plant in FAULTS.items():
            faulty[name].append(measure(plant(photo)))
        small = measure_file(catalogue.root / path)[1]
        turned = [np.ascontiguousarray(np.rot90(small, quarter)) for quarter in range(4)]
        described.append([describe(one, one.shape[1] / one.shape[0]) for one in turned])
    console.print(f"{len(sound)} photos, {config.share:.0%} faulty")
    for name in FAULTS:
        issue = name.split()[0].strip(",")
        report(name, flagged(faulty[name], issue), flagged(sound, issue), config.share)
    report_turns(np.array(described), config)


def flagged(measured: list[dict[str, float]], issue: str) -> float:
    """The share of photos that have an issue by the default thresholds."""
    name, bad = ISSUES[issue]
    values, threshold = np.array([photo[name] for photo in measured]), getattr(Thresholds(), issue)
    return float(np.mean(values < threshold if bad == "low" else values > threshold))


def report(name: str, recall: float, false_alarms: float, share: float) -> None:
    """Print one line."""
    found, wrong = share * recall, (1 - share) * false_alarms
    precision = f"{found / (found + wrong):.2f}" if found + wrong else "none found"
    console.print(f"{name:34s} recall {recall:.2f}  false alarms {false_alarms:.4f}  precision {precision}")


def report_turns(described: np.ndarray, config: Config) -> None:
    """Turn a share of the photos at random, several times; `described` is (N, 4, 177)."""
    count, figures = len(described), []
    for seed in range(config.draws):
        chance = np.random.default_rng(seed)
        turns = np.where(chance.random(count) < config.share, chance.integers(1, 4, count), 0)
        suspected = suspected_turns(described[np.arange(count), turns])
        if suspected is not None:
            found = suspected[1] > Thresholds().turned
            figures.append((found[turns > 0].mean(), found[turns == 0].mean()))
    if figures:
        recall, false_alarms = np.mean(figures, axis=0)
        report(f"turned, mean of {len(figures)} draws", recall, false_alarms, config.share)
    else:
        console.print("turned: none suspected; too few photos, or a dataset without a clear up")


def blurred(share: float) -> Callable[[Photo], Photo]:
    """A Gaussian blur with a standard deviation of so much of the longer side."""
    return lambda photo: np.asarray(cv2.GaussianBlur(photo, (0, 0), share * max(photo.shape[:2])), np.uint8)


def shaken(share: float) -> Callable[[Photo], Photo]:
    """A sideways movement by so much of the longer side."""
    return lambda photo: np.asarray(cv2.blur(photo, (round(share * max(photo.shape[:2])), 1)), np.uint8)


def exposed(stops: float) -> Callable[[Photo], Photo]:
    """More light by so many stops, gamma 2.2."""
    return lambda photo: np.asarray(np.clip(photo * 2 ** (stops / 2.2), 0, 255), np.uint8)


def vignetted(loss: float) -> Callable[[Photo], Photo]:
    """A fall-off with the square of the distance from the middle, to 1 - loss in the corners."""

    def plant(photo: Photo) -> Photo:
        down, right = np.meshgrid(*(np.linspace(-1, 1, side) for side in photo.shape[:2]), indexing="ij")
        return np.asarray(photo * (1 - loss * (down**2 + right**2) / 2)[..., None], np.uint8)

    return plant


FAULTS: dict[str, Callable[[Photo], Photo]] = {  # the first word is the issue
    "blurry by 0.5% of the longer side": blurred(0.005),
    "blurry by 1%": blurred(0.01),
    "blurry by 2%": blurred(0.02),
    "blurry by 8%": blurred(0.08),
    "blurry, shaken by 2%": shaken(0.02),
    "blurry, shaken by 4%": shaken(0.04),
    "dark, 3 stops": exposed(-3),
    "dark, 4 stops": exposed(-4),
    "underexposed, 8 stops": exposed(-8),
    "overexposed, 2 stops": exposed(2),
    "overexposed, 3 stops": exposed(3),
    "bright, 3 stops": exposed(3),
    "vignetted, half the light": vignetted(0.5),
    "vignetted, 80% of the light": vignetted(0.8),
    "low_contrast, to a quarter": lambda photo: np.asarray(96 + photo * 0.25, np.uint8),
    "plain, to an eighth": lambda photo: np.asarray(96 + photo / 8, np.uint8),
    "colourless": lambda photo: np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
}

if __name__ == "__main__":
    run(main, Config(), __doc__)
