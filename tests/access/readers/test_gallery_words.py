"""Folders and columns train, query and gallery: gallery animals that train has not are never trained on."""

from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, fill
from wildtrack.access.readers.folders import read_folders
from wildtrack.access.readers.table import read_table


@pytest.mark.parametrize("as_table", [False, True])
@pytest.mark.parametrize(
    ("photos", "trained", "said"),
    [
        (["train/A", "query/B", "gallery/B"], ["A"], "1 animal that train has not"),  # person re-identification
        (["Train/A", "Query/B", "Gallery/B", "val/C"], ["A"], "1 animal that train has not"),
        (["train/A", "train/unknown", "query/B", "gallery/B", "gallery/unknown"], ["A"], "1 animal that train has not"),
        (["train/A", "query/A", "gallery/A", "query/B", "gallery/B"], ["A"], "1 animal that train has not"),
        (["train/A", "query/A", "gallery/A"], ["A"], ""),  # known animals
        (["query/A", "gallery/A", "gallery/B"], ["A", "B"], ""),  # the gallery is all there is to learn from
        (["query/A", "database/A"], ["A"], ""),
    ],
)
def test_gallery_animals(tmp_path: Path, photos: list[str], trained: list[str], said: str, as_table: bool) -> None:
    fill(tmp_path, *(f"{photo}/1.jpg" for photo in photos))
    catalogue = read_folders(tmp_path)
    if as_table:
        rows = [f"{photo},{photo.split('/')[1]},{photo}/1.jpg,{photo.split('/')[0]}\n" for photo in photos]
        (tmp_path / "t.csv").write_text(HEADER.replace("\n", ",split\n") + "".join(rows))
        catalogue = read_table(tmp_path / "t.csv")
    table = catalogue.table
    named = table[table["identity"] != "unknown"]
    assert sorted(set(named["identity"][named["split"] == "train"])) == trained
    assert said in catalogue.understood and bool(said) == ("never trained on" in catalogue.understood)
