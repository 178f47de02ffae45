import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.photos.pixel_cache import decode_catalogue
from wildtrack.access.readers.load import load_catalogue
from wildtrack.assess.checks import Checks, check_catalogue
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.quality.flags import Thresholds
from wildtrack.assess.splits import SplitConfig
from wildtrack.storage.cache import CacheConfig


@pytest.fixture
def catalogue(tmp_path: Path, photo_folder: Path) -> Catalogue:
    """Three animals with four photos each, one exact copy, one torn photo."""
    root = shutil.copytree(photo_folder, tmp_path / "photos")
    shutil.copy(root / "Ana/0.png", root / "Ana/copy.png")
    (root / "Ana/torn.png").write_bytes(b"torn")
    return load_catalogue(root)


def checked(catalogue: Catalogue, cache: Path) -> Checks:
    photos = decode_catalogue(catalogue.table, catalogue.root, (64, 64), CacheConfig(root=cache))
    thresholds = Thresholds(dark=0.8, plain=8.0)  # each photo is dark and plain
    return check_catalogue(catalogue, photos, perceptual_hashes(photos.small), thresholds, SplitConfig())


def test_every_check_sees_the_photos_that_can_be_read(catalogue: Catalogue, tmp_path: Path) -> None:
    checks = checked(catalogue, tmp_path / "cache")
    assert len(checks.table) == len(checks.quality) == checks.statistics["rows"] == 13
    assert checks.problems["path"].tolist() == ["Ana/torn.png"]
    assert {"Ana/0.png", "Ana/copy.png"} <= set(checks.duplicates["path"])
    assert set(checks.suggested["image_id"]) == set(checks.table["image_id"])
    assert checks.leakage is None
    issues = checks.quality_with_issues()
    assert issues["image_id"].tolist() == checks.table["image_id"].tolist()
    assert all({"dark", "plain"} <= set(words.split("; ")) for words in issues["issues"])


@pytest.mark.parametrize("sides", [["train", "test"], [None, "test"], [None, None]])
def test_leakage_is_measured_where_there_is_a_split(catalogue: Catalogue, tmp_path: Path, sides: list[Any]) -> None:
    table = catalogue.table.assign(split=np.resize(np.array(sides, dtype=object), len(catalogue.table)))
    checks = checked(Catalogue(catalogue.root, table, catalogue.problems, ""), tmp_path / "cache")
    assert (checks.leakage is None) is (set(sides) == {None})


def test_the_ruined_copy_is_the_one_that_can_go(catalogue: Catalogue, tmp_path: Path) -> None:
    good = Image.open(catalogue.root / "Ana/0.png")
    good.resize((160, 160)).point(lambda value: value // 12).save(catalogue.root / "Ana/0_.png")
    checks = checked(load_catalogue(catalogue.root), tmp_path / "cache")
    gone = checks.duplicates[checks.duplicates["removable"]].set_index("image_id")["duplicate_of"]
    assert gone.to_dict() == {"Ana/copy.png": "Ana/0.png", "Ana/0_.png": "Ana/0.png"}


def test_the_suggested_split_takes_the_place_of_the_own_one(catalogue: Catalogue, tmp_path: Path) -> None:
    names = catalogue.table["identity"].where(catalogue.table["path"] != "Ana/1.png", "unknown")
    table = catalogue.table.assign(identity=names, split="train")
    checks = checked(Catalogue(catalogue.root, table, catalogue.problems, ""), tmp_path / "cache")
    resplit = checks.with_suggested_split()
    assert "Ana/1.png" not in set(resplit["path"])
    columns = ["image_id", "split"]
    assert sorted(map(tuple, resplit[columns].to_numpy())) == sorted(map(tuple, checks.suggested[columns].to_numpy()))
    assert set(checks.table["split"]) == {"train"}
