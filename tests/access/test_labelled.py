from pathlib import Path

import pandas as pd
import pytest

from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.labelled import labelled, labelled_photos
from wildtrack.access.readers.load import load_catalogue
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig


def test_only_photos_of_known_animals_are_decoded(photo_folder: Path, tmp_path: Path) -> None:
    table = load_catalogue(photo_folder).table
    table.loc[[0, 3], "identity"] = "unknown"
    catalogue = Catalogue(photo_folder, table, problem_table([("x.png", "why not")]), "")
    photos = labelled_photos(catalogue, (8, 8), CacheConfig(root=tmp_path / "cache"), tmp_path / "problems.csv")
    assert photos.table["path"].tolist() == table["path"].drop([0, 3]).tolist()
    assert (tmp_path / "problems.csv").read_text("utf-8") == "path,reason\nx.png,why not\n"


def test_nobody_is_known(tmp_path: Path) -> None:
    table = pd.DataFrame({"image_id": ["a"], "identity": ["unknown"], "path": ["a.png"]})
    with pytest.raises(UserError, match="says which animal it shows"):
        labelled(Catalogue(tmp_path, table, problem_table([]), ""))
