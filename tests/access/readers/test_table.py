import re
from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, fill, listed
from wildtrack.access.readers.table import is_catalogue, read_table
from wildtrack.access.reading import ReadConfig
from wildtrack.errors import UserError
from wildtrack.storage.ownership import mark_written


@pytest.fixture
def table_root(tmp_path: Path) -> Path:
    return fill(tmp_path, "fotos größe/a 1.jpg", "b.jpg")


@pytest.mark.parametrize(
    "content",
    [
        "image_id,identity,path\n1,Zoë,b.jpg\n2,007,fotos größe/a 1.jpg\n",
        "\ufeffimage_id,identity,path\n1,Zoë,b.jpg\n2,007,fotos größe/a 1.jpg\n",
        "image_id;identity;path\r\n1;Zoë;b.jpg\r\n2;007;fotos größe\\a 1.jpg\r\n",
        'image_id\tidentity\tpath\n1\tZoë\tb.jpg\n2\t007\t"fotos größe/a 1.jpg"\n',
        "image_id, identity , file_name,\n1, Zoë, b.jpg,\n\n,,,\n2,007,fotos größe/a 1.jpg",
    ],
)
def test_table(table_root: Path, content: str) -> None:
    source = table_root / "my table.csv"
    source.write_text(content, encoding="utf-8", newline="")
    catalogue = read_table(source)
    assert catalogue.table.to_dict("list") == {
        "image_id": ["1", "2"],
        "identity": ["Zoë", "007"],
        "path": ["b.jpg", "fotos größe/a 1.jpg"],
    }
    assert catalogue.problems.empty
    assert catalogue.root == table_root
    assert catalogue.understood == "the table my table.csv: 2 photos of 2 identities"
    assert is_catalogue(source)


def test_row_with_too_many_cells_is_listed(table_root: Path) -> None:
    rows = "1,t1,b.jpg,[1,2,3,4]\n2,t1,b.jpg,'' \nNA,None,b.jpg\n"  # words that pandas takes for missing
    (table_root / "t.csv").write_text(f"image_id,identity,path,bbox\n{rows}")
    catalogue = read_table(table_root / "t.csv", config=ReadConfig(animals=("None",)))
    assert catalogue.table[["image_id", "identity"]].to_numpy().tolist() == [["NA", "None"]]
    problems = listed(catalogue)
    assert list(problems) == ["t.csv, line 2", "b.jpg"]
    assert "7 values under 4 columns" in problems["t.csv, line 2"]


def test_a_catalogue_that_was_written_keeps_its_names(table_root: Path) -> None:
    """What --animals NA kept is kept by the next command, until the user edits the file."""
    source = table_root / "catalogue.csv"
    source.write_text(f"{HEADER}1,NA,b.jpg\n2,unknown,fotos größe/a 1.jpg\n")
    assert set(read_table(source).table["identity"]) == {"unknown"}
    mark_written(source)
    written = read_table(source)
    assert written.table["identity"].tolist() == ["NA", "unknown"]
    assert "names that were kept as animals': NA (if one stands for nobody: --nobody NAME)" in written.understood
    assert set(read_table(source, config=ReadConfig(nobody=("NA",))).table["identity"]) == {"unknown"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (HEADER.encode(), "no rows"),
        (b"photo,animal\n1,2\n", "no column image_id, identity, path; it has photo, animal"),
        (b"dear diary", "it has dear diary"),
        (b"word " * 1000, r"it has \[\.\.\.\]|it has word"),
        ("image_id,identity,path\n1,Лев,b.jpg".encode("cp1251"), "line 2, column identity: 'Ëåâ' is not UTF-8"),
        ("image_id,identity,path\n1,Zoë,b.jpg".encode("mac_roman"), "line 2, column identity: .* is not UTF-8"),
        ("image_id,identity,path\n".encode("utf-16"), "no rows"),
        (b"image_id,identity,path\n1,2," + b"x" * 200_000, "not a CSV in UTF-8"),
        (HEADER.encode() + b"1,t1,missing.jpg\n", "none of the 1 rows"),
        (HEADER.encode() + b"1,t1,b.jpg,extra\n", "no rows"),
    ],
)
def test_tables_that_are_refused(table_root: Path, content: bytes, message: str) -> None:
    source = table_root / "t.csv"
    source.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_table(source)
    assert str(source) in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(source))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, False), ("camera,owner\n", False), (HEADER, True), (HEADER + "1,t1,b.jpg\n" * 9999 + "\ud8ff", True)],
)
def test_only_the_header_tells_a_catalogue(tmp_path: Path, content: str | None, expected: bool) -> None:
    if content is not None:
        (tmp_path / "metadata.csv").write_text(content, "utf-8", "surrogatepass")  # so that the end is no UTF-8
    assert is_catalogue(tmp_path / "metadata.csv") is expected


@pytest.mark.parametrize(
    ("rows", "files", "note"),
    [
        (["t1/a.jpg", "t2/b.jpg"], ["t2/c.JPG", "t3/d.png", "readme.txt"], "2 photo files .* no row, such as t2/c.JPG"),
        (["t1/a.jpg", "t2/b.jpg"], [".trash/c.jpg", "t1/.d.jpg"], None),  # hidden
        (["t1/a.jpg", ".\\t2\\c.jpg"], ["t2/c.jpg"], None),  # written in another way
        (["all/t1/a.jpg"], ["b.jpg", "all/t2/c.jpg"], None),  # outside of the folder that the rows share
        (["all/t1/a.jpg", "all/t2/b.jpg"], ["b.jpg", "all/t3/c.jpg"], "1 photo file .*, such as all/t3/c.jpg"),
    ],
)
def test_photos_in_no_row_are_counted(tmp_path: Path, rows: list[str], files: list[str], note: str | None) -> None:
    fill(tmp_path, *files, *(row.replace("\\", "/") for row in rows))
    lines = [f"{number},t1,{row}\n" for number, row in enumerate(rows)]
    (tmp_path / "t.csv").write_text(HEADER + "".join(lines))
    understood = read_table(tmp_path / "t.csv").understood
    assert "no row" not in understood if note is None else re.search(f"\n{note}", understood)


def test_photos_that_were_left_out_before_are_not_counted(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "empty.jpg")
    (tmp_path / "catalogue.csv").write_text(HEADER + "1,t1,a.jpg\n")
    (tmp_path / "problems.csv").write_text("path,reason\nempty.jpg,no animal\n")
    assert "1 photo file beside" in read_table(tmp_path / "catalogue.csv").understood  # the list is the user's
    mark_written(tmp_path / "problems.csv")
    assert "no row" not in read_table(tmp_path / "catalogue.csv").understood
    fill(tmp_path, "new.jpg")
    assert "1 photo file beside is in no row, such as new.jpg" in read_table(tmp_path / "catalogue.csv").understood


@pytest.mark.parametrize(
    ("columns", "rows", "said"),
    [
        ("", ["1,Ana,a.jpg", "2,Ana,a.jpg", "3,Ana,b.jpg"], "1, such as a.jpg"),
        ("", ["1,Ana,a.jpg", "2,Bo,a.jpg", "3,Ana,b.jpg"], None),
        ("", ["1,,a.jpg", "2,,a.jpg"], None),  # two animals that nobody knows
        (",bbox", ["1,Ana,a.jpg,1 2 30 40", "2,Ana,a.jpg,5 6 30 40"], None),
        (",individual_uuid", ["1,Ana,a.jpg,k1", "2,Ana,a.jpg,k2"], None),  # two animals of one name
        (",individual_uuid", ["1,Ana,a.jpg,k1", "2,Ana,a.jpg,k1"], "1, such as a.jpg"),
    ],
)
def test_a_photo_that_is_listed_again_is_counted(
    tmp_path: Path, columns: str, rows: list[str], said: str | None
) -> None:
    fill(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "t.csv").write_text("\n".join([HEADER.strip() + columns, *rows]))
    catalogue = read_table(tmp_path / "t.csv")
    remark = f"\nrows that list a photo again under the same name: {said}"
    assert remark in catalogue.understood if said else "again" not in catalogue.understood
    assert len(catalogue.table) == len(rows)
