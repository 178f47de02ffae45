"""FiftyOne: against a stand-in that records its calls, and against the real one where it starts."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.helpers.marked import save_marked
from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.exports.fiftyone import check, create_fiftyone_dataset, write
from wildtrack.access.sources import load
from wildtrack.errors import UserError

BOX = (0.25, 0.5, 0.5, 0.25)


class RecordedDataset:
    """The part of `fiftyone.Dataset` that is used."""

    known: dict[str, "RecordedDataset"]

    def __init__(self, name: str) -> None:
        self.name, self.persistent = name, False
        self.samples: list[Any] = []
        self.known[name] = self

    def add_samples(self, samples: Any, num_samples: int, progress: bool) -> None:
        self.samples += samples
        assert len(self.samples) == num_samples and not self.persistent


@pytest.fixture
def fiftyone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in in the place of the module; `known` holds its datasets."""
    stand_in: Any = ModuleType("fiftyone")
    stand_in.known = RecordedDataset.known = {}
    stand_in.Dataset = RecordedDataset
    stand_in.dataset_exists = lambda name: name in stand_in.known
    stand_in.Sample = stand_in.Detection = stand_in.Detections = SimpleNamespace
    monkeypatch.setitem(sys.modules, "fiftyone", stand_in)
    return stand_in


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Two animals on one turned photo, and a photo that is gone."""
    save_marked(tmp_path / "a b/1.jpg", orientation=6)
    columns = {"image_id": ["1", "2", "3"], "identity": ["Ana", "Blå", "Ana"]}
    places = {"path": ["a b/1.jpg", "a b/1.jpg", "gone.jpg"], "latitude": [1.5, float("nan"), float("nan")]}
    return pd.DataFrame(columns | places | {"bbox": [(15.0, 40.0, 30.0, 20.0), None, (1.0, 1.0, 1.0, 1.0)]})


def test_one_sample_a_row(fiftyone: Any, table: pd.DataFrame, tmp_path: Path) -> None:
    before = table.copy()
    dataset = create_fiftyone_dataset(tmp_path, table, "zebras")
    assert dataset is fiftyone.known["zebras"] and dataset.persistent
    outside: Any = [[500.0, 500.0, 10.0, 10.0]]  # a list counts as a box too
    problems: list[tuple[str, str]] = []
    create_fiftyone_dataset(tmp_path, table[:1].assign(bbox=outside), "outside", problems=problems)
    assert problems == [("a b/1.jpg", "written without a box: its box misses it")]
    first, second, third = dataset.samples
    assert first.filepath == second.filepath == str((tmp_path / "a b/1.jpg").absolute())
    assert (first.image_id, first.identity, first.latitude) == ("1", "Ana", 1.5)
    assert first.animal.detections == [SimpleNamespace(label="Ana", bounding_box=list(BOX))]
    assert second.latitude is None and not hasattr(second, "animal") and not hasattr(third, "animal")
    assert not hasattr(first, "bbox") and not hasattr(first, "path")
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("fields", [["identity"], ["identity", "filepath"], ("identity", "path", "identity")])
def test_only_the_fields_that_are_wanted(fiftyone: Any, table: pd.DataFrame, tmp_path: Path, fields: Any) -> None:
    renamed = table.rename(columns={"path": "filepath"})  # as ReIDHub calls it
    dataset = create_fiftyone_dataset(str(tmp_path), renamed, "zebras", fields=fields)
    assert vars(dataset.samples[0]) == {"filepath": str((tmp_path / "a b/1.jpg").absolute()), "identity": "Ana"}


def test_wrong_fields_and_taken_names_are_refused(fiftyone: Any, table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="field 'weight' is no column of the table; it has image_id, identity"):
        create_fiftyone_dataset(tmp_path, table, "zebras", ["weight"])
    with pytest.raises(UserError, match="no column path"):
        create_fiftyone_dataset(tmp_path, table.drop(columns="path"), "zebras")
    create_fiftyone_dataset(tmp_path, table, "zebras")
    for refuse in (
        lambda: create_fiftyone_dataset(tmp_path, table, "zebras"),
        lambda: check(Catalogue(tmp_path / "zebras", table, problem_table([]), ""), None),
    ):
        with pytest.raises(UserError, match="has a dataset 'zebras' already"):
            refuse()


def test_a_fiftyone_that_is_missing_or_does_not_start(
    fiftyone: Any, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("MongoDB could not be installed on your system.")

    monkeypatch.setattr(fiftyone, "dataset_exists", fail)
    with pytest.raises(UserError, match="FiftyOne does not start: MongoDB could not be installed"):
        create_fiftyone_dataset(tmp_path, table, "zebras")
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(UserError, match="pip install fiftyone"):
        create_fiftyone_dataset(tmp_path, table, "zebras")


@pytest.mark.parametrize("slug", [None, "gzgc"])
def test_the_export_is_named_after_the_source(
    fiftyone: Any, table: pd.DataFrame, tmp_path: Path, slug: str | None
) -> None:
    catalogue = Catalogue(tmp_path, table, problem_table([]), "")
    said, problems = write(catalogue, tmp_path / "unused", load(slug).card if slug is not None else None)
    name = slug or tmp_path.name
    assert list(fiftyone.known) == [name] and said.endswith(f"fiftyone app launch {name}")
    assert not (tmp_path / "unused").exists()
    assert problems.to_numpy().tolist() == [
        ["gone.jpg", "written without a box: cannot be opened: No such file or directory"]
    ]


def test_the_real_one(table: pd.DataFrame, tmp_path: Path) -> None:
    fiftyone = pytest.importorskip("fiftyone")
    try:
        fiftyone.list_datasets()
    except Exception as error:
        pytest.skip(f"FiftyOne does not start here: {error}")
    name = f"wildtrack-test-{tmp_path.name}"
    dataset = create_fiftyone_dataset(tmp_path, table, name)
    try:
        assert len(fiftyone.load_dataset(name)) == 3
        first = dataset.first()
        assert first.identity == "Ana" and first.animal.detections[0].bounding_box == list(BOX)
    finally:
        fiftyone.delete_dataset(name)
