import re
from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, fill
from wildtrack.access.readers.table import read_table
from wildtrack.storage.ownership import mark_ours


@pytest.mark.parametrize(
    ("rows", "files", "told"),
    [
        (["t1/a.jpg", "t2/b.jpg"], ["t2/c.JPG", "t3/d.png", "readme.txt"], "2 photo files .* no row, such as t2/c.JPG"),
        (["t1/a.jpg", "t2/b.jpg"], [".trash/c.jpg", "t1/.d.jpg"], None),  # hidden
        (["t1/a.jpg", ".\\t2\\c.jpg"], ["t2/c.jpg"], None),  # written in another way
        (["all/t1/a.jpg"], ["b.jpg", "all/t2/c.jpg"], None),  # outside of the folder that the rows share
        (
            ["all/t1/a.jpg", "all/t2/b.jpg"],
            ["b.jpg", "all/t3/c.jpg"],
            "1 photo file .*, such as all/t3/c.jpg",
        ),
    ],
)
def test_photos_in_no_row(tmp_path: Path, rows: list[str], files: list[str], told: str | None) -> None:
    fill(tmp_path, *files, *(row.replace("\\", "/") for row in rows))
    lines = [f"{number},t1,{row}\n" for number, row in enumerate(rows)]
    (tmp_path / "t.csv").write_text(HEADER + "".join(lines))
    understood = read_table(tmp_path / "t.csv").understood
    assert "no row" not in understood if told is None else re.search(f"; {told}", understood)


def test_photos_left_out_before_are_no_news(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "empty.jpg")
    (tmp_path / "catalogue.csv").write_text(HEADER + "1,t1,a.jpg\n")
    (tmp_path / "problems.csv").write_text("path,reason\nempty.jpg,no animal\n")
    assert "1 photo file beside" in read_table(tmp_path / "catalogue.csv").understood  # somebody else's list
    mark_ours(tmp_path / "problems.csv")
    assert "no row" not in read_table(tmp_path / "catalogue.csv").understood
    fill(tmp_path, "new.jpg")
    assert "1 photo file beside is in no row, such as new.jpg" in read_table(tmp_path / "catalogue.csv").understood
