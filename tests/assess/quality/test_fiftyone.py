import asyncio
import logging
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wildtrack.assess.quality.fiftyone import FIELDS, OPERATIONS, fiftyone_check_image_quality_issues
from wildtrack.assess.quality.flags import measure_file
from wildtrack.assess.quality.measures import MEASURES
from wildtrack.errors import UserError


class RecordingDataset:
    """Stands in for a `fiftyone.Dataset`: keeps what is set."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.fields: dict[str, list[Any]] = {"filepath": [str(path) for path in paths]}

    def values(self, field: str) -> list[Any]:
        return self.fields[field]

    def set_values(self, field: str, values: Sequence[Any]) -> None:
        assert len(values) == len(self.fields["filepath"])
        assert any(value is not None for value in values), "FiftyOne cannot tell the type of such a field"
        self.fields[field] = list(values)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    photos = [tmp_path / "white.png", tmp_path / "not a photo.jpg", tmp_path / "grå.png"]
    Image.new("RGB", (40, 20), "white").save(photos[0])
    photos[1].write_text("words")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 60, 3), dtype=np.uint8)).save(photos[2])
    return photos


def check(dataset: Any, *operations: str) -> Any:
    return asyncio.run(fiftyone_check_image_quality_issues(dataset, operations))


def check_measures(dataset: Any, paths: list[Path]) -> None:
    first, last = (measure_file(path)[0] for path in (paths[0], paths[2]))
    assert all(dataset.values(field) == [first[field], None, last[field]] for field in MEASURES)


def test_the_eight_operations_fill_every_measure(paths: list[Path]) -> None:
    names = ("aspect_ratio", "brightness", "contrast", "exposure", "saturation", "vignetting", "blurriness", "entropy")
    assert tuple(f"compute_{name}" for name in names) == OPERATIONS
    dataset = RecordingDataset(paths)
    assert asyncio.run(fiftyone_check_image_quality_issues(dataset)) is dataset
    assert set(dataset.fields) == {"filepath", *MEASURES}
    check_measures(dataset, paths)
    assert all(type(dataset.values(field)[0]) is float for field in MEASURES)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_fills_its_own_fields_and_bad_photos_are_logged(
    paths: list[Path], operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert set(check(RecordingDataset(paths), operation).fields) == {"filepath", *FIELDS[operation]}
    assert "1; the first" in caplog.text and "not a photo.jpg" in caplog.text


@pytest.mark.parametrize("kept", [slice(0), slice(1, 2)])
def test_without_an_operation_or_a_readable_photo_no_field_is_made(paths: list[Path], kept: slice) -> None:
    assert set(check(RecordingDataset(paths[kept]), *OPERATIONS).fields) == {"filepath"}
    assert set(check(RecordingDataset([Path("missing.jpg")])).fields) == {"filepath"}


def test_an_unknown_operation_names_the_allowed(paths: list[Path]) -> None:
    dataset = RecordingDataset(paths)
    with pytest.raises(UserError, match=r"'compute_beauty'.*compute_aspect_ratio.*compute_entropy"):
        check(dataset, "compute_entropy", "compute_beauty")
    assert set(dataset.fields) == {"filepath"}


def test_a_real_dataset(paths: list[Path]) -> None:
    fiftyone = pytest.importorskip("fiftyone")
    try:
        dataset = fiftyone.Dataset(f"wildtrack-test-{uuid.uuid4()}")
    except fiftyone.core.config.FiftyOneConfigError as error:
        pytest.skip(f"FiftyOne has no database here: {error}")
    try:
        dataset.add_samples([fiftyone.Sample(filepath=str(path)) for path in paths])
        check(dataset, *OPERATIONS)
        check_measures(dataset, paths)
        empty = dataset.limit(0)
        assert check(empty, *OPERATIONS) is empty
    finally:
        dataset.delete()
