"""How good the photos are: a catalogue in, one row of numbers a photo out, and the photos beyond a threshold."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd

from wildtrack.access.boxes import Box, boxes
from wildtrack.access.catalogue import problem_table
from wildtrack.access.photos.reader import PhotoError, photo_size, read_photo, scaled_size
from wildtrack.assess.quality.measures import MEASURES, WORKING_SIDE, Photo, measure
from wildtrack.assess.quality.rotation import Features, describe, suspected_turns
from wildtrack.config import Range, Share, check_settings
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.storage.threads import in_threads

NUMBERS = ("height", "width", *MEASURES, "turn", "turn_margin")


@dataclass(frozen=True)
class Thresholds:
    """From where on a photo is flagged; each field is the name of an issue. docs/quality.md says why these."""

    narrow: Annotated[float, Range(0)] = 0.33  # aspect ratio below: three times as high as wide
    wide: Annotated[float, Range(0)] = 3.0  # aspect ratio above: three times as wide as high
    dark: Share = 0.2  # brightness below, 0 to 1
    bright: Share = 0.8  # brightness above, 0 to 1
    low_contrast: Annotated[float, Range(0, 0.5)] = 0.06  # contrast below, 0 to 0.5
    overexposed: Share = 0.1  # share of blown-out pixels above, 0 to 1
    underexposed: Share = 0.1  # share of black pixels above, 0 to 1
    colourless: Share = 0.03  # saturation below, 0 to 1: infrared, black and white, thick haze
    vignetted: Share = 0.3  # share of light lost in the corners above, 0 to 1
    blurry: Share = 0.55  # blurriness above, 0 to 1
    plain: Annotated[float, Range(0, 8)] = 5.5  # entropy below, 0 to 8 bits: few different grey values
    turned: Annotated[float, Range(0, 2)] = 0.5  # margin above by which a quarter turn looks more upright, 0 to about 2


ISSUES = {  # issue: its measure, and whether low or high values are bad
    "narrow": ("aspect_ratio", "low"),
    "wide": ("aspect_ratio", "high"),
    "dark": ("brightness", "low"),
    "bright": ("brightness", "high"),
    "low_contrast": ("contrast", "low"),
    "overexposed": ("overexposed", "high"),
    "underexposed": ("underexposed", "high"),
    "colourless": ("saturation", "low"),
    "vignetted": ("vignetting", "high"),
    "blurry": ("blurriness", "high"),
    "plain": ("entropy", "low"),
    "turned": ("turn_margin", "high"),
}


def check_thresholds(thresholds: Thresholds) -> None:
    """Refuse thresholds that no photo can reach, and those that flag a photo for being both too low and too high."""
    check_settings(thresholds, "thresholds.")
    values = asdict(thresholds)
    for low, high in (("narrow", "wide"), ("dark", "bright")):
        if values[low] > values[high]:
            raise UserError(
                f"--thresholds.{low} {values[low]} is above --thresholds.{high} {values[high]}, so that a photo could "
                "be both; it must be at or below it"
            )


def quality_table(table: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The `NUMBERS` of each row's box or photo, NaN where they are not known; and `path` and `reason` of bad photos.

    Photos are read one by one; what is kept of one is its numbers and its description for `suspected_turns`, 354 bytes.
    """
    jobs = [(root / path, box) for path, box in zip(table["path"], boxes(table), strict=True)]
    results = list(track(in_threads(lambda job: measured(*job), jobs), "Measuring photos", total=len(jobs)))
    rows = [{} if isinstance(result, PhotoError) else result[0] for result in results]
    quality = pd.DataFrame(rows, index=range(len(table)), columns=list(NUMBERS), dtype="float64")
    turns = suspected_turns(np.array([result[1] for result in results if not isinstance(result, PhotoError)]))
    if turns is not None:
        readable = quality["height"].notna()
        quality.loc[readable, "turn"], quality.loc[readable, "turn_margin"] = turns
    quality.insert(0, "image_id", table["image_id"].to_numpy(dtype=object))
    quality.insert(1, "path", table["path"].to_numpy(dtype=object))
    quality.insert(2, "cropped", [box is not None for _, box in jobs])
    read = zip(table["path"], results, strict=True)
    return quality, problem_table((path, str(result)) for path, result in read if isinstance(result, PhotoError))


def measure_file(path: Path, bbox: Box | None = None) -> tuple[dict[str, float], Photo]:
    """`height`, `width` and the `MEASURES` of a photo, or of a box in it, and the pixels that were measured."""
    height, width = photo_size(path, bbox)
    photo = read_photo(path, scaled_size(height, width, WORKING_SIDE), bbox)
    return {"height": height, "width": width, **measure(photo), "aspect_ratio": width / height}, photo


def flag_quality(quality: pd.DataFrame, thresholds: Thresholds) -> pd.DataFrame:
    """A row for each issue of each photo, `value` and `threshold`: by issue, the worst photo first; never for NaN."""
    found = [quality.iloc[:0][["image_id", "path"]].assign(issue="", value=0.0, threshold=0.0)]
    for issue, threshold in asdict(thresholds).items():
        measured, bad = ISSUES[issue]
        value = quality[measured]
        rows = quality[["image_id", "path"]][value < threshold if bad == "low" else value > threshold]
        rows = rows.assign(issue=issue, value=value[rows.index], threshold=threshold)
        found.append(rows.sort_values("value", ascending=bad == "low", kind="stable"))
    return pd.concat(found, ignore_index=True)


def measured(path: Path, bbox: Box | None = None) -> tuple[dict[str, float], Features] | PhotoError:
    """The numbers of `measure_file` and the description for `suspected_turns`; or why the photo cannot be read."""
    try:
        numbers, photo = measure_file(path, bbox)
    except PhotoError as error:
        return error
    return numbers, describe(photo, numbers["aspect_ratio"])
