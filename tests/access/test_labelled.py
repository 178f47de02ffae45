import os
import shutil
from pathlib import Path

import pandas as pd

from wildtrack.access.labelled import photo_contents


def test_contents_go_with_the_files_and_not_with_their_place_or_time(photo_folder: Path, tmp_path: Path) -> None:
    table = pd.DataFrame({"path": ["Ana/0.png", "Ana/1.png", "Ana/0.png"]})
    contents = photo_contents(table, photo_folder)
    assert contents[0] == contents[2] != contents[1]
    moved = shutil.copytree(photo_folder, tmp_path / "moved")
    os.utime(moved / "Ana/0.png", (0, 0))
    assert photo_contents(table, moved) == contents
    shutil.copy(moved / "Blå/0.png", moved / "Ana/0.png")
    assert photo_contents(table, moved)[0] not in contents
    assert photo_contents(table, moved)[1] == contents[1]


def test_content_of_a_photo_that_is_gone(tmp_path: Path) -> None:
    assert photo_contents(pd.DataFrame({"path": ["gone.png"]}), tmp_path) == [""]
