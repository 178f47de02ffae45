from pathlib import Path

import pytest

from tests.helpers.label_files import HEADER, fill, listed
from wildtrack.access.readers.table import is_catalogue, read_table
from wildtrack.errors import UserError


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


def test_words_that_pandas_takes_for_missing_stay_names(table_root: Path) -> None:
    (table_root / "t.csv").write_text(HEADER + "NA,None,b.jpg\n")
    table = read_table(table_root / "t.csv").table
    assert table[["image_id", "identity"]].values.tolist() == [["NA", "None"]]


def test_row_with_too_many_cells_is_listed(table_root: Path) -> None:
    (table_root / "t.csv").write_text("image_id,identity,path,bbox\n1,t1,b.jpg,[1,2,3,4]\n2,t1,b.jpg,'' \n3,t1,b.jpg\n")
    catalogue = read_table(table_root / "t.csv")
    assert catalogue.table["image_id"].tolist() == ["3"]
    problems = listed(catalogue)
    assert list(problems) == ["t.csv, line 2", "b.jpg"]
    assert "7 cells under 4 columns" in problems["t.csv, line 2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (HEADER.encode(), "no rows"),
        (b"photo,animal\n1,2\n", "no column image_id, identity, path; it has photo, animal"),
        (b"dear diary", "it has dear diary"),
        (b"word " * 1000, r"it has \[\.\.\.\]|it has word"),
        ("image_id,identity,path\n1,Zoë,b.jpg".encode("cp1252"), "not a CSV in UTF-8"),
        ("image_id,identity,path\n".encode("utf-16"), "not a CSV in UTF-8"),
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


@pytest.mark.parametrize(("content", "expected"), [(None, False), ("camera,owner\n", False), (HEADER, True)])
def test_is_catalogue(tmp_path: Path, content: str | None, expected: bool) -> None:
    if content is not None:
        (tmp_path / "metadata.csv").write_text(content)
    assert is_catalogue(tmp_path / "metadata.csv") is expected
