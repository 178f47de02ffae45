"""The quality measures as sample fields of a FiftyOne dataset; FiftyOne itself is never imported here.

ReIDHub's eight operations. The numbers are defined in docs/quality.md; a sample is measured whole.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from wildtrack.access.photos.reader import PhotoError
from wildtrack.assess.quality.flags import measured
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.storage.threads import in_threads

FIELDS = {  # operation: the sample fields that it fills
    "compute_aspect_ratio": ("aspect_ratio",),
    "compute_brightness": ("brightness",),
    "compute_contrast": ("contrast",),
    "compute_exposure": ("overexposed", "underexposed"),
    "compute_saturation": ("saturation",),
    "compute_vignetting": ("vignetting",),
    "compute_blurriness": ("blurriness",),
    "compute_entropy": ("entropy",),
}
OPERATIONS = tuple(FIELDS)

log = logging.getLogger(__name__)


class Samples(Protocol):
    """What is used of a `fiftyone.Dataset` or view."""

    def values(self, field: str) -> Sequence[Any]:
        """One value a sample."""

    def set_values(self, field: str, values: Sequence[Any]) -> None:
        """One value a sample; a new field is made."""


SamplesT = TypeVar("SamplesT", bound=Samples)


async def fiftyone_check_image_quality_issues(dataset: SamplesT, operations: Iterable[str] = OPERATIONS) -> SamplesT:
    """Measure the photos of a FiftyOne dataset and fill float fields of its samples.

    Args:
        dataset: A `fiftyone.Dataset` or view of photos; each photo is measured whole.
        operations: Any of `OPERATIONS`; each fills the field of its name without "compute_", but
            "compute_exposure" fills `overexposed` and `underexposed`.

    Returns:
        The dataset. Photos that cannot be read have None, and are logged.

    Raises:
        UserError: An operation that is not among the eight.

    Example:
        await fiftyone_check_image_quality_issues(dataset, ["compute_brightness", "compute_blurriness"])
    """
    chosen = list(operations)
    if unknown := [operation for operation in chosen if operation not in FIELDS]:
        raise UserError(f"operation {unknown[0]!r} is not known; allowed: {', '.join(OPERATIONS)}")
    fields = list(dict.fromkeys(field for operation in chosen for field in FIELDS[operation]))
    if fields:
        await asyncio.to_thread(_fill, dataset, fields)
    return dataset


def _fill(dataset: Samples, fields: Sequence[str]) -> None:
    paths = [Path(path) for path in dataset.values("filepath")]
    results = list(track(in_threads(measured, paths), "Measuring photos", total=len(paths)))
    reasons = [(path, result) for path, result in zip(paths, results, strict=True) if isinstance(result, PhotoError)]
    if reasons:
        log.warning("Photos that cannot be measured: %d; the first: %s: %s", len(reasons), *reasons[0])
    if len(reasons) == len(paths):
        return  # FiftyOne makes no field of nothing but None
    for field in fields:
        dataset.set_values(field, [None if isinstance(result, PhotoError) else result[0][field] for result in results])
